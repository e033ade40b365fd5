/**
 * The parts of Kubernetes' own objects that the plans read and write, as plain
 * JSON: times are RFC 3339 strings. Field names and meanings are the API's.
 */

export interface ObjectMeta {
  name?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

export interface CronJob {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
  spec: CronJobSpec;
  status?: { lastScheduleTime?: string; lastSuccessfulTime?: string };
}

export interface CronJobSpec {
  schedule: string;
  timeZone?: string;
  suspend?: boolean;
  concurrencyPolicy?: string;
  startingDeadlineSeconds?: number;
  successfulJobsHistoryLimit?: number;
  failedJobsHistoryLimit?: number;
  jobTemplate: { metadata?: ObjectMeta; spec: JobSpec };
}

export interface Job {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
  spec: JobSpec;
  status?: JobStatus;
}

export interface JobSpec {
  suspend?: boolean;
  backoffLimit?: number;
  activeDeadlineSeconds?: number;
  ttlSecondsAfterFinished?: number;
  podReplacementPolicy?: string;
  podFailurePolicy?: unknown;
  template: PodTemplate;
}

export interface JobStatus {
  startTime?: string;
  completionTime?: string;
  conditions?: { type: string; status: string; reason?: string; lastTransitionTime?: string }[];
  active?: number;
  failed?: number;
}

export interface PodTemplate {
  metadata?: ObjectMeta;
  spec: Record<string, unknown>;
}

/** A PersistentVolumeClaim. */
export interface Claim {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
  spec?: {
    accessModes?: string[];
    storageClassName?: string;
    resources?: { requests?: Record<string, string> };
  };
}

export interface Pod {
  metadata: ObjectMeta;
  status?: {
    phase?: string;
    reason?: string;
    conditions?: { type: string; status: string; reason?: string; lastTransitionTime?: string }[];
    containerStatuses?: ContainerStatus[];
  };
}

export interface ContainerStatus {
  name: string;
  state?: {
    waiting?: { reason?: string };
    running?: { startedAt?: string };
    terminated?: { exitCode: number; reason?: string; message?: string; finishedAt?: string };
  };
}

/** The time at which a Job ended, and whether well; undefined while it has not. */
export function finished(job: Job): { succeeded: boolean; reason?: string; at?: string } | undefined {
  for (const condition of job.status?.conditions ?? []) {
    if (condition.status !== 'True') continue;
    if (condition.type !== 'Complete' && condition.type !== 'Failed') continue;
    return {
      succeeded: condition.type === 'Complete',
      ...(condition.reason === undefined ? {} : { reason: condition.reason }),
      ...(condition.lastTransitionTime === undefined ? {} : { at: condition.lastTransitionTime }),
    };
  }
  return undefined;
}

/** Born held, not finished and not going away: waits for its release. */
export function isHeld(job: Job): boolean {
  return (
    job.spec.suspend === true &&
    !finished(job) &&
    !isLive(job) &&
    job.metadata.deletionTimestamp === undefined
  );
}

/**
 * May have a pod at work. A Job that is being deleted still counts, and so does
 * one that was suspended until its pods are gone: two runs at once would upload
 * side by side.
 */
export function isLive(job: Job): boolean {
  return !finished(job) && (job.spec.suspend !== true || (job.status?.active ?? 0) > 0);
}

/** A pod that has not ended, though it may have been told to. */
export function isPodAtWork(pod: Pod): boolean {
  return pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed';
}
