import { noCounts, type Report, type SegmentCounts } from '../api/report.ts';
import type { ExportRun } from '../api/rundocument.ts';
import { allowAdvertiser, listAdvertisers } from './criteo/advertisers.ts';
import type { Client } from './criteo/client.ts';
import { Fault } from './fault.ts';
import { guardRowFaults, Selection, type SourceLimits, select } from './identity/selection.ts';
import type { Entry } from './ledger/head.ts';
import { consentDecision, type Ground } from './mirror/decide.ts';
import { type Filling, fill, isSurelyGone, removeOnly, type Work } from './mirror/fill.ts';
import { approvalToken, type Guarded } from './mirror/guard.ts';
import { unsettledOf } from './mirror/history.ts';
import { forget } from './mirror/retire.ts';
import { sizeOf } from './mirror/sets.ts';
import { startProgress } from './progress.ts';
import { directories, failuresFirst, retireAll } from './retirerun.ts';
import { actionOf, conclude, describeEntry, guardFault, overall, tell } from './runlines.ts';
import { planRun, type RunPlan, type SourceSets } from './runplan.ts';
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
  const source = await readSource(document, world, report);
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

async function readSource(document: ExportRun, world: World, report: Report): Promise<SourceSets> {
  const { maxProfiles, maxSourceAgeSeconds } = document;
  const lines = report.segments ?? [];
  const limits: SourceLimits = {
    maxFaultPercent: document.rowFaultGuard.maxPercent,
    maxAgeMs: maxSourceAgeSeconds === undefined ? undefined : maxSourceAgeSeconds * 1000,
    now: world.clock.now(),
  };
  const selections = document.segments.map(() => new Selection(maxProfiles + 1));
  try {
    using progress = startProgress(world.log, (rows) => `read ${rows} rows`);
    const options = { maxProfiles, signal: world.signal, onRows: progress.advance };
    const { withdrawn, malformed } = await select(world.openSource(document), selections, options);
    if (malformed > 0) report.malformed = malformed;
    guardRowFaults(selections, malformed, limits.maxFaultPercent);
    const faults = selections.map((selection) => selection.refusal(limits));
    return { withdrawn, faults, digests: selections.map((selection) => selection.drain()) };
  } finally {
    for (const [index, { counts, writtenAt }] of selections.entries()) {
      Object.assign(
        lines[index] ?? {},
        counts,
        writtenAt === undefined ? {} : { sourceWrittenAt: writtenAt },
      );
    }
  }
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
