import { randomUUID } from 'node:crypto';
import type { SegmentReport } from '../../api/report.ts';
import type { RunSegment } from '../../api/rundocument.ts';
import type { Clock } from '../clock.ts';
import type { Client } from '../criteo/client.ts';
import { changeIdentifiers, emptyContactList, type Operation } from '../criteo/contactlist.ts';
import { describe, markerIn } from '../criteo/marker.ts';
import { Refusal } from '../criteo/refusal.ts';
import { isGone, updateSegment } from '../criteo/segments.ts';
import { Fault } from '../fault.ts';
import { type Entry, emptySet } from '../ledger/head.ts';
import type { Log } from '../log.ts';
import { startProgress } from '../progress.ts';
import { type Change, nothingKnown } from './change.ts';
import type { Decision, Ground } from './decide.ts';
import { commitIntent, finish } from './intent.ts';
import type { Mend } from './placement.ts';
import { withEntry } from './records.ts';
import { type Digests, none, sizeOf } from './sets.ts';

/** What carrying decisions out needs beside the ground that they were made on. */
export interface Work extends Ground {
  client: Client;
  clock: Pick<Clock, 'now'>;
  log: Log;
}

/** The counts that sending adds to. */
export type Tally = Pick<SegmentReport, 'uploaded' | 'removed' | 'refused'>;

export interface Filling {
  segment: RunSegment;
  advertiserId: string;
  line: SegmentReport;
  /** For log lines: a segment's name is the user's own text. */
  place: string;
}

/**
 * Fills one segment: the ledger learns what is about to be sent, Criteo is told, the ledger
 * learns what Criteo acknowledged. Killed between any two of these steps, the next run
 * finds the intent and sends again whatever it names.
 */
export async function fill(
  decision: Decision & { kind: 'Fill' },
  filling: Filling,
  work: Work,
): Promise<void> {
  const { placement, change } = decision;
  let entry = await begin(decision, filling, work);
  const learn = (): void => {
    const { criteoSegmentId, origin } = entry;
    if (criteoSegmentId !== undefined) filling.line.criteoSegmentId = criteoSegmentId;
    filling.line.origin = origin;
  };
  learn();
  try {
    if (placement.kind === 'Create') entry = await create(entry, placement.description, filling, work);
    else if (placement.kind === 'TakeOver') entry = await takeOver(entry, placement.mend, work);
    else await mend(entry, placement.mend, placement.newlyOurs, work);
    learn();
    const sent = await sendOrAgain(entry, change, filling, work);
    await finish(entry, sent, decision.resync, work);
  } catch (error) {
    if (!(await isSurelyGone(error, entry, work))) throw error;
    await fillAnew(entry, change.after, filling, work);
    filling.line.action = 'Recreate';
  }
}

/** Removes people from a segment and does nothing else to it. */
export async function removeOnly(
  entry: Entry,
  change: Change,
  tally: Tally,
  place: string,
  work: Work,
): Promise<Entry> {
  const begun = await commitIntent(entry, change, work);
  const sent = await send(begun, change, { line: tally, place }, work);
  return await finish(begun, sent, false, work);
}

/** The entry with its intent, committed: from here on the ledger knows what may reach Criteo. */
async function begin(
  { entry, placement, change }: Decision & { kind: 'Fill' },
  { segment, advertiserId }: Filling,
  work: Work,
): Promise<Entry> {
  const id = placement.kind === 'Create' ? undefined : placement.segment.id;
  // Another segment than the one that the ledger knows holds nothing of ours yet.
  const isSame = entry !== undefined && id !== undefined && id === entry.criteoSegmentId;
  const kept = isSame && placement.kind === 'Use' ? entry : undefined;
  const next: Entry = {
    ...(kept ?? { id: entry?.id ?? randomUUID(), ...fresh }),
    advertiserId,
    name: segment.name,
    criteoName: segment.criteoName,
    origin:
      placement.kind === 'Use' ? placement.origin : placement.kind === 'Create' ? 'Created' : 'TakenOver',
    phase: placement.kind === 'Use' ? 'Filled' : placement.kind === 'Create' ? 'Creating' : 'Emptying',
    ...(id === undefined ? {} : { criteoSegmentId: id }),
  };
  delete next.retired;
  return await commitIntent(next, change, work);
}

const fresh: Pick<Entry, 'held' | 'recent' | 'echoes' | 'resyncedAt'> = {
  held: emptySet,
  recent: [],
  echoes: [],
  resyncedAt: 0,
};

async function create(
  entry: Entry,
  description: string,
  { segment, advertiserId }: Filling,
  work: Work,
): Promise<Entry> {
  const created = await work.directoryOf(advertiserId).create(segment.criteoName, description);
  // Somebody else made one of that name this very moment: the next look decides about it.
  if (typeof created !== 'string') throw new Fault('SegmentNameRefused', { code: 'name-must-be-unique' });
  const next: Entry = { ...entry, criteoSegmentId: created, phase: 'Filled' };
  await work.records.commit((entries) => withEntry(entries, next));
  return next;
}

