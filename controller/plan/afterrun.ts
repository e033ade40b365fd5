import type { CriteoSegmentExportStatus, RunSummary } from '../../api/generated/criteosegmentexport.ts';
import { parseTime } from '../../api/time.ts';
import { createdAt } from './ask.ts';
import type { Job } from './kubernetes.ts';
import type { RunResult } from './runresult.ts';

const historyLength = 10;

/** The reason of a run that was ended on purpose. */
export const stopped = 'Stopped';

/** Ended by a person: it says nothing of whether runs succeed. */
const noFailures = [stopped, 'JobDeleted'];

/** What the end of a run changes in status. */
export function afterRun(
  previous: Partial<CriteoSegmentExportStatus>,
  ended: RunResult,
): Partial<CriteoSegmentExportStatus> {
  const { summary, segments } = ended;
  const { message: _, ...line } = summary;
  const succeeded = summary.outcome === 'Succeeded';
  const failed = !succeeded && !noFailures.includes(summary.reason);
  return {
    lastRun: summary,
    ...(succeeded ? { lastSuccessfulRun: summary } : {}),
    // What is known of the segments outlives a run that told nothing.
    ...(segments.length > 0 ? { segments } : {}),
    consecutiveFailures: succeeded ? 0 : (previous.consecutiveFailures ?? 0) + (failed ? 1 : 0),
    history: [line, ...(previous.history ?? [])].slice(0, historyLength),
  };
}

/** The run of a Job, where its end was told already: a Job that still looks held or at work is one that the watch is late with. */
export function endOf(job: Job, history: readonly RunSummary[]): RunSummary | undefined {
  return history.find(
    (run) =>
      run.jobName === job.metadata.name &&
      // A name comes again when a person deletes a Job and makes another.
      createdAt(job) <= (parseTime(run.startedAt) ?? 0),
  );
}
