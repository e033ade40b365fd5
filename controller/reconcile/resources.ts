import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { group, version } from '../../api/names.ts';
import type { FollowedCronJob, FollowedJob } from '../plan/followed.ts';
import type { Claim, CronJob, Job, Pod } from '../plan/kubernetes.ts';
import { defineResource, type KubeObject } from '../runtime/resource.ts';

export const connections = defineResource<CriteoConnection>({
  group,
  version,
  plural: 'criteoconnections',
  kind: 'CriteoConnection',
  namespaced: true,
});

export const segmentExports = defineResource<CriteoSegmentExport>({
  group,
  version,
  plural: 'criteosegmentexports',
  kind: 'CriteoSegmentExport',
  namespaced: true,
});

export const cronJobs = defineResource<CronJob>({
  group: 'batch',
  version: 'v1',
  plural: 'cronjobs',
  kind: 'CronJob',
  namespaced: true,
});

export const jobs = defineResource<Job>({
  group: 'batch',
  version: 'v1',
  plural: 'jobs',
  kind: 'Job',
  namespaced: true,
});

/** The Jobs of other people, as far as they are kept. */
export const otherJobs = defineResource<FollowedJob>({
  group: 'batch',
  version: 'v1',
  plural: 'jobs',
  kind: 'Job',
  namespaced: true,
});

export const otherCronJobs = defineResource<FollowedCronJob>({
  group: 'batch',
  version: 'v1',
  plural: 'cronjobs',
  kind: 'CronJob',
  namespaced: true,
});

export const pods = defineResource<Pod>({
  group: '',
  version: 'v1',
  plural: 'pods',
  kind: 'Pod',
  namespaced: true,
});

export const claims = defineResource<Claim>({
  group: '',
  version: 'v1',
  plural: 'persistentvolumeclaims',
  kind: 'PersistentVolumeClaim',
  namespaced: true,
});

export const serviceAccounts = defineResource<KubeObject>({
  group: '',
  version: 'v1',
  plural: 'serviceaccounts',
  kind: 'ServiceAccount',
  namespaced: true,
});
