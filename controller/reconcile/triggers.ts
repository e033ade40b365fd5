import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { labels } from '../../api/names.ts';
import { conditionTypes } from '../../api/reasons.ts';
import { findCondition } from '../plan/conditions.ts';
import { type FollowedCronJob, type FollowedJob, isFollowed, successOf } from '../plan/followed.ts';
import { isLive, type Job } from '../plan/kubernetes.ts';
import type { Handler } from '../runtime/informer.ts';
import type { WorkQueue } from '../runtime/queue.ts';
import { type KubeObject, objectKey } from '../runtime/resource.ts';
import {
  byConnection,
  byConnectionUid,
  byFollowing,
  byRememberedConnection,
  byUid,
  type Caches,
  connectionKeyOf,
} from './caches.ts';

/**
 * How many exports are looked at for one run that ended. One can start in its place, but it may wait for its own time
 * yet. All of a thousand would keep the queue from ever being empty; the others look by themselves (lookForRoomMs).
 */
const wokenByOneEnd = 10;

export interface Queues {
  connections: WorkQueue;
  exports: WorkQueue;
}

/**
 * Which change makes which resource be looked at again; all that is there at the
 * start is, too. Handlers only put keys into queues. Returns how to disconnect them.
 */
export function connectTriggers(caches: Caches, queues: Queues): () => void {
  const addOwner = (child: KubeObject): void => {
    const exportUid = child.metadata.labels?.[labels.exportUid];
    if (exportUid === undefined) return;
    for (const owner of caches.exports.store.byIndex(byUid, exportUid)) queues.exports.add(objectKey(owner));
  };
  /** Exports that name a connection, or whose segments are in its ledger; one that is both comes twice, which the queue does not mind. */
  const usersOf = (connectionKey: string): CriteoSegmentExport[] =>
    [byConnection, byRememberedConnection].flatMap((index) =>
      caches.exports.store.byIndex(index, connectionKey),
    );
  /** Runs of other exports may have waited for this one to end: they share the connection's budget. */
  const addWaiting = (connectionKey: string): void => {
    const users = [...new Set(usersOf(connectionKey))];
    // Those first that are deleted: when their time is over, their people are left at Criteo.
    const deleted = users.filter(({ status }) => status?.deletingSince !== undefined);
    const waiting = users
      .filter(({ status }) => (status?.waitingRuns ?? 0) > 0 && status?.activeRun === undefined)
      // Last those that wait for something else: in front, they would be looked at each time in place of who may start.
      .toSorted((a, b) => Number(isNotReady(a)) - Number(isNotReady(b)));
    for (const some of [deleted, waiting]) {
      for (const user of some.slice(0, wokenByOneEnd)) queues.exports.add(objectKey(user));
    }
  };

  const onConnection: Handler<CriteoConnection> = (before, now) => {
    const object = now ?? before;
    if (!object) return;
    const key = objectKey(object);
    queues.connections.add(key);
    for (const user of usersOf(key)) queues.exports.add(objectKey(user));
    // An export that names another connection by now may have a run of this one.
    for (const job of caches.jobs.store.byIndex(byConnectionUid, object.metadata.uid ?? '')) addOwner(job);
  };

  const onExport: Handler<CriteoSegmentExport> = (before, now) => {
    const object = now ?? before;
    if (!object) return;
    queues.exports.add(objectKey(object));
    // A run that failed by the credentials is a reason to check them at once.
    if (hasNewRun(before, now)) for (const key of connectionKeyOf(object)) queues.connections.add(key);
  };

  const onChild: Handler<KubeObject> = (before, now) => {
    const child = now ?? before;
    if (!child) return;
    const exportUid = child.metadata.labels?.[labels.exportUid];
    const connectionUid = child.metadata.labels?.[labels.connectionUid];
    addOwner(child);
    if (exportUid !== undefined || connectionUid === undefined) return;
    for (const owner of caches.connections.store.byIndex(byUid, connectionUid)) {
      queues.connections.add(objectKey(owner));
    }
  };

  const onJob: Handler<Job> = (before, now) => {
    const { [labels.exportUid]: exportUid, [labels.connectionUid]: connectionUid } =
      before?.metadata.labels ?? {};
    if (exportUid === undefined || connectionUid === undefined || !hasEnded(before, now)) return;
    for (const connection of caches.connections.store.byIndex(byUid, connectionUid)) {
      addWaiting(objectKey(connection));
    }
  };

  /** Runs may follow a Job that has succeeded now, or a CronJob whose last success is another, or that came or went. */
  const onFollowed =
    (kind: 'Job' | 'CronJob'): Handler<Followable> =>
    (before, now) => {
      const object = now ?? before;
      const { namespace = '' } = object?.metadata ?? {};
      if (!object || !mayStartRuns(kind, before, now)) return;
      for (const follower of caches.exports.store.byIndex(byFollowing, namespace)) {
        if (isFollowed(object, kind, follower.spec.runAfter ?? [])) queues.exports.add(objectKey(follower));
      }
    };

  const removers = [
    caches.connections.addHandler(onConnection),
    caches.exports.addHandler(onExport),
    caches.cronJobs.addHandler(onChild),
    caches.jobs.addHandler(onChild),
    caches.jobs.addHandler(onJob),
    caches.pods.addHandler(onChild),
    caches.cronJobs.addHandler(onFollowed('CronJob')),
    caches.otherCronJobs.addHandler(onFollowed('CronJob')),
    caches.jobs.addHandler(onFollowed('Job')),
    caches.otherJobs.addHandler(onFollowed('Job')),
  ];
  return () => {
    for (const remove of removers) remove();
  };
}

function isNotReady({ status }: CriteoSegmentExport): boolean {
  return findCondition(status?.conditions, conditionTypes.ready)?.status === 'False';
}

/** Whether a Job leaves its place to another with this change. */
function hasEnded(before: Job | undefined, now: Job | undefined): boolean {
  return before !== undefined && isLive(before) && (now === undefined || !isLive(now));
}

/** A Job or a CronJob. */
type Followable = Pick<FollowedJob, 'metadata'> & {
  status?: NonNullable<FollowedJob['status']> & NonNullable<FollowedCronJob['status']>;
};

function mayStartRuns(
  kind: 'Job' | 'CronJob',
  before: Followable | undefined,
  now: Followable | undefined,
): boolean {
  if (kind === 'Job') return now !== undefined && successOf(now) !== (before && successOf(before));
  if (!before || !now) return true;
  return before.status?.lastSuccessfulTime !== now.status?.lastSuccessfulTime;
}

function hasNewRun(before: CriteoSegmentExport | undefined, now: CriteoSegmentExport | undefined): boolean {
  return (
    now?.status?.lastRun !== undefined && now.status.lastRun.jobName !== before?.status?.lastRun?.jobName
  );
}
