import {
  noCounts,
  type Report,
  type SegmentAction,
  type SegmentCounts,
  type SegmentReport,
} from '../api/report.ts';
import type { ExportRun } from '../api/rundocument.ts';
import { allowAdvertiser, listAdvertisers } from './criteo/advertisers.ts';
import type { Client } from './criteo/client.ts';
import { Fault } from './fault.ts';
import { Selection, select } from './identity/selection.ts';
import type { Entry } from './ledger/head.ts';
import { consentDecision, type Decision, decide, type Ground, isIdle } from './mirror/decide.ts';
import { type Filling, fill, isSurelyGone, removeOnly, type Work } from './mirror/fill.ts';
import { approvalToken, type Guarded } from './mirror/guard.ts';
import { unsettledOf } from './mirror/history.ts';
import { matchSegments } from './mirror/match.ts';
import type { Placement } from './mirror/placement.ts';
import { forget } from './mirror/retire.ts';
import { type Digests, sizeOf } from './mirror/sets.ts';
import { startProgress } from './progress.ts';
import {
  decideRetirements,
  directories,
  failuresFirst,
  type Retiring,
  retireAll,
  stoppedRetirements,
} from './retirerun.ts';
import { endsRun } from './severity.ts';
import { toFault, type World } from './world.ts';

/** An export's way: who may, what is remembered, what is there, whether it is too much. */
export async function exportSegments(
  document: ExportRun,
  client: Client,
  world: World,
  report: Report,
): Promise<void> {
  refuseWithoutLedger(document);
  const advertisers = await listAdvertisers(client);
  allowAdvertiser(advertisers, document.advertiserId);
  const records = await world.openRecords(document);
  const lines = report.segments ?? [];
  const source = await readSource(document, world, lines);
  const shared = {
    records,
    owner: document.export,
    text: document.name ?? '',
    withdrawn: source.withdrawn,
  };
  let hasDeleted = false;
  try {
    for (;;) {
      const settling = { now: world.clock.now(), settleMs: world.settleMs };
      // Where the ledger is another by now, Criteo's list is too.
      const directoryOf = directories(client, advertisers, document.export.uid);
      const ground: Ground = { ...shared, directoryOf, settling };
      const plan = await planRun(document, source, ground, world);
      if (document.plan) return tell(document, plan, lines, report);
      // Only with the ledger's lease, taken on the very state that was looked at, is anything sent. Or refused:
      // what another run has just created is in Criteo's list and not yet in the ledger that was read before.
      const isRefused = plan.decisions.some(({ decision }) => decision.kind === 'Refuse');
      if ((isRefused || !plan.isIdle) && (await records.acquire()) === 'Changed') continue;
      client.permitWrites((callTimeoutMs) => records.permit(callTimeoutMs));
      const work: Work = { ...ground, client, clock: world.clock, log: world.log };
      const begun = plan.retiring.filter(({ retirement }) => retirement.entry.phase === 'Deleting');
      if (begun.length === 0 || hasDeleted) return await carryOut(document, plan, work, world, report);
      // A segment that a killed run was deleting still has its name, which may be wanted again.
      await retireAll(begun, plan.approved, work, world);
      // Once: one that cannot be deleted is told at the end.
      hasDeleted = true;
    }
  } finally {
    // A lease that is left behind is waited for; one that is given up is not.
    await records.release();
  }
}

/** The controller refuses such a definition; that it does is not what an emptied segment should hang on. */
function refuseWithoutLedger({ ledger, mode, deletionPolicy, segments }: ExportRun): void {
  if (ledger) return;
  const takesOver = segments.some(({ existing }) => existing === 'TakeOver');
  if (mode === 'Mirror' || takesOver || deletionPolicy !== 'Retain') throw new Fault('RunDocumentInvalid');
}

interface SourceSets {
  /** By segment: its people, or why there are none. */
  digests: Digests[];
  faults: (Fault | undefined)[];
  withdrawn: Digests;
}

async function readSource(
  document: ExportRun,
  world: World,
  lines: readonly SegmentReport[],
): Promise<SourceSets> {
  const { maxProfiles } = document;
  const selections = document.segments.map(() => new Selection(maxProfiles + 1));
  try {
    using progress = startProgress(world.log, (rows) => `read ${rows} rows`);
    const options = { maxProfiles, signal: world.signal, onRows: progress.advance };
    const withdrawn = await select(world.openSource(document), selections, options);
    const faults = selections.map((selection) => selection.refusal());
    return { withdrawn, faults, digests: selections.map((selection) => selection.drain()) };
  } finally {
    for (const [index, { counts }] of selections.entries()) Object.assign(lines[index] ?? {}, counts);
  }
}

