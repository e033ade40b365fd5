import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import { labels } from '../../api/names.ts';
import { parseTime } from '../../api/time.ts';
import { cronJobName } from '../plan/cronjob.ts';
import { type ObservedExport, planExport } from '../plan/export.ts';
import { hasFinalizer } from '../plan/finalizer.ts';
import { isHeld, isLive, type Job } from '../plan/kubernetes.ts';
import { isLedgerClaim } from '../plan/ledger.ts';
import { isDeleted } from '../plan/retirejob.ts';
import type { ObservedLedger } from '../plan/retirement.ts';
import type { Settings } from '../plan/settings.ts';
import { whyConnectionUnreadable, whyUnreadable } from '../plan/unreadable.ts';
import type { KubeClient } from '../runtime/client.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Result } from '../runtime/controller.ts';
import { ApiError } from '../runtime/errors.ts';
import { byConnectionUid, byExportUid, byUid, type Caches } from './caches.ts';
import type { Executor } from './execute.ts';
import { findCronJob, followedBy } from './followed.ts';
import type { Places } from './places.ts';
import { reportedPods } from './reportedpods.ts';
import { claims, jobs as jobResource, segmentExports, serviceAccounts } from './resources.ts';
import { tellUnreadable } from './unreadable.ts';
import { look } from './unwatched.ts';

export interface ReconcileContext {
  client: KubeClient;
  caches: Caches;
  executor: Executor;
  settings: Settings;
  clock: Clock;
  /** Of the runs of each connection. */
  places: Places;
}

/** Looks, plans, acts, for one CriteoSegmentExport. */
export async function reconcileExport(
  key: string,
  context: ReconcileContext,
  signal: AbortSignal,
): Promise<Result> {
  const resource = context.caches.exports.store.getByKey(key);
  // What it owned is the garbage collector's; one with our finalizer waits for what is at Criteo.
  if (!resource || (isDeleted(resource) && !hasFinalizer(resource))) return {};
  // The watch is behind our own last write; its event brings the key back.
  if (context.executor.wroteAfter(resource)) return {};
  if (mayHaveOvertaken(resource, context)) return { requeueAfterMs: overtakingMs };
  const why = whyUnreadable(resource);
  if (why !== undefined) {
    await tellUnreadable(segmentExports, resource, why, context, signal);
    return {};
  }
  const gathered = await gather(resource, context, signal);
  // From here to the plan nothing is waited for: another look could give away the place that this one counts on.
  const seen = { ...gathered, ...connectionsSeen(resource, context) };
  const whyConnection = whyConnectionUnreadable(connectionsIn(seen));
  if (whyConnection !== undefined) {
    await tellUnreadable(segmentExports, resource, whyConnection, context, signal);
    return {};
  }
  const plan = planExport(seen, context.clock.now(), context.settings);
  const { mended, isGone } = await act(resource, plan, context, signal);
  if (isGone) return {};
  if (mended) return { requeueAfterMs: 1 };
  return plan.lookAgainAfterMs === undefined ? {} : { requeueAfterMs: plan.lookAgainAfterMs };
}

/** A Job that is to be released has its place from the moment of the plan, at each try. */
async function act(
  resource: ObservedExport['export'],
  plan: ReturnType<typeof planExport>,
  { executor, places }: ReconcileContext,
  signal: AbortSignal,
): ReturnType<Executor['execute']> {
  // At most one: never two of an export are at work.
  const release = plan.actions.find((action) => action.kind === 'ReleaseJob')?.job.metadata.uid;
  if (release !== undefined) places.take(release);
  let isReleased = false;
  const onReleased = (): void => {
    isReleased = true;
  };
  try {
    return await executor.execute(segmentExports, resource, plan, signal, onReleased);
  } catch (error) {
    // Without an answer it may have been released all the same.
    const isRefused = error instanceof ApiError && error.statusCode < 500;
    if (release !== undefined && isRefused && !isReleased) places.giveBack(release);
    throw error;
  }
}

/** Longer than two watches are apart, and a second more: Kubernetes cuts off the fraction of when it was created. */
const overtakingMs = 3000;

/** Applied together with what it names, an export may be heard of first: what is new is given a moment before it is told that there is none. */
function mayHaveOvertaken(
  { metadata, spec }: ObservedExport['export'],
  { caches, clock }: ReconcileContext,
): boolean {
  // By a clock that is behind it is not born yet: however long that lasts, a moment is enough.
  const age = Math.abs(clock.now() - (parseTime(metadata.creationTimestamp) ?? 0));
  if (age >= overtakingMs) return false;
  const { namespace = '' } = metadata;
  const name = spec?.connectionRef?.name ?? '';
  // One that cannot be read is told of later.
  const targets = Array.isArray(spec?.runAfter) ? spec.runAfter : [];
  return (
    caches.connections.store.get({ namespace, name }) === undefined ||
    targets.some(
      (target) => typeof target?.cronJob === 'string' && findCronJob(target, namespace, caches) === undefined,
    )
  );
}

