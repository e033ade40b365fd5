import type {
  CriteoSegmentExport,
  CriteoSegmentExportStatus,
  Retirement,
} from '../../api/generated/criteosegmentexport.ts';
import { isRunReason, runReasons } from '../../api/reasons.ts';
import type { Report } from '../../api/report.ts';
import { formatTime } from '../../api/time.ts';
import type { PlannedEvent } from './action.ts';
import { stopped } from './afterrun.ts';
import { definitionGeneration } from './definitionsince.ts';
import type { EndedRun } from './endedrun.ts';
import { type EndReason, isEndReason } from './endreasons.ts';
import { policyOf } from './exportdocument.ts';
import { setOrDrop } from './fields.ts';
import { messageFor } from './messages/index.ts';
import { unknownMessages } from './outcome.ts';
import { forget } from './remembered.ts';
import { failedLines, guardMessage, maxMessageLength, retiredSegments } from './reportlines.ts';
import { isDeleted } from './retirejob.ts';
import { entryOf, withEntry } from './retirement.ts';
import { knownSegments } from './runresult.ts';
import { cut } from './text.ts';

type Status = Partial<CriteoSegmentExportStatus>;

/** What the end of an attempt changes in status. */
export function afterRetirement(
  previous: Status,
  ended: EndedRun,
  resource: CriteoSegmentExport,
  now: number,
): Status {
  const connection = ended.active.connection ?? '';
  const { pendingApproval: _, ...before } = entryOf(previous, connection) ?? {};
  const entry: Retirement & { reason: EndReason } = {
    ...before,
    connection,
    deletionPolicy: ended.document?.deletionPolicy ?? policyOf(resource.spec),
    jobName: ended.active.jobName,
    finishedAt: formatTime(now),
    ...endOf(ended, previous),
  };
  if (ended.outcome.kind === 'Reported') {
    const { approval, retired } = ended.outcome.report;
    const segments = retiredSegments(ended.outcome.report, knownSegments(previous), ended.context);
    entry.finishedAt = ended.outcome.finishedAt ?? entry.finishedAt ?? '';
    setOrDrop(entry, 'segments', segments.length > 0 ? segments : undefined);
    setOrDrop(entry, 'segmentCount', retired?.total);
    if (approval !== undefined) {
      entry.pendingApproval = {
        runName: ended.active.jobName,
        token: approval,
        message: guardMessage(segments),
        since: entry.finishedAt,
        generation: definitionGeneration(resource),
      };
    }
  }
  const status: Status = { ...previous, retirements: withEntry(previous, entry) };
  const isNamedAgain = !isDeleted(resource) && resource.spec.connectionRef.name === connection;
  if (entry.outcome === 'Succeeded' && !isNamedAgain) {
    setOrDrop(status, 'ledgers', forget(status, connection));
  }
  return status;
}

/** One event for each end, told from the two statuses alone. */
export function retirementEvents(before: Status, after: Status): PlannedEvent[] {
  return (after.retirements ?? [])
    .filter(({ outcome }) => outcome === 'Succeeded' || outcome === 'Failed')
    .filter(({ connection, jobName, finishedAt }) => {
      const then = entryOf(before, connection);
      return then?.jobName !== jobName || then?.finishedAt !== finishedAt;
    })
    .flatMap(eventsOf);
}

function endOf(
  { outcome, context }: EndedRun,
  status: Status,
): Pick<Retirement, 'outcome' | 'message'> & { reason: EndReason } {
  if (outcome.kind === 'Stopped') return { outcome: 'Failed', reason: stopped, message: outcome.message };
  if (outcome.kind === 'Unknown') {
    return { outcome: 'Failed', reason: outcome.reason, message: unknownMessages[outcome.reason] };
  }
  const { report } = outcome;
  if (report.reason === 'Succeeded') {
    return { outcome: 'Succeeded', reason: report.reason, message: successMessage(report) };
  }
  const lines = retiredSegments(report, knownSegments(status), context);
  const message =
    (report.reason === 'SegmentsFailed' ? failedLines(lines, 'segments') : undefined) ??
    messageFor(report.reason, report.details, context);
  return { outcome: 'Failed', reason: report.reason, message: cut(message, maxMessageLength) };
}

function successMessage({ retired }: Report): string {
  const total = retired?.total ?? 0;
  if (total === 0) return 'Nothing of it was left at Criteo.';
  const removed = (retired?.list ?? []).reduce((sum, line) => sum + line.removed, 0);
  const listed = retired?.list.length ?? 0;
  return `${total === 1 ? '1 segment was' : `${total} segments were`} dealt with; Criteo acknowledged ${listed < total ? 'at least ' : ''}${removed} identifiers as removed.`;
}

function eventsOf(entry: Retirement): PlannedEvent[] {
  const { connection, outcome, reason, message = '' } = entry;
  const action = 'RetireSegments';
  if (outcome === 'Succeeded') {
    const note = `What was sent by the connection "${connection}" has been dealt with at Criteo (spec.deletionPolicy: ${entry.deletionPolicy}). ${message}`;
    return [{ type: 'Normal', reason: 'SegmentsRetired', action, note }];
  }
  // A status read back may have any text; what is new in it is of the list.
  if (!isEndReason(reason)) return [];
  const again = isRunReason(reason) && runReasons[reason] === 'guard' ? '' : ' It is tried again.';
  const note = `What was sent by the connection "${connection}" could not be dealt with at Criteo (spec.deletionPolicy: ${entry.deletionPolicy}). ${message}${again}`;
  return [{ type: 'Warning', reason, action, note }];
}
