import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import { labels } from '../../api/names.ts';
import { parseTime } from '../../api/time.ts';
import { planConnection } from '../plan/connection.ts';
import type { Job, Pod } from '../plan/kubernetes.ts';
import { ledgerClaimName } from '../plan/ledger.ts';
import { isSeenByCheck } from '../plan/runresult.ts';
import { whyUnreadable } from '../plan/unreadable.ts';
import type { Result } from '../runtime/controller.ts';
import { objectKey } from '../runtime/resource.ts';
import { byConnection, byConnectionUid } from './caches.ts';
import type { ReconcileContext } from './exports.ts';
import { reportedPods } from './reportedpods.ts';
import { claims, connections } from './resources.ts';
import { tellUnreadable } from './unreadable.ts';
import { find } from './unwatched.ts';

/** Looks, plans, acts, for one CriteoConnection. */
export async function reconcileConnection(
  key: string,
  context: ReconcileContext,
  signal: AbortSignal,
): Promise<Result> {
  const { caches } = context;
  const connection = caches.connections.store.getByKey(key);
  // What it owned is the garbage collector's.
  if (!connection || connection.metadata.deletionTimestamp !== undefined) return {};
  // The watch is behind our own last write; its event brings the key back.
  if (context.executor.wroteAfter(connection)) return {};
  const why = whyUnreadable(connection);
  if (why !== undefined) {
    await tellUnreadable(connections, connection, why, context, signal);
    return {};
  }
  const plan = await planOf(connection, context, signal);
  const { mended, isGone } = await context.executor.execute(connections, connection, plan, signal);
  if (isGone) return {};
  if (mended) return { requeueAfterMs: 1 };
  return plan.lookAgainAfterMs === undefined ? {} : { requeueAfterMs: plan.lookAgainAfterMs };
}

async function planOf(
  connection: CriteoConnection,
  context: ReconcileContext,
  signal: AbortSignal,
): Promise<ReturnType<typeof planConnection>> {
  const { caches } = context;
  const { uid = '', namespace } = connection.metadata;
  const isCheck = (object: Job | Pod): boolean => object.metadata.labels?.[labels.runKind] === 'Check';
  const jobs = caches.jobs.store.byIndex(byConnectionUid, uid).filter(isCheck);
  const checkPods = await reportedPods(
    jobs.find((job) => job.metadata.name === connection.status?.activeCheck?.jobName),
    caches.pods.store.byIndex(byConnectionUid, uid).filter(isCheck),
    context.client,
    { namespace, labelSelector: `${labels.connectionUid}=${uid},${labels.runKind}=Check`, signal },
  );

  return planConnection(
    {
      connection,
      jobs,
      pods: checkPods,
      ledgerClaim: connection.spec.ledger?.volume
        ? await find(claims, { namespace, name: ledgerClaimName(connection) }, context, signal)
        : undefined,
      credentialsFailedAt: credentialsFailedAt(connection, context),
      refusal: context.executor.refusalOf(connection)?.message,
    },
    context.clock.now(),
    context.settings,
  );
}

function credentialsFailedAt(connection: CriteoConnection, context: ReconcileContext): number | undefined {
  const times = context.caches.exports.store
    .byIndex(byConnection, objectKey(connection))
    .flatMap(({ status }) =>
      status?.lastRun && isSeenByCheck(status.lastRun.reason, connection) ? [status.lastRun] : [],
    )
    .flatMap((run) => parseTime(run.finishedAt) ?? []);
  return times.length > 0 ? Math.max(...times) : undefined;
}