/** All that a run decides, made on one state of the ledger. */
interface RunPlan {
  decisions: SegmentPlan[];
  retiring: Retiring[];
  /** Segments that left the export and stayed at Criteo, with people in them whose consent is gone. */
  consentGone: Entry[];
  /** What the guard stops, and whether a person approved just that. */
  guarded: Guarded[];
  approved: boolean;
  isIdle: boolean;
}

interface SegmentPlan {
  decision: Decision;
  entry: Entry | undefined;
  /** Nothing is to be sent or recorded. */
  isIdle: boolean;
}

async function planRun(
  document: ExportRun,
  source: SourceSets,
  ground: Ground,
  world: World,
): Promise<RunPlan> {
  const match = matchSegments(document.segments, ground.records.head.entries, document.advertiserId);
  const decisions: SegmentPlan[] = [];
  for (const [index, segment] of document.segments.entries()) {
    const entry = match.entries[index];
    const fault = source.faults[index];
    const digests = source.digests[index] ?? new Uint8Array(0);
    const decision = await decideSegment({ document, segment, entry, digests, fault }, ground, world);
    const idle = decision.kind === 'Fill' && isIdle(decision, segment);
    decisions.push({ decision, entry, isIdle: idle });
  }
  const { maxPercent } = document.removalGuard;
  const retiring = await decideRetirements(match.left, document.deletionPolicy, maxPercent, ground, world);
  const guarded = [...decisions.flatMap(guardedFill), ...stoppedRetirements(retiring)];
  const token = approvalToken(document.export.uid, guarded);
  const staying = match.left.filter(
    (entry) => !retiring.some(({ retirement }) => retirement.entry === entry),
  );
  const consentGone = await withConsentGone(staying, ground);
  const refused = decisions.flatMap(({ decision, entry }) =>
    decision.kind === 'Refuse' && entry ? [entry] : [],
  );
  return {
    decisions,
    retiring,
    consentGone,
    guarded,
    approved: token !== undefined && token === document.approval,
    isIdle:
      retiring.length === 0 &&
      consentGone.length === 0 &&
      decisions.every(({ decision, isIdle: idle }) => idle || decision.kind === 'Refuse') &&
      (await withConsentGone(refused, ground)).length === 0,
  };
}

async function withConsentGone(entries: readonly Entry[], ground: Ground): Promise<Entry[]> {
  const found: Entry[] = [];
  // One after the other: each has its set in memory meanwhile.
  for (const entry of entries) if (await consentDecision(entry, ground)) found.push(entry);
  return found;
}

/** A fault of one segment is its own; one that the next would meet too ends the run. */
async function decideSegment(
  input: Parameters<typeof decide>[0],
  ground: Ground,
  world: World,
): Promise<Decision> {
  try {
    return await decide(input, ground);
  } catch (error) {
    const fault = toFault(error, world);
    if (endsRun(fault.reason)) throw fault;
    return { kind: 'Refuse', fault, entry: input.entry };
  }
}

function guardedFill({ decision }: SegmentPlan): Guarded[] {
  const isStopped = decision.kind === 'Fill' && decision.guarded && decision.entry !== undefined;
  return isStopped && decision.entry ? [{ entry: decision.entry, change: decision.change }] : [];
}

/** The end of a plan: what each segment would get. What could not be found out has a reason, and no numbers. */
function tell(document: ExportRun, plan: RunPlan, lines: readonly SegmentReport[], report: Report): void {
  for (const [index, { decision, entry }] of plan.decisions.entries()) {
    const line = lines[index];
    if (!line) continue;
    describeEntry(line, entry);
    if (decision.kind === 'Refuse') {
      conclude(line, decision.fault);
      continue;
    }
    line.action = actionOf(decision.placement);
    line.uploaded = sizeOf(decision.change.adds);
    line.removed = sizeOf(decision.change.removes);
    line.held = sizeOf(decision.change.after);
    conclude(line, decision.guarded && !plan.approved ? guardFault(decision.change) : undefined);
  }
  const list = plan.retiring.map(({ line }) => line);
  if (list.length > 0) report.retired = { total: list.length, list };
  const token = approvalToken(document.export.uid, plan.guarded);
  if (token !== undefined) report.approval = token;
  report.reason = overall(report);
}

