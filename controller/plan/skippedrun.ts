import type { CriteoSegmentExportStatus, SkippedRun } from '../../api/generated/criteosegmentexport.ts';
import { formatTime, parseTime } from '../../api/time.ts';
import { askingOf, triggerOf } from './ask.ts';
import { isAhead } from './credible.ts';
import type { Skip } from './runs.ts';
import { cut } from './text.ts';

/** As long as status keeps it. */
const maxMessageLength = 1024;

/**
 * Status keeps the newest of the runs that were dropped before they began: events are gone after an hour. It is
 * written before the Job is deleted, so that a crash in between loses nothing.
 */
export function noteSkips(
  status: Partial<CriteoSegmentExportStatus>,
  skips: readonly Skip[],
  now: number,
): void {
  const known = status.lastSkippedRun;
  // By a clock that has gone back since; no run could make up for it until that day.
  if (known && isAhead(known.skippedAt, now)) {
    status.lastSkippedRun = { ...known, skippedAt: formatTime(now) };
  }
  // What was missed is told until a run has made up for it: what a person drops meanwhile does not hide it.
  const missed = skips.findLast(({ job, reason }) => isMissed({ reason, trigger: triggerOf(job) }));
  const newest = missed ?? (skipMessage(status) === '' ? skips.at(-1) : undefined);
  // Still there after a crash, or by a cache that is behind, it was skipped when that was first written.
  if (newest === undefined || newest.job.metadata.uid === known?.jobUID) return;
  status.lastSkippedRun = skippedRun(newest, now);
}

/** For Ready: Criteo is out of date by a run, though none failed. Told until one has ended that began later. */
export function skipMessage({
  lastSkippedRun: skipped,
  lastRun,
}: Partial<CriteoSegmentExportStatus>): string {
  if (!skipped || !isMissed(skipped)) return '';
  const isOver = (parseTime(lastRun?.startedAt) ?? 0) >= (parseTime(skipped.skippedAt) ?? 0);
  return isOver ? '' : ` ${skipped.message ?? ''}`;
}

/** The other reasons are what a person did, or cost nothing; a plan sends nothing. */
function isMissed({ reason, trigger }: Pick<SkippedRun, 'reason' | 'trigger'>): boolean {
  return reason === 'StartingDeadlineExceeded' && trigger !== 'Plan';
}

function skippedRun({ job, reason, message }: Skip, now: number): SkippedRun {
  return {
    jobName: job.metadata.name ?? '',
    jobUID: job.metadata.uid ?? '',
    ...askingOf(job),
    skippedAt: formatTime(now),
    reason,
    message: cut(`The run ${job.metadata.name} was skipped: ${message}`, maxMessageLength),
  };
}
