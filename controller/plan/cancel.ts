import type {
  CriteoSegmentExport,
  CriteoSegmentExportStatus,
} from '../../api/generated/criteosegmentexport.ts';
import { annotations } from '../../api/names.ts';
import type { PlannedEvent } from './action.ts';
import { endOf } from './afterrun.ts';
import { isRetirement } from './ask.ts';
import { isHeld, isLive, type Job } from './kubernetes.ts';
import { saidValue } from './saidvalue.ts';

/** What the annotation cancelledRun asks for now. */
export interface Cancel {
  /** The run to end: it waits, or is at work. */
  runName?: string;
  /** The value has been acted on with this plan. */
  handled?: string;
  /** Nothing is ended, and it is said once. */
  refusal?: string;
}

export interface CancelContext {
  status: Partial<CriteoSegmentExportStatus>;
  jobs: readonly Job[];
}

/**
 * A value acts once. The one that is handled already still names a held Job where
 * a crash came between the status and the deletion: that Job must not start after all.
 */
export function readCancel({ metadata }: CriteoSegmentExport, { status, jobs }: CancelContext): Cancel {
  const value = saidValue(metadata, annotations.cancelledRun);
  if (value === undefined) return {};
  const job = jobs.find(
    (candidate) =>
      candidate.metadata.name === value &&
      (isHeld(candidate) || isLive(candidate)) &&
      endOf(candidate, status) === undefined,
  );
  const isHandled = value === status.lastHandledCancelledRun;
  if (isHandled) return job && isHeld(job) && !isRetirement(job) ? { runName: value } : {};
  if (job && !isRetirement(job)) {
    // Released a moment ago, and the watch is late with it: it is ended as one at work, when it is seen to be.
    if (isHeld(job) && job.metadata.uid === status.activeRun?.jobUID) return {};
    return { runName: value, handled: value };
  }
  return { handled: value, refusal: job ? retirementRefusal(value) : refusal(value, status, jobs) };
}

export function cancelEvents({ refusal: note }: Cancel): PlannedEvent[] {
  if (note === undefined) return [];
  return [{ type: 'Warning', reason: 'CancelIgnored', action: 'HandleCancel', note }];
}

function retirementRefusal(value: string): string {
  return `metadata.annotations[${annotations.cancelledRun}]: ${value} takes away at Criteo what left the export, and is not cancelled by name; set spec.suspend of the connection to true to stop it, and spec.deletionPolicy to Retain to leave everything there.`;
}

function refusal(value: string, { activeRun }: CancelContext['status'], jobs: readonly Job[]): string {
  const waiting = jobs
    .filter((job) => isHeld(job) && !isRetirement(job))
    .map(({ metadata }) => metadata.name);
  const instead = activeRun
    ? `The one at work is ${activeRun.jobName}.`
    : waiting.length > 0
      ? `None is at work; ${waiting.slice(0, 3).join(', ')} waits.`
      : 'None is at work, and none waits.';
  return `metadata.annotations[${annotations.cancelledRun}]: no run "${value}" is at work or waits; nothing was ended. ${instead}`;
}
