import type { Report, RetiredReport } from '../api/report.ts';
import type { DeletionPolicy, RetireRun } from '../api/rundocument.ts';
import { allowAdvertiser, listAdvertisers } from './criteo/advertisers.ts';
import type { Client } from './criteo/client.ts';
import { SegmentDirectory } from './criteo/directory.ts';
import type { Entry } from './ledger/head.ts';
import { consentDecision, type Ground } from './mirror/decide.ts';
import { removeOnly, type Work } from './mirror/fill.ts';
import { approvalToken, type Guarded } from './mirror/guard.ts';
import { unsettledOf } from './mirror/history.ts';
import { decideRetirement, type Retirement, retire } from './mirror/retire.ts';
import { none, sizeOf } from './mirror/sets.ts';
import { endsRun } from './severity.ts';
import { toFault, type World } from './world.ts';

/** One segment that has left the export, with its line of the report. */
export interface Retiring {
  retirement: Retirement;
  line: RetiredReport;
}

/** A run of kind Retire: the export is gone, or uses another connection now. */
export async function retireSegments(
  document: RetireRun,
  client: Client,
  world: World,
  report: Report,
): Promise<void> {
  const records = await world.openRecords(document);
  const isGone = document.removalGuard === undefined;
  // Nothing is done at Criteo, so a Criteo that is away does not keep the ledger's people here.
  const advertisers = document.deletionPolicy === 'Retain' ? [] : await listAdvertisers(client);
  const ground = {
    records,
    owner: document.export,
    text: '',
    directoryOf: directories(client, advertisers, document.export.uid),
    withdrawn: none,
  };
  try {
    for (;;) {
      const settling = { now: world.clock.now(), settleMs: world.settleMs };
      const work: Work = { ...ground, settling, client, clock: world.clock, log: world.log };
      const maxPercent = document.removalGuard?.maxPercent;
      const { entries } = records.head;
      const retiring = await decideRetirements(entries, document.deletionPolicy, maxPercent, work, world);
      if ((await records.acquire()) === 'Changed') continue;
      client.permitWrites((callTimeoutMs) => records.permit(callTimeoutMs));
      return await carryOut(document, retiring, work, world, report, isGone);
    }
  } finally {
    await records.release();
  }
}

async function carryOut(
  document: RetireRun,
  retiring: readonly Retiring[],
  work: Work,
  world: World,
  report: Report,
  isGone: boolean,
): Promise<void> {
  const token = approvalToken(document.export.uid, stoppedRetirements(retiring));
  const list = retiring.map(({ line }) => line);
  report.retired = { total: list.length, list };
  const approved = token !== undefined && token === document.approval;
  await retireAll(retiring, approved, work, world);
  list.sort(failuresFirst);
  const succeeded = list.every(({ reason }) => reason === 'Succeeded');
  const unsettled = unsettledOf(work.records.head.entries);
  if (succeeded && isGone) {
    // Its people are nobody's business any more. What may still be on its way at Criteo is told.
    // Killed in the middle of that, the next run must not look for sets that are gone already.
    await work.records.commit(() => []);
    await work.records.destroy();
  } else {
    await work.records.sweep();
  }
  if (token !== undefined && !approved) report.approval = token;
  if (unsettled > 0) report.unsettled = unsettled;
  report.reason = succeeded ? 'Succeeded' : 'SegmentsFailed';
}

/** What becomes of the segments that have left; those that were retired before are left out. */
export async function decideRetirements(
  left: readonly Entry[],
  policy: DeletionPolicy,
  maxPercent: number | undefined,
  ground: Ground,
  world: World,
): Promise<Retiring[]> {
  const retiring: Retiring[] = [];
  for (const entry of left) {
    const retirement = await decideRetirement(entry, policy, maxPercent, ground);
    if (!retirement) continue;
    retiring.push({ retirement, line: lineOf(retirement) });
    world.signal.throwIfAborted();
  }
  return retiring;
}

/** As a plan tells it: what would go, and why it would not. */
function lineOf({ entry, policy, change, guarded }: Retirement): RetiredReport {
  const removed = policy === 'Retain' ? 0 : sizeOf(change.removes);
  return {
    reason: guarded ? 'RemovalGuard' : 'Succeeded',
    policy,
    advertiserId: entry.advertiserId,
    ...(entry.criteoSegmentId === undefined ? {} : { criteoSegmentId: entry.criteoSegmentId }),
    removed,
    held: policy === 'Retain' || guarded ? change.present : 0,
  };
}

export function stoppedRetirements(retiring: readonly Retiring[]): Guarded[] {
  return retiring.filter(({ retirement }) => retirement.guarded).map(({ retirement }) => retirement);
}

/** Carries retirements out, each with its own end; the lines tell which. @throws Fault where all would meet it. */
export async function retireAll(
  retiring: readonly Retiring[],
  approved: boolean,
  work: Work,
  world: World,
): Promise<void> {
  for (const { line } of retiring) line.reason = 'NotRun';
  for (const { retirement, line } of retiring) {
    const { entry, guarded } = retirement;
    try {
      if (guarded && !approved) {
        Object.assign(line, { reason: 'RemovalGuard', removed: 0 });
        await removeWithdrawn(entry, line, work);
      } else {
        Object.assign(line, await retire(retirement, work), { reason: 'Succeeded' });
        if (retirement.policy === 'Retain') await removeWithdrawn(entry, line, work);
      }
    } catch (error) {
      const fault = toFault(error, world);
      Object.assign(line, { reason: fault.reason, removed: 0, held: entry.held.count });
      if (endsRun(fault.reason)) throw fault;
    }
  }
}

async function removeWithdrawn(entry: Entry, line: RetiredReport, work: Work): Promise<void> {
  const now = work.records.head.entries.find(({ id }) => id === entry.id);
  const change = now && (await consentDecision(now, work));
  if (!now || !change) return;
  const tally = { uploaded: 0, removed: 0, refused: 0 };
  const after = await removeOnly(now, change, tally, 'without consent', work);
  Object.assign(line, { removed: tally.removed, held: after.held.count });
}

/** A report tells the first of them: what a person must see comes first. */
export function failuresFirst(a: RetiredReport, b: RetiredReport): number {
  return Number(a.reason === 'Succeeded') - Number(b.reason === 'Succeeded');
}

/** One directory an advertiser, asked once. */
export function directories(
  client: Client,
  allowed: readonly string[],
  ownerUid: string,
): (advertiserId: string) => SegmentDirectory {
  const known = new Map<string, SegmentDirectory>();
  return (advertiserId) => {
    allowAdvertiser(allowed, advertiserId);
    let directory = known.get(advertiserId);
    if (!directory) {
      directory = new SegmentDirectory(client, advertiserId, ownerUid);
      known.set(advertiserId, directory);
    }
    return directory;
  };
}