/** Empties a segment that was somebody else's: once, and before anyone is added to it. */
async function takeOver(entry: Entry, wanted: Mend, work: Work): Promise<Entry> {
  await mend(entry, wanted, true, work);
  await emptyContactList(work.client, entry.criteoSegmentId ?? '');
  const emptiedAt = work.clock.now();
  const adds = entry.intent?.adds ?? emptySet;
  // The emptying itself may be late, and would then take those with it who are added now.
  const late = { due: emptiedAt + work.settling.settleMs, digests: adds };
  const next: Entry = { ...entry, phase: 'Filled', emptiedAt, echoes: adds.count > 0 ? [late] : [] };
  await work.records.commit((entries) => withEntry(entries, next));
  return next;
}

/**
 * Puts name and marker right.
 * @param claims the segment was not ours: whose it is by now is asked again, because another
 * export may have marked it in the same moment.
 */
async function mend(entry: Entry, wanted: Mend, claims: boolean, work: Work): Promise<void> {
  if (wanted.name === undefined && wanted.description === undefined) return;
  const id = entry.criteoSegmentId ?? '';
  const directory = work.directoryOf(entry.advertiserId);
  const result = await updateSegment(work.client, id, wanted);
  directory.refresh();
  if (result === 'NameTaken') throw new Fault('SegmentNameRefused', { code: 'name-must-be-unique' });
  if (result === 'Gone') {
    if ((await directory.byId(id)) !== undefined) throw new Fault('SegmentNameRefused');
    throw new Refusal(404, [{ type: 'validation', code: 'segment-not-found' }]);
  }
  if (!claims) return;
  const found = await directory.byId(id);
  const marker = typeof found === 'object' ? markerIn(found.description) : undefined;
  if (marker && marker.uid !== work.owner.uid) {
    throw new Fault('SegmentOwnedByAnother', { owner: `${marker.namespace}/${marker.name}` });
  }
}

/** Once more where the segment looked gone and the list still has it; by name where it was made read-only. */
async function sendOrAgain(entry: Entry, change: Change, filling: Filling, work: Work): Promise<Change> {
  try {
    return await send(entry, change, filling, work);
  } catch (error) {
    if (!(error instanceof Refusal && (isGone(error) || error.status === 403))) throw error;
    const directory = work.directoryOf(entry.advertiserId);
    directory.refresh();
    const found = await directory.byId(entry.criteoSegmentId ?? '');
    if (typeof found === 'object' && found.isReadOnly) throw new Fault('SegmentReadOnly');
    if (found === undefined || !isGone(error)) throw error;
    return await send(entry, change, filling, work);
  }
}

/**
 * Whether the segment is not there any more. One that refuses its list and that Criteo lists still is: whoever
 * took it for gone would forget who is in it, or make it anew upon itself, as if nobody had ever been in it.
 */
export async function isSurelyGone(error: unknown, entry: Entry, work: Work): Promise<boolean> {
  if (!(error instanceof Refusal && isGone(error))) return false;
  const directory = work.directoryOf(entry.advertiserId);
  directory.refresh();
  return (await directory.byId(entry.criteoSegmentId ?? '')) === undefined;
}

/** The segment was deleted by hand while the run was at it: it is made again, with everyone. */
async function fillAnew(entry: Entry, after: Digests, filling: Filling, work: Work): Promise<void> {
  const { owner, text } = work;
  const change: Change = { ...nothingChange, adds: after, after };
  const placement = { kind: 'Create' as const, again: true, description: describe(text, owner) };
  const decision = { kind: 'Fill' as const, entry, placement, change, guarded: false, resync: false };
  const begun = await begin(decision, filling, work);
  const created = await create(begun, placement.description, filling, work);
  filling.line.criteoSegmentId = created.criteoSegmentId ?? '';
  filling.line.origin = created.origin;
  await finish(created, await send(created, change, filling, work), false, work);
}

const nothingChange: Change = { adds: none, removes: none, after: nothingKnown.held, guarded: 0, present: 0 };

async function send(
  entry: Entry,
  change: Change,
  { line, place }: { line: Tally; place: string },
  { client, log }: Work,
): Promise<Change> {
  const id = entry.criteoSegmentId ?? '';
  line.uploaded = 0;
  line.removed = 0;
  line.refused = 0;
  const run = async (operation: Operation, digests: Digests, words: string): Promise<void> => {
    const total = sizeOf(digests);
    if (total === 0) return;
    using progress = startProgress(log, (sent) => `${words} ${sent} of ${total} identifiers ${place}`);
    for await (const { sent, valid, invalid } of changeIdentifiers(client, id, operation, digests)) {
      if (operation === 'add') line.uploaded += valid;
      else line.removed += valid;
      line.refused += invalid;
      progress.advance(sent);
    }
  };
  // Removals first: who is not to be reached is not kept waiting for a million others.
  await run('remove', change.removes, 'removed');
  await run('add', change.adds, 'uploaded');
  return change;
}
