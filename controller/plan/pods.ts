import { isLive, isPodAtWork, type Job, type Pod } from './kubernetes.ts';

export function podsOf(pods: readonly Pod[], jobName: string | undefined): Pod[] {
  return pods.filter((pod) => pod.metadata.labels?.['batch.kubernetes.io/job-name'] === jobName);
}

/** Of a Job that was deleted or suspended: its pod has some seconds to end, and may still be sending. */
export function podAtWork(pods: readonly Pod[], jobs: readonly Job[]): string | undefined {
  const live = jobs.filter(isLive);
  return pods.find(
    (pod) => isPodAtWork(pod) && !live.some((job) => podsOf([pod], job.metadata.name).length > 0),
  )?.metadata.name;
}
