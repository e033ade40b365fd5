import type { RunAfter } from '../../api/generated/criteosegmentexport.ts';
import { annotations, labels, managedBy } from '../../api/names.ts';
import { parseTime } from '../../api/time.ts';
import type { ObjectMeta } from './kubernetes.ts';
import { controllerOwnerOf } from './owner.ts';

/** A Job that runs may follow, whoever made it: of other people's no more than this is kept. */
export interface FollowedJob {
  metadata: ObjectMeta;
  status?: { completionTime?: string; conditions?: { type: string; status: string }[] };
}

/** A CronJob that runs may follow. */
export interface FollowedCronJob {
  metadata: ObjectMeta;
  status?: { lastSuccessfulTime?: string };
}

/** What there is of one entry of spec.runAfter. */
export interface Followed {
  /** Where the entry names one that exists. */
  cronJob?: FollowedCronJob;
  jobs: readonly FollowedJob[];
}

/** By it status and Jobs name an entry of spec.runAfter, whatever its place in the list. */
export function targetOf({ cronJob, jobSelector }: RunAfter): string {
  if (cronJob !== undefined) return `CronJob ${cronJob}`;
  const pairs = Object.entries(jobSelector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  return `Jobs ${pairs.sort().join(',')}`;
}

export function hasLabels(
  { labels: present = {} }: Pick<ObjectMeta, 'labels'>,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([key, value]) => present[key] === value);
}

/** When a Job succeeded, in milliseconds; undefined where it has not, or where it is none that sends. */
export function successOf({ metadata, status }: FollowedJob): number | undefined {
  const isOurs = metadata.labels?.[labels.managedBy] === managedBy;
  const isRun = metadata.labels?.[labels.runKind] === 'Export';
  // A plan, a check and a retirement of another export succeed too, and refresh nothing.
  if (isOurs && (!isRun || metadata.annotations?.[annotations.planRequest] !== undefined)) return undefined;
  const succeeded = status?.conditions?.some(
    (condition) => condition.type === 'Complete' && condition.status === 'True',
  );
  return succeeded ? parseTime(status?.completionTime) : undefined;
}

/**
 * Every success that can be seen of an entry, in milliseconds.
 * @param exportUid of the export that follows: its own Jobs never count, or each run would start the next.
 */
export function successesOf(followed: Followed | undefined, exportUid: string | undefined): number[] {
  const { cronJob, jobs = [] } = followed ?? {};
  const others = jobs.filter(({ metadata }) => metadata.labels?.[labels.exportUid] !== (exportUid ?? ''));
  return [parseTime(cronJob?.status?.lastSuccessfulTime), ...others.map(successOf)].filter(
    (at) => at !== undefined,
  );
}

/** Whether a change of this Job or CronJob may start a run of an export with these entries. */
export function isFollowed(
  object: FollowedJob | FollowedCronJob,
  kind: 'CronJob' | 'Job',
  runAfter: readonly (RunAfter | null)[],
): boolean {
  const { metadata } = object;
  const owner = controllerOwnerOf(metadata);
  // The Jobs of an export of ours are its own, not its CronJob's: then every entry may be meant.
  const ofExport = kind === 'Job' && metadata.labels?.[labels.exportUid] !== undefined;
  const cronJobName = kind === 'CronJob' ? metadata.name : owner?.kind === 'CronJob' ? owner.name : undefined;
  return runAfter.some((target) => {
    if (target?.cronJob !== undefined) return ofExport || target.cronJob === cronJobName;
    return kind === 'Job' && hasLabels(metadata, target?.jobSelector?.matchLabels ?? {});
  });
}
