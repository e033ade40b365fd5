import type { ActiveRun, CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { formatTime } from '../../api/time.ts';
import { momentOf, requestOf, triggerOf } from './ask.ts';
import { runDocumentOfJob } from './endedrun.ts';
import type { Job } from './kubernetes.ts';
import type { Decisions } from './runs.ts';

export interface ClaimInput {
  resource: CriteoSegmentExport;
  decisions: Decisions;
  /** The run that status.activeRun named until now. */
  previous: ActiveRun | undefined;
  /** That run is over. */
  ended: boolean;
  /** Jobs whose end was told, or is being brought about: none of them becomes the active run again. */
  over: readonly Job[];
  now: number;
}

/**
 * What status.activeRun becomes. It is written before the Job is released, so
 * that of two controllers only one releases, and a crash in between changes nothing.
 */
export function claim(input: ClaimInput): ActiveRun | undefined {
  const { decisions, previous } = input;
  if (previous && !input.ended) {
    // A Job that someone deletes is the active run until it is gone.
    const ours = [...decisions.live, decisions.release].some((job) => job?.metadata.uid === previous.jobUID);
    if (ours) return previous;
  }
  // Released by a person's hand: its end is told as any other's.
  const adopted = decisions.live.find(
    (job) =>
      job.metadata.deletionTimestamp === undefined &&
      job.metadata.uid !== previous?.jobUID &&
      !input.over.includes(job),
  );
  const job = adopted ?? decisions.release;
  return job && activeRun(job, input);
}

function activeRun(job: Job, { resource, now }: ClaimInput): ActiveRun {
  const run: ActiveRun = {
    jobName: job.metadata.name ?? '',
    jobUID: job.metadata.uid ?? '',
    trigger: triggerOf(job),
    startedAt: formatTime(now),
    generation: runDocumentOfJob(job)?.generation ?? resource.metadata.generation ?? 1,
  };
  const requestedAt = requestOf(job);
  if (requestedAt !== undefined) run.requestedAt = requestedAt;
  if (run.trigger === 'Schedule') run.scheduledFor = formatTime(momentOf(job));
  return run;
}
