import type { RetiredReport } from '../../api/report.ts';
import type { DeletionPolicy } from '../../api/rundocument.ts';
import { markerIn, withoutMarker } from '../criteo/marker.ts';
import { deleteSegment, type Segment, updateSegment } from '../criteo/segments.ts';
import { Fault } from '../fault.ts';
import { type Entry, emptySet } from '../ledger/head.ts';
import { type Change, changeFor, isNothing } from './change.ts';
import { type Ground, load } from './decide.ts';
import { isSurelyGone, removeOnly, type Tally, type Work } from './fill.ts';
import { isGuarded } from './guard.ts';
import { withEntry, withoutEntry } from './records.ts';
import { none } from './sets.ts';

/** What is to be done with a segment that has left the export. */
export interface Retirement {
  entry: Entry;
  policy: DeletionPolicy;
  /** Removes all that is ours. */
  change: Change;
  guarded: boolean;
}

/**
 * What `deletionPolicy` asks for, or undefined where it was carried out before and nothing
 * is left to be sent.
 * @param maxPercent undefined: not guarded, a person deleted the export itself.
 */
export async function decideRetirement(
  entry: Entry,
  policy: DeletionPolicy,
  maxPercent: number | undefined,
  ground: Ground,
): Promise<Retirement | undefined> {
  // Nobody comes back to an export that is gone: what is to be sent once more is sent now.
  const now = maxPercent === undefined ? Number.POSITIVE_INFINITY : ground.settling.now;
  const known = await load(entry, { ...ground, settling: { ...ground.settling, now } });
  const change = changeFor(known, { digests: none, withdrawn: none, mirror: true, resync: false });
  // A deletion that was begun is ended, whatever the policy says by now.
  if (entry.phase === 'Deleting') return { entry, policy: 'Delete', change, guarded: false };
  if (entry.retired === 'Retain' || (entry.retired !== undefined && isNothing(change))) return undefined;
  const guarded =
    policy !== 'Retain' &&
    entry.retired === undefined &&
    maxPercent !== undefined &&
    // Everyone goes: that is a decision here, and no empty table.
    isGuarded(change, maxPercent, false);
  return { entry, policy: entry.retired ?? policy, change, guarded };
}

/** Carries it out; the numbers are for the report. @throws Fault, Refusal. */
export async function retire(
  { entry, policy, change }: Retirement,
  work: Work,
): Promise<Pick<RetiredReport, 'removed' | 'held'>> {
  if (policy === 'Retain') {
    await work.records.commit((entries) => withEntry(entries, { ...entry, retired: 'Retain' }));
    return { removed: 0, held: entry.held.count };
  }
  const found = await find(entry, work);
  if (found === undefined) return await forget(entry, work);
  refuseForeign(found, work);
  const id = found === 'Unlisted' ? (entry.criteoSegmentId ?? '') : found.id;
  // Where it was being taken over and comes back to the export, it is emptied then.
  const phase = entry.phase === 'Emptying' ? 'Emptying' : 'Filled';
  const known: Entry = { ...entry, criteoSegmentId: id, phase };
  // What was there before us, or was not made by us, is emptied of what we added and given back.
  return policy === 'Delete' && entry.origin === 'Created'
    ? await remove(known, work)
    : await empty(known, policy, change, found, work);
}

/** What a segment in the ledger is at Criteo; one that was being created may have no id yet. */
async function find(entry: Entry, work: Work): Promise<Segment | 'Unlisted' | undefined> {
  const directory = work.directoryOf(entry.advertiserId);
  if (entry.criteoSegmentId !== undefined) return await directory.byId(entry.criteoSegmentId);
  const named = await directory.byName(entry.criteoName);
  return named && markerIn(named.description)?.uid === work.owner.uid ? named : undefined;
}

function refuseForeign(found: Segment | 'Unlisted', { owner }: Work): void {
  const marker = found === 'Unlisted' ? undefined : markerIn(found.description);
  if (marker && marker.uid !== owner.uid) {
    throw new Fault('SegmentOwnedByAnother', { owner: `${marker.namespace}/${marker.name}` });
  }
}

async function remove(entry: Entry, work: Work): Promise<Pick<RetiredReport, 'removed' | 'held'>> {
  const deleting: Entry = { ...entry, phase: 'Deleting' };
  await work.records.commit((entries) => withEntry(entries, deleting));
  await deleteSegment(work.client, entry.criteoSegmentId ?? '');
  work.directoryOf(entry.advertiserId).refresh();
  await forget(deleting, work);
  return { removed: entry.held.count, held: 0 };
}

async function empty(
  entry: Entry,
  policy: DeletionPolicy,
  change: Change,
  found: Segment | 'Unlisted',
  work: Work,
): Promise<Pick<RetiredReport, 'removed' | 'held'>> {
  const tally: Tally = { uploaded: 0, removed: 0, refused: 0 };
  try {
    const emptied = await removeOnly(entry, change, tally, 'of a segment that has left the export', work);
    if (entry.origin !== 'Created' && (await unmark(found, entry, work)) === 'Gone') {
      return await forget(entry, work);
    }
    await work.records.commit((entries) => withEntry(entries, { ...emptied, retired: policy }));
  } catch (error) {
    if (!(await isSurelyGone(error, entry, work))) throw error;
    return await forget(entry, work);
  }
  return { removed: tally.removed, held: 0 };
}

/**
 * Somebody else's segment is given back: another export may use it from now on.
 * @throws Fault CriteoReplyInvalid where Criteo does not let go of our marker: it would say for ever whose it is.
 */
async function unmark(found: Segment | 'Unlisted', entry: Entry, work: Work): Promise<'Done' | 'Gone'> {
  if (found === 'Unlisted' || markerIn(found.description) === undefined) return 'Done';
  const description = withoutMarker(found.description);
  const outcome = await updateSegment(work.client, found.id, { description });
  if (outcome === 'Updated') return 'Done';
  const directory = work.directoryOf(entry.advertiserId);
  directory.refresh();
  if ((await directory.byId(found.id)) === undefined) return 'Gone';
  throw new Fault('CriteoReplyInvalid');
}

/** There is nothing of it at Criteo any more. */
export async function forget(entry: Entry, work: Work): Promise<Pick<RetiredReport, 'removed' | 'held'>> {
  await work.records.commit((entries) => withoutEntry(entries, entry));
  return { removed: 0, held: emptySet.count };
}
