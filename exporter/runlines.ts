import type { Report, SegmentAction, SegmentReport } from '../api/report.ts';
import type { ExportRun } from '../api/rundocument.ts';
import { Fault } from './fault.ts';
import type { Entry } from './ledger/head.ts';
import { approvalToken } from './mirror/guard.ts';
import type { Placement } from './mirror/placement.ts';
import { sizeOf } from './mirror/sets.ts';
import type { RunPlan } from './runplan.ts';

/** The end of a plan: what each segment would get. What could not be found out has a reason, and no numbers. */
export function tell(
  document: ExportRun,
  plan: RunPlan,
  lines: readonly SegmentReport[],
  report: Report,
): void {
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

export function actionOf(placement: Placement): SegmentAction {
  if (placement.kind === 'Create') return placement.again ? 'Recreate' : 'Create';
  if (placement.kind === 'TakeOver') return 'TakeOver';
  if (placement.newlyOurs) return 'Keep';
  return placement.mend.name === undefined ? 'None' : 'Rename';
}

export function guardFault(change: { guarded: number; present: number }): Fault {
  return new Fault('RemovalGuard', { count: change.guarded, total: change.present });
}

export function describeEntry(line: SegmentReport, entry: Entry | undefined): void {
  if (!entry) return;
  if (entry.criteoSegmentId !== undefined) line.criteoSegmentId = entry.criteoSegmentId;
  line.origin = entry.origin;
  line.held = entry.held.count;
}

export function conclude(line: SegmentReport, fault: Fault | undefined): void {
  line.reason = fault?.reason ?? 'Succeeded';
  if (fault?.details) line.details = fault.details;
}

export function overall({ segments = [], retired }: Report): Report['reason'] {
  const all = [...segments, ...(retired?.list ?? [])];
  return all.every(({ reason }) => reason === 'Succeeded') ? 'Succeeded' : 'SegmentsFailed';
}
