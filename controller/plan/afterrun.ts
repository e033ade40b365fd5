import type { CriteoSegmentExportStatus, RunSummary } from '../../api/generated/criteosegmentexport.ts';
import { parseTime } from '../../api/time.ts';
import { waitAgain } from './approval.ts';
import { createdAt, isRetirement, planRequestOf } from './ask.ts';
import { setOrDrop } from './fields.ts';
import { historyLength, stoppedLines } from './guardstop.ts';
import type { Job } from './kubernetes.ts';
import type { RunResult } from './runresult.ts';

type Status = Partial<CriteoSegmentExportStatus>;

/** The reason of a run that was ended on purpose. */
export const stopped = 'Stopped';
/** The same, by the annotation cancelledRun. */
export const cancelled = 'Cancelled';

/** Ended by a person: it says nothing of whether runs succeed. */
const byPersons = [stopped, cancelled, 'JobDeleted'];

export function isEndedByPerson({ reason }: Pick<RunSummary, 'reason'>): boolean {
  return byPersons.includes(reason);
}

/** What the end of a run changes in status. */
export function afterRun(previous: Status, ended: RunResult): Status {
  const { summary, segments, retired } = ended;
  const { message: _, ...line } = summary;
  const succeeded = summary.outcome === 'Succeeded';
  const failed = !succeeded && !isEndedByPerson(summary);
  const status: Status = {
    ...previous,
    lastRun: summary,
    ...(succeeded ? { lastSuccessfulRun: summary } : {}),
    // What is known of the segments outlives a run that told nothing.
    ...(segments.length > 0 ? { segments } : {}),
    consecutiveFailures: succeeded ? 0 : (previous.consecutiveFailures ?? 0) + (failed ? 1 : 0),
    history: [line, ...(previous.history ?? [])].slice(0, historyLength),
  };
  if (segments.length > 0) setOrDrop(status, 'retired', retired.length > 0 ? retired : undefined);
  setOrDrop(status, 'pendingApproval', ended.approval ?? stillWaiting(previous, ended));
  return status;
}

/**
 * Only a run that decided shows that nothing waits any more. One that met a 503, or that a
 * person ended, would else hide a stop of the guard that nobody has answered.
 */
function stillWaiting(before: Status, ended: RunResult): Status['pendingApproval'] {
  const { pendingApproval } = before;
  if (!pendingApproval || hasDecided(stoppedLines(pendingApproval, before), ended)) return undefined;
  const { approvedRun, jobName } = ended.summary;
  return approvedRun === pendingApproval.runName ? waitAgain(pendingApproval, jobName) : pendingApproval;
}

/** Whether the run came to the end of all that the guard had stopped. */
function hasDecided(wereStopped: readonly { criteoSegmentId?: string }[], ended: RunResult): boolean {
  const { reason } = ended.summary;
  if (reason !== 'SegmentsFailed') return reason === 'Succeeded';
  const done = [...ended.segments, ...ended.retired].filter(({ outcome }) => outcome === 'Succeeded');
  return (
    wereStopped.length > 0 &&
    wereStopped.every(
      ({ criteoSegmentId: id }) => id !== undefined && done.some((line) => line.criteoSegmentId === id),
    )
  );
}

/** An end that status tells of: of a run, of the last plan, of the last attempt to retire something. */
interface ToldEnd {
  jobName?: string;
  startedAt?: string;
  reason: string;
}

/** The end of a Job, where it was told already: one that still looks held or at work is one that the watch is late with. */
export function endOf(job: Job, { history = [], plan, retirements = [] }: Status): ToldEnd | undefined {
  const ended = retirements.filter(({ outcome }) => outcome !== 'Running');
  return [...history, ...(plan ? [plan] : []), ...ended].find(
    (end) =>
      end.jobName === job.metadata.name &&
      // A name comes again when a person deletes a Job and makes another.
      createdAt(job) <= (parseTime(end.startedAt) ?? 0),
  );
}

/**
 * Whether a Job that looks at work is over. Of plans, and of attempts to retire
 * something, only the last end is in status: older ones are told by their order.
 */
export function isOver(job: Job, status: Status): boolean {
  if (endOf(job, status)) return true;
  const planAt = parseTime(planRequestOf(job));
  if (planAt !== undefined) return planAt < (parseTime(status.lastHandledPlanRequestedAt) ?? 0);
  return (
    isRetirement(job) &&
    (status.retirements ?? []).some(
      ({ jobName, startedAt }) =>
        jobName !== job.metadata.name && createdAt(job) < (parseTime(startedAt) ?? 0),
    )
  );
}

export function isSameRun(
  a: Pick<RunSummary, 'jobName' | 'startedAt'> | undefined,
  b: Pick<RunSummary, 'jobName' | 'startedAt'> | undefined,
): boolean {
  // A name alone is not enough: a person may delete a Job and make another of its name.
  return a?.jobName === b?.jobName && a?.startedAt === b?.startedAt;
}