async function carryOut(
  document: ExportRun,
  plan: RunPlan,
  work: Work,
  world: World,
  report: Report,
): Promise<void> {
  const lines = report.segments ?? [];
  const retired = plan.retiring.map(({ line }) => line);
  if (retired.length > 0) report.retired = { total: retired.length, list: retired };
  for (const [index, { decision, entry, isIdle: idle }] of plan.decisions.entries()) {
    const line = lines[index];
    const segment = document.segments[index];
    if (!line || !segment) continue;
    const place = `to segment ${index + 1} of ${lines.length}`;
    const filling: Filling = { segment, advertiserId: document.advertiserId, line, place };
    describeEntry(line, entry);
    try {
      if (decision.kind === 'Fill' && (!decision.guarded || plan.approved)) {
        line.action = actionOf(decision.placement);
        if (!idle) await fill(decision, filling, work);
        line.held = sizeOf(decision.change.after);
        line.reason = 'Succeeded';
        continue;
      }
      conclude(line, decision.kind === 'Refuse' ? decision.fault : guardFault(decision.change));
      await removeWithdrawn(entry, line, work);
    } catch (error) {
      const fault = toFault(error, world);
      conclude(line, fault);
      if (endsRun(fault.reason)) throw fault;
    }
  }
  await retireAll(plan.retiring, plan.approved, work, world);
  for (const entry of plan.consentGone) await removeFromLeft(entry, work);
  retired.sort(failuresFirst);
  if (!plan.isIdle) await work.records.sweep();
  const { entries } = work.records.head;
  const token = plan.approved ? undefined : approvalToken(document.export.uid, asOf(entries, plan.guarded));
  if (token !== undefined) report.approval = token;
  const unsettled = unsettledOf(entries);
  if (unsettled > 0) report.unsettled = unsettled;
  report.reason = overall(report);
}

/** People whose consent is gone leave in every mode, past the guard, and whatever else is wrong with the segment. */
async function removeWithdrawn(entry: Entry | undefined, line: SegmentCounts, work: Work): Promise<void> {
  const change = entry && (await consentDecision(entry, work));
  if (!entry || !change) return;
  const after = await removeOnly(entry, change, line, 'without consent', work);
  line.held = after.held.count;
}

/** From a segment that has left the export and stayed at Criteo, unless somebody deleted it there. */
async function removeFromLeft(entry: Entry, work: Work): Promise<void> {
  try {
    await removeWithdrawn(entry, { ...noCounts }, work);
  } catch (error) {
    if (!(await isSurelyGone(error, entry, work))) throw error;
    await forget(entry, work);
  }
}

/** The entries as they are by now: the removal of people without consent was not what is to be approved. */
function asOf(entries: readonly Entry[], guarded: readonly Guarded[]): Guarded[] {
  return guarded.flatMap(({ entry, change }) => {
    const now = entries.find(({ id }) => id === entry.id);
    return now ? [{ entry: now, change }] : [];
  });
}

function actionOf(placement: Placement): SegmentAction {
  if (placement.kind === 'Create') return placement.again ? 'Recreate' : 'Create';
  if (placement.kind === 'TakeOver') return 'TakeOver';
  if (placement.newlyOurs) return 'Keep';
  return placement.mend.name === undefined ? 'None' : 'Rename';
}

function guardFault(change: { guarded: number; present: number }): Fault {
  return new Fault('RemovalGuard', { count: change.guarded, total: change.present });
}

function describeEntry(line: SegmentReport, entry: Entry | undefined): void {
  if (!entry) return;
  if (entry.criteoSegmentId !== undefined) line.criteoSegmentId = entry.criteoSegmentId;
  line.origin = entry.origin;
  line.held = entry.held.count;
}

function conclude(line: SegmentReport, fault: Fault | undefined): void {
  line.reason = fault?.reason ?? 'Succeeded';
  if (fault?.details) line.details = fault.details;
}

function overall({ segments = [], retired }: Report): Report['reason'] {
  const all = [...segments, ...(retired?.list ?? [])];
  return all.every(({ reason }) => reason === 'Succeeded') ? 'Succeeded' : 'SegmentsFailed';
}
