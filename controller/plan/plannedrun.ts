import type {
  CriteoSegmentExportStatus,
  PlannedCounts,
  PlannedSegment,
  PlanSummary,
} from '../../api/generated/criteosegmentexport.ts';
import type { Report, SegmentReport } from '../../api/report.ts';
import { formatTime } from '../../api/time.ts';
import { sameApproval } from './approval.ts';
import type { EndedRun } from './endedrun.ts';
import type { EndReason } from './endreasons.ts';
import { setOrDrop } from './fields.ts';
import { messageFor } from './messages/index.ts';
import { timeText } from './messages/words.ts';
import { unknownMessages } from './outcome.ts';
import {
  countsOfRun,
  failedLines,
  guardMessage,
  lineMessage,
  lineOutcome,
  maxMessageLength,
  outcomeWord,
  retiredSegments,
} from './reportlines.ts';
import { approvedBy, knownSegments } from './runresult.ts';
import { cut } from './text.ts';

type Status = Partial<CriteoSegmentExportStatus>;

/**
 * What the end of a plan changes in status. It is nothing to the runs: not to
 * lastRun, not to the failures in a row, not to Ready.
 * @param alsoRetires what the next run would do beside: the ledgers of other connections.
 */
export function afterPlan(previous: Status, ended: EndedRun, alsoRetires: string, now: number): Status {
  const token = ended.outcome.kind === 'Reported' ? ended.outcome.report.approval : undefined;
  const pending = sameApproval(previous, token, ended.active.generation);
  const plan = planSummary({ ...ended, context: approvedBy(ended, pending) }, previous, alsoRetires, now);
  const status: Status = { ...previous, plan };
  if (token !== undefined && !pending) {
    status.pendingApproval = {
      runName: plan.jobName,
      token,
      message: guardMessage(plan.segments ?? [], plan.retired ?? []),
      // Where a run was stopped before it, Ready goes on telling of that.
      since: previous.pendingApproval?.since ?? plan.finishedAt ?? '',
      ...(plan.generation === undefined ? {} : { generation: plan.generation }),
    };
  }
  return status;
}

type EndedPlan = PlanSummary & { reason: EndReason };

function planSummary(ended: EndedRun, before: Status, alsoRetires: string, now: number): EndedPlan {
  const { active, outcome, context } = ended;
  const { jobName, requestedAt, startedAt, generation } = active;
  const base = {
    jobName,
    ...(requestedAt === undefined ? {} : { requestedAt }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(generation === undefined ? {} : { generation }),
    finishedAt: formatTime(now),
  };
  if (outcome.kind === 'Stopped') {
    return { ...base, outcome: 'Cancelled', reason: outcome.reason, message: outcome.message };
  }
  base.finishedAt = outcome.finishedAt ?? base.finishedAt;
  if (outcome.kind === 'Unknown') {
    return { ...base, outcome: 'Unknown', reason: outcome.reason, message: unknownMessages[outcome.reason] };
  }
  const { report } = outcome;
  const segments = plannedSegments(report, ended);
  const retired = retiredSegments(report, knownSegments(before), context);
  const plan: EndedPlan = {
    ...base,
    outcome: outcomeWord(report),
    reason: report.reason,
    needsApproval: report.approval !== undefined,
    profiles: totals(report),
    ...(segments.length > 0 ? { segments } : {}),
    ...(retired.length > 0 ? { retired, retiredCount: report.retired?.total ?? retired.length } : {}),
  };
  plan.message = cut(`${planMessage(report, plan, ended)}${alsoRetires}`, maxMessageLength);
  return plan;
}

function planMessage(report: Report, plan: PlanSummary, { context }: EndedRun): string {
  const { segments = [], retired = [], profiles } = plan;
  if (report.reason !== 'Succeeded' && report.reason !== 'SegmentsFailed') {
    return messageFor(report.reason, report.details, context);
  }
  const failed = failedLines(segments, 'segments') ?? failedLines(retired, 'segments that left the export');
  if (failed !== undefined) return failed;
  const made = segments.filter(({ action }) => action === 'Create' || action === 'Recreate').length;
  const takenOver = segments.filter(({ action }) => action === 'TakeOver').length;
  const left = plan.retiredCount ?? 0;
  return [
    `A run would add ${profiles?.add ?? 'an unknown number of'} and remove ${profiles?.remove ?? 'an unknown number of'} identifiers in ${count(segments.length)}.`,
    made > 0 ? `It would make ${count(made)} at Criteo.` : '',
    takenOver > 0 ? `It would empty and take over ${count(takenOver)}.` : '',
    left > 0 ? `It would deal with ${count(left)} that left the export: see status.plan.retired.` : '',
  ]
    .filter((sentence) => sentence !== '')
    .join(' ');
}

function count(segments: number): string {
  return segments === 1 ? '1 segment' : `${segments} segments`;
}

/** The changes of a line are known where it was planned to its end; the guard counts before it stops. */
function areChangesKnown({ reason }: { reason: string }): boolean {
  return reason === 'Succeeded' || reason === 'RemovalGuard';
}

/** Whether the source was read before the line was given up. */
function isRead(line: SegmentReport): boolean {
  return line.reason !== 'NotRun' || line.read > 0;
}

function totals(report: Report): PlannedCounts {
  const { segments = [] } = report;
  return countsOf(
    countsOfRun(report),
    segments.length > 0 && segments.every(isRead),
    segments.length > 0 && segments.every(areChangesKnown),
  );
}

function countsOf(
  line: Omit<SegmentReport, 'reason' | 'action'>,
  read: boolean,
  changes: boolean,
): PlannedCounts {
  const { invalid, malformed, empty, duplicate, withoutConsent, selected, uploaded, removed } = line;
  return {
    ...(read ? { read: line.read, invalid, malformed, empty, duplicate, withoutConsent, selected } : {}),
    ...(changes ? { add: uploaded, remove: removed } : {}),
  };
}

function plannedSegments(report: Report, { document, context }: EndedRun): PlannedSegment[] {
  const lines = report.segments ?? [];
  // Without the document there is no telling which line is which segment's.
  if (document?.kind !== 'Export' || document.segments.length !== lines.length) return [];
  return document.segments.flatMap((segment, index) => {
    const line = lines[index];
    if (!line) return [];
    const { reason, details, criteoSegmentId, action, origin } = line;
    const planned: PlannedSegment = {
      name: segment.name,
      criteoName: segment.criteoName,
      outcome: lineOutcome(reason),
      reason,
      message:
        reason === 'Succeeded'
          ? `A run would add ${line.uploaded} and remove ${line.removed} identifiers.`
          : lineMessage(reason, details, { ...context, segment }),
      action,
      ...countsOf(line, isRead(line), areChangesKnown(line)),
    };
    setOrDrop(planned, 'criteoSegmentId', criteoSegmentId);
    setOrDrop(planned, 'origin', origin);
    setOrDrop(planned, 'sourceWrittenAt', timeText(line.sourceWrittenAt));
    return [planned];
  });
}
