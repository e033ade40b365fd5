import { notRetried } from '../../api/reasons.ts';
import type { JobSpec, PodTemplate } from './kubernetes.ts';

export interface JobLimits {
  /** Pods that may fail before the Job does. */
  backoffLimit: number;
  activeDeadlineSeconds: number;
  /** Born held: the controller releases it. */
  held: boolean;
}

const oneDaySeconds = 86_400;

/** A Job of one exporter pod at a time. */
export function jobSpec(template: PodTemplate, limits: JobLimits): JobSpec {
  return {
    suspend: limits.held,
    backoffLimit: limits.backoffLimit,
    activeDeadlineSeconds: limits.activeDeadlineSeconds,
    // Long enough for a controller that was away to read the report.
    ttlSecondsAfterFinished: oneDaySeconds,
    // A pod that is still terminating may still be sending.
    podReplacementPolicy: 'Failed',
    podFailurePolicy: {
      rules: [
        {
          action: 'FailJob',
          onExitCodes: { containerName: 'exporter', operator: 'In', values: [...notRetried] },
        },
        // Drained and preempted pods are no failure of the run's.
        { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
      ],
    },
    template,
  };
}