/** Every connection that a plan looks at. */
function connectionsIn({ connection, remembered, connectionsOfJobs }: ObservedExport) {
  return [connection, ...[...remembered.values()].map((ledger) => ledger.connection), ...connectionsOfJobs];
}

async function gather(
  resource: ObservedExport['export'],
  context: ReconcileContext,
  signal: AbortSignal,
): Promise<Omit<ObservedExport, keyof ConnectionsSeen>> {
  const { caches } = context;
  const { namespace, uid = '' } = resource.metadata;
  const jobs = await jobsOf(resource, context, signal);
  const claimName = resource.spec.source.file?.persistentVolumeClaim.claimName;
  const claim =
    claimName === undefined ? undefined : await look(claims, { namespace, name: claimName }, context, signal);
  const accountName = resource.spec.job?.serviceAccountName;
  return {
    export: resource,
    cronJob: caches.cronJobs.store
      .byIndex(byExportUid, uid)
      .find(({ metadata }) => metadata.name === cronJobName(resource)),
    jobs,
    pods: await reportedPods(
      jobs.find((job) => job.metadata.uid === resource.status?.activeRun?.jobUID),
      caches.pods.store.byIndex(byExportUid, uid),
      context.client,
      { namespace, labelSelector: `${labels.exportUid}=${uid}`, signal },
    ),
    connectionsOfJobs: connectionsOf(jobs, caches),
    claimExists: claim?.exists,
    claimIsLedger: claim?.found !== undefined && isLedgerClaim(claim.found),
    serviceAccountExists:
      accountName === undefined
        ? undefined
        : (await look(serviceAccounts, { namespace, name: accountName }, context, signal)).exists,
    refusal: context.executor.refusalOf(resource),
    followed: followedBy(resource, caches),
  };
}

type ConnectionsSeen = Pick<ObservedExport, 'connection' | 'remembered' | 'otherRunsOfConnection'>;

function connectionsSeen(resource: ObservedExport['export'], context: ReconcileContext): ConnectionsSeen {
  const remembered = rememberedBy(resource, context);
  const { connection, otherRuns = 0 } = remembered.get(resource.spec.connectionRef.name) ?? {};
  return { connection, remembered, otherRunsOfConnection: otherRuns };
}

/** The connection that the export names, and those in whose ledgers its segments are. */
function rememberedBy(
  { metadata: { namespace, uid }, spec, status }: ObservedExport['export'],
  { caches, places }: ReconcileContext,
): Map<string, ObservedLedger> {
  const names = [spec.connectionRef.name, ...(status?.ledgers ?? []).map((ledger) => ledger.connection)];
  return new Map(
    names.map((name) => {
      const connection = caches.connections.store.get({
        ...(namespace === undefined ? {} : { namespace }),
        name,
      });
      const otherRuns = caches.jobs.store
        .byIndex(byConnectionUid, connection?.metadata.uid ?? '')
        .filter((job) => isExportRun(job) && job.metadata.labels?.[labels.exportUid] !== uid)
        .filter((job) => isLive(job) || places.isTaken(job));
      return [name, { connection, otherRuns: otherRuns.length }];
    }),
  );
}

/**
 * A claimed Job that looks held was released, more often than not, and the watch
 * has not said so yet. Its claim must not be dropped for that: its end would
 * never be told. So the Jobs are asked for.
 */
async function jobsOf(
  resource: ObservedExport['export'],
  context: ReconcileContext,
  signal: AbortSignal,
): Promise<Job[]> {
  const { namespace, uid = '' } = resource.metadata;
  const cached = context.caches.jobs.store.byIndex(byExportUid, uid);
  const claimed = cached.find((job) => job.metadata.uid === resource.status?.activeRun?.jobUID);
  if (!claimed || !isHeld(claimed)) return cached;
  const listed = await context.client.list(jobResource, {
    ...(namespace === undefined ? {} : { namespace }),
    labelSelector: `${labels.exportUid}=${uid}`,
    signal,
  });
  return listed.items;
}

/** The export may name another connection by now than its Jobs use. */
function connectionsOf(jobs: readonly Job[], caches: Caches): CriteoConnection[] {
  const uids = new Set(jobs.flatMap(({ metadata }) => metadata.labels?.[labels.connectionUid] ?? []));
  return [...uids].flatMap((uid) => caches.connections.store.byIndex(byUid, uid));
}

function isExportRun(job: Job): boolean {
  return job.metadata.labels?.[labels.exportUid] !== undefined;
}
