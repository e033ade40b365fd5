import { finished, type Job, type Pod } from '../plan/kubernetes.ts';
import { outcomeOf } from '../plan/outcome.ts';
import { podsOf } from '../plan/pods.ts';
import type { KubeClient } from '../runtime/client.ts';
import { pods } from './resources.ts';

/**
 * Jobs and pods come by two watches, and a Job's end may be heard before its
 * pod's: then the pods are asked for, or a report that is there would be missed.
 * @param job the run or check that is waited for.
 * @param where which pods to ask for.
 */
export async function reportedPods(
  job: Job | undefined,
  cached: Pod[],
  client: Pick<KubeClient, 'list'>,
  where: { namespace: string | undefined; labelSelector: string; signal: AbortSignal },
): Promise<Pod[]> {
  if (!job || !finished(job)) return cached;
  if (outcomeOf(job, podsOf(cached, job.metadata.name))?.kind === 'Reported') return cached;
  const { namespace, labelSelector, signal } = where;
  const listed = await client.list(pods, {
    ...(namespace === undefined ? {} : { namespace }),
    labelSelector,
    signal,
  });
  return listed.items;
}
