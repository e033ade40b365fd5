import { parseTime } from '../../api/time.ts';
import { isPodAtWork, type Pod } from './kubernetes.ts';

/** A node that answers ends a pod within its grace; what is there so much longer is on one that does not. */
const overdueMs = 30_000;

export interface EndFault {
  /** The pod that was told to end and has not, though its time is over. */
  podName?: string | undefined;
  /** Milliseconds until there may be one without any object having changed. */
  lookAgainAfterMs?: number;
}

/** Whether a pod of the export cannot be ended: until it is gone it may still be sending. */
export function endFault(pods: readonly Pod[], now: number): EndFault {
  for (const pod of pods.filter(isPodAtWork)) {
    // Kubernetes puts the end of the grace there, not the moment of the deletion.
    const graceEnds = parseTime(pod.metadata.deletionTimestamp);
    if (graceEnds === undefined) continue;
    const left = graceEnds + overdueMs - now;
    return left > 0 ? { lookAgainAfterMs: left } : { podName: pod.metadata.name };
  }
  return {};
}
