import type { FollowedCronJob, FollowedJob } from '../plan/followed.ts';
import { controllerOwnerOf } from '../plan/owner.ts';
import type { ObjectMeta } from '../runtime/resource.ts';

/**
 * Other people's Jobs and CronJobs are only watched for when they succeed. A cluster
 * may have a hundred thousand: nothing is kept that this does not need.
 */

export function slimJob({ metadata, status }: FollowedJob): FollowedJob {
  const complete = status?.conditions?.find(({ type, status: is }) => type === 'Complete' && is === 'True');
  const slim: FollowedJob = { metadata: slimMetadata(metadata) };
  if (complete && status?.completionTime !== undefined) {
    slim.status = {
      completionTime: status.completionTime,
      conditions: [{ type: complete.type, status: complete.status }],
    };
  }
  return slim;
}

export function slimCronJob({ metadata, status }: FollowedCronJob): FollowedCronJob {
  const slim: FollowedCronJob = { metadata: slimMetadata(metadata) };
  if (status?.lastSuccessfulTime !== undefined)
    slim.status = { lastSuccessfulTime: status.lastSuccessfulTime };
  return slim;
}

function slimMetadata(metadata: ObjectMeta): ObjectMeta {
  const { name, namespace, uid, resourceVersion, labels } = metadata;
  const slim: ObjectMeta = {};
  if (name !== undefined) slim.name = name;
  if (namespace !== undefined) slim.namespace = namespace;
  if (uid !== undefined) slim.uid = uid;
  if (resourceVersion !== undefined) slim.resourceVersion = resourceVersion;
  if (labels !== undefined) slim.labels = labels;
  const owner = controllerOwnerOf(metadata);
  if (owner !== undefined) slim.ownerReferences = [owner];
  return slim;
}
