import type { CriteoSegmentExport, RunAfter } from '../../api/generated/criteosegmentexport.ts';
import { labels } from '../../api/names.ts';
import {
  type Followed,
  type FollowedCronJob,
  type FollowedJob,
  hasLabels,
  successOf,
  targetOf,
} from '../plan/followed.ts';
import { byController, byExportUid, type Caches } from './caches.ts';

/** What the caches have of the Jobs that an export's runs follow, by `targetOf`. */
export function followedBy(
  { metadata: { namespace = '' }, spec }: CriteoSegmentExport,
  caches: Caches,
): Map<string, Followed> {
  const targets = spec.runAfter ?? [];
  return new Map(targets.map((target) => [targetOf(target), find(target, namespace, caches)]));
}

/** The CronJob of an entry, where it names one that exists: another's, or one of an export of ours. */
export function findCronJob(
  { cronJob: name }: RunAfter,
  namespace: string,
  { cronJobs, otherCronJobs }: Caches,
): FollowedCronJob | undefined {
  if (name === undefined) return undefined;
  const ref = { namespace, name };
  return otherCronJobs.store.get(ref) ?? cronJobs.store.get(ref);
}

function find(target: RunAfter, namespace: string, caches: Caches): Followed {
  const wanted = target.jobSelector?.matchLabels;
  if (wanted) {
    const jobs: FollowedJob[] = [
      ...caches.otherJobs.store.list(namespace),
      ...caches.jobs.store.list(namespace),
    ];
    return { jobs: jobs.filter((job) => successOf(job) !== undefined && hasLabels(job.metadata, wanted)) };
  }
  const cronJob = findCronJob(target, namespace, caches);
  return cronJob ? { cronJob, jobs: jobsOf(cronJob, caches) } : { jobs: [] };
}

function jobsOf({ metadata: { uid = '', labels: own } }: FollowedCronJob, caches: Caches): FollowedJob[] {
  const exportUid = own?.[labels.exportUid];
  return [
    ...caches.otherJobs.store.byIndex(byController, uid),
    ...caches.jobs.store.byIndex(byController, uid),
    // Of an export of ours, runs by request belong to the export itself.
    ...(exportUid === undefined ? [] : caches.jobs.store.byIndex(byExportUid, exportUid)),
  ];
}
