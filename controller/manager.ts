import { hostname } from 'node:os';
import { group } from '../api/names.ts';
import type { Flags } from './flags.ts';
import { allCaches, createCaches } from './reconcile/caches.ts';
import { reconcileConnection } from './reconcile/connections.ts';
import { Executor } from './reconcile/execute.ts';
import { type ReconcileContext, reconcileExport } from './reconcile/exports.ts';
import { Places } from './reconcile/places.ts';
import { connectMetrics } from './reconcile/resourcemetrics.ts';
import { connectTriggers } from './reconcile/triggers.ts';
import { releaseFinalizers } from './releasefinalizers.ts';
import { informerLive, informerSynced } from './runtime/checks.ts';
import { KubeClient } from './runtime/client.ts';
import { systemClock } from './runtime/clock.ts';
import { type Controller, runController } from './runtime/controller.ts';
import { EventRecorder } from './runtime/events.ts';
import { type HealthCheck, startHealthServer } from './runtime/health.ts';
import { loadKubeConfig } from './runtime/kubeconfig.ts';
import { LeaderElector } from './runtime/leaderelection.ts';
import type { Logger } from './runtime/log.ts';
import { Registry } from './runtime/metrics.ts';
import { registerProcessMetrics } from './runtime/processmetrics.ts';
import { WorkQueue } from './runtime/queue.ts';
import { checkCluster } from './startup.ts';

const leaseName = `leader.${group}`;

/**
 * The controller from start to end: watches, waits to lead, reconciles while it
 * leads, until `signal` aborts.
 * @throws Error where the cluster cannot be used; the message tells what to do.
 */
export async function runManager(flags: Flags, logger: Logger, signal: AbortSignal): Promise<void> {
  const metrics = new Registry();
  registerProcessMetrics(metrics);
  const client = createClient(flags, metrics);
  const version = await checkCluster(client, flags.namespaces, signal);
  const identity = `${hostname()}_${crypto.randomUUID()}`;
  logger.info('starting', { server: client.server, kubernetes: version, identity });

  const caches = createCaches(client, { namespaces: flags.namespaces, logger });
  const elector = createElector(flags, { client, identity, logger, metrics });
  let controllers: Controller[] = [];
  const informers = allCaches(caches);
  const live: HealthCheck[] = [
    ...informers.map(([name, informer]) => informerLive(name, informer)),
    { name: 'leader-election', check: () => elector.check() },
    { name: 'workers', check: () => controllers.map((c) => c.check()).find((fault) => fault !== undefined) },
  ];
  const health = await startHealthServer({
    host: flags.healthHost,
    port: flags.healthPort,
    live,
    ready: informers.map(([name, informer]) => informerSynced(name, informer)),
    metrics: () => metrics.expose(),
  });
  logger.info('serving /healthz, /readyz and /metrics', { host: flags.healthHost, port: health.port });
  const events = new EventRecorder({
    client,
    reportingController: `${group}/controller`,
    reportingInstance: hostname(),
    logger,
  });
  const context: ReconcileContext = {
    client,
    caches,
    executor: new Executor(client, events, logger),
    settings: flags.settings,
    clock: systemClock,
    places: new Places(systemClock),
  };
  /** Each time with queues of its own: what was queued for an earlier lead may be long done by another leader. */
  const lead = async (leading: AbortSignal): Promise<void> => {
    logger.info('leading');
    const queues = {
      connections: new WorkQueue({ name: 'criteoconnection', metrics }),
      exports: new WorkQueue({ name: 'criteosegmentexport', metrics }),
    };
    const disconnect = connectTriggers(caches, queues);
    const disconnectMetrics = connectMetrics(caches, metrics);
    const common = { workers: flags.workers, logger, metrics };
    controllers = [
      runController({
        ...common,
        name: 'criteoconnection',
        queue: queues.connections,
        reconcile: (key, deadline) => reconcileConnection(key, context, deadline),
      }),
      runController({
        ...common,
        name: 'criteosegmentexport',
        queue: queues.exports,
        reconcile: (key, deadline) => reconcileExport(key, context, deadline),
      }),
    ];
    await aborted(leading);
    disconnect();
    disconnectMetrics();
    // On a signal the Lease is still held, and work under way may end; without it another leads already.
    const graceMs = signal.aborted ? 10_000 : 0;
    await Promise.all(controllers.map((controller) => controller.stop(graceMs)));
    controllers = [];
  };

  try {
    // Caches are filled before leading, so that a new leader acts on all there is, and at once.
    for (const [, informer] of informers) informer.start();
    await Promise.all(informers.map(([, informer]) => informer.waitForSync(signal)));
    logger.info('caches are filled', {
      connections: caches.connections.store.size,
      exports: caches.exports.store.size,
    });
    if (!flags.leaderElect) await lead(signal);
    // A lost Lease is mostly an API server that was away. A restart would only add the kubelet's growing pauses.
    else while (!signal.aborted) await elector.run(lead, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await events.flush();
    await Promise.all(informers.map(([, informer]) => informer.stop()));
    await health.close();
    await client.close();
    logger.info('stopped');
  }
}

/** `--release-finalizers`: while another leads it would put them back, so this waits to lead, too. */
export async function runRelease(
  flags: Flags,
  logger: Logger,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const metrics = new Registry();
  const client = createClient(flags, metrics);
  const identity = `${hostname()}_${crypto.randomUUID()}`;
  const release = async (leading: AbortSignal): Promise<void> => {
    await releaseFinalizers(client, flags.namespaces, print, leading);
  };
  try {
    await checkCluster(client, flags.namespaces, signal);
    if (!flags.leaderElect) await release(signal);
    else await createElector(flags, { client, identity, logger, metrics }).run(release, signal);
  } finally {
    await client.close();
  }
}

function createClient(flags: Flags, metrics: Registry): KubeClient {
  return new KubeClient({
    loadConfig: () => loadKubeConfig({ kubeconfig: flags.kubeconfig, context: flags.context }),
    fieldManager: 'criteo-segment-export',
    userAgent: 'criteo-segment-export/controller',
    metrics,
  });
}

function createElector(
  flags: Flags,
  parts: { client: KubeClient; identity: string; logger: Logger; metrics: Registry },
): LeaderElector {
  const { metrics, ...others } = parts;
  return new LeaderElector({
    ...others,
    // One that waits for no Lease would look like one that never leads.
    ...(flags.leaderElect ? { metrics } : {}),
    namespace: flags.leaderElectionNamespace ?? parts.client.namespace ?? 'default',
    name: leaseName,
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
