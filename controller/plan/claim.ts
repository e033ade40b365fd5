import type { ActiveRun, CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { formatTime, parseTime } from '../../api/time.ts';
import { approvalOf, askingOf, createdAt, isRetirement } from './ask.ts';
import { definitionGeneration } from './definitionsince.ts';
import { documentOf } from './jobdocument.ts';
import type { Job } from './kubernetes.ts';

export interface ClaimInput {
  resource: CriteoSegmentExport;
  /** Jobs that may have a pod at work. */
  live: readonly Job[];
  /** The one that starts now. */
  release: Job | undefined;
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
  const { live, release, previous } = input;
  if (previous && !input.ended) {
    // A Job that someone deletes is the active run until it is gone.
    const ours = [...live, release].some((job) => job?.metadata.uid === previous.jobUID);
    if (ours) return previous;
  }
  // Released by a person's hand: its end is told as any other's.
  const adopted = live.find(
    (job) =>
      job.metadata.deletionTimestamp === undefined &&
      job.metadata.uid !== previous?.jobUID &&
      !input.over.includes(job),
  );
  const job = adopted ?? release;
  return job && activeRun(job, input);
}

function activeRun(job: Job, { resource, now }: ClaimInput): ActiveRun {
  // Released by a person's hand while the controller was away, it began long before this look.
  const begun = Math.min(now, parseTime(job.status?.startTime) ?? now);
  const base = {
    jobName: job.metadata.name ?? '',
    jobUID: job.metadata.uid ?? '',
    // By a clock that is behind, it would start before it was made: its end is known by not being so (`endOf`).
    startedAt: formatTime(Math.max(begun, createdAt(job))),
  };
  const approvedRun = approvalOf(job)?.runName;
  const document = documentOf(job);
  if (isRetirement(job)) {
    return {
      ...base,
      trigger: 'Retire',
      connection: document?.connection.name ?? '',
      ...(approvedRun === undefined ? {} : { approvedRun }),
    };
  }
  const generation = document?.kind === 'Export' ? document.generation : definitionGeneration(resource);
  return { ...base, ...askingOf(job), generation };
}
