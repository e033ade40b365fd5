import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { CriteoConnection } from '../../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport } from '../../../api/generated/criteosegmentexport.ts';
import { annotations } from '../../../api/names.ts';
import { deployment } from '../../../deploy/deployment.ts';
import { defaultOptions } from '../../../deploy/options.ts';
import { uninstallJob } from '../../../deploy/uninstall.ts';
import { waitFor } from '../../cluster/wait.ts';
import { type ControllerProcess, exporterImage } from '../../support/controllerprocess.ts';
import { type Prometheus, startPrometheus } from '../../support/prometheus.ts';
import {
  connectionName,
  csvOf,
  halfAYearAway,
  hasReason,
  now,
  type Shop,
  withLedger,
} from '../controller/shop.ts';
import { controllerNamespace, startWorld } from '../controller/world.ts';
import { monitoringDirectory, monitoringFile } from './files.ts';

/** The exports of the scene, each in the state that its name tells: no panel has nothing to show. */
export const exportNames = [
  'good',
  'failed',
  'suspended',
  'guarded',
  'throttled',
  'cancelled',
  'awaiting',
  'busy',
] as const;
export type ExportName = (typeof exportNames)[number];

/** Two controllers, another project's program, and a Prometheus that gathers from all, with the rules of the examples. */
export interface Scene extends AsyncDisposable {
  shop: Shop;
  leader: ControllerProcess;
  other: ControllerProcess;
  prometheus: Prometheus;
  /** As kubectl shows them. */
  exports(): Promise<Record<ExportName, CriteoSegmentExport>>;
  connections(): Promise<CriteoConnection[]>;
}

const withoutSecret = 'baltic';

const all = ['anna@example.com', 'berit@example.com', 'chris@example.com', 'dora@example.com'];

export async function startScene(): Promise<Scene> {
  await using started = new AsyncDisposableStack();
  const world = started.use(await startWorld());
  const sunset = 'Fri, 02 Jul 2027 00:00:00 GMT';
  // A refusal that says nothing of the next window is a wait that the short patience of these exporters allows.
  const shop = await world.shop({ deprecatedVersions: { '2026-07': { sunset } }, callsPerMinute: 0 });
  const flags = ['--leader-election-namespace', controllerNamespace];
  const leader = await shop.startController({ flags });
  const other = shop.launchController({ flags });
  await other.watches();
  await shop.prepare(
    Object.fromEntries(
      exportNames.filter((name) => name !== 'failed').map((name) => [`${name}.csv`, csvOf(all)]),
    ),
  );
  await shop.apply(shop.connection(withLedger));
  await shop.apply(shop.connection({ credentialsSecretRef: { name: 'criteo-baltic' } }, withoutSecret));
  for (const name of exportNames) await shop.apply(definition(shop, name));
  for (const name of exportNames.filter((name) => name !== 'awaiting')) await shop.ready(name);
  await shop.untilExport('no claim', hasReason('Ready', 'ClaimNotFound'), 'awaiting');
  const hasNoSecret = hasReason('Ready', 'SecretNotFound');
  await waitFor(`${withoutSecret} without its Secret`, 60_000, async () =>
    hasNoSecret(await shop.getConnection(withoutSecret)) ? true : undefined,
  );
  // Not earlier: what is not ready for a moment is on its way to an alert for five minutes.
  const foreign = started.use(await startForeign());
  const ports = await Promise.all([leader, other].map((controller) => controller.port()));
  const prometheus = started.use(await startPrometheus(configOf(ports, foreign.port)));
  await waitFor('Prometheus knowing of the exports before their first runs', 30_000, async () => {
    const counters = await prometheus.query('criteo_export_runs_total{outcome="Failed"}');
    return counters.length === exportNames.length || undefined;
  });
  for (const name of ['good', 'failed', 'guarded'] as const) await shop.runOnce(name);
  await shop.putFiles({ 'guarded.csv': csvOf(all.slice(0, 1)) });
  await shop.runOnce('guarded');
  shop.sandbox.addFault({ kind: 'raw', status: 429, body: '{}', path: '/create$' });
  await shop.runOnce('throttled');
  // From here on Criteo is slow: a run is at work until the end, or until a person cancels it.
  shop.sandbox.addFault({ kind: 'delay', milliseconds: 600_000, operation: 'add', times: 'always' });
  await shop.request(now(), 'cancelled');
  const isAtWork = ({ status }: CriteoSegmentExport): boolean => status?.activeRun !== undefined;
  const { status } = await shop.untilExport('a run to cancel', isAtWork, 'cancelled');
  await shop.annotate(annotations.cancelledRun, status?.activeRun?.jobName ?? '', 'cancelled');
  await shop.untilRuns(1, 'cancelled');
  await shop.request(now(), 'busy');
  await shop.untilExport('a run at work', isAtWork, 'busy');
  await shop.request(now(), 'busy');
  await shop.untilExport('a run that waits', ({ status }) => status?.waitingRuns === 1, 'busy');

  const owned = started.move();
  return {
    shop,
    leader,
    other,
    prometheus,
    exports: async () => {
      const read = exportNames.map(async (name) => [name, await shop.getExport(name)] as const);
      return Object.fromEntries(await Promise.all(read)) as Record<ExportName, CriteoSegmentExport>;
    },
    connections: () => Promise.all([connectionName, withoutSecret].map((name) => shop.getConnection(name))),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function definition(shop: Shop, name: ExportName): object {
  const claim = { persistentVolumeClaim: { claimName: name === 'awaiting' ? 'none' : 'data' } };
  return shop.segmentExport(
    {
      source: { file: { ...claim, path: `${name}.csv`, segmentField: 'segment' } },
      segments: [{ name: 'readers', criteoName: name }],
      ...(name === 'failed' ? {} : { schedule: { cron: halfAYearAway().cron } }),
      ...(name === 'suspended' ? { suspend: true } : {}),
    },
    name,
  );
}

/** What the scrape config asks of a target of the cluster. */
type Discovered = Record<string, string>;

/**
 * prometheus.yml as it is, but for three things: how often it looks, where the rules are, and that its targets are told
 * here, as Kubernetes would be found to tell them. (Debian's Prometheus does not ask Kubernetes.)
 */
function configOf(ports: readonly number[], foreignPort: number): object {
  const config = monitoringFile<{ scrape_configs: Record<string, unknown>[] }>('prometheus.yml');
  const [{ kubernetes_sd_configs: _, ...job } = {}] = config.scrape_configs;
  const targets = ports.flatMap((port, index) => controllerTargets(`controller-${index}`, port));
  const interval = { scrape_interval: '1s', evaluation_interval: '1s' };
  return {
    ...config,
    global: interval,
    rule_files: [join(monitoringDirectory, 'rules.yaml')],
    scrape_configs: [
      { ...job, static_configs: [...targets, uninstallation(), strangeTarget(foreignPort)] },
      { job_name: 'another', static_configs: [{ targets: [`127.0.0.1:${foreignPort}`] }] },
    ],
  };
}

interface Template {
  metadata: { labels: Record<string, string> };
  spec: { containers: { ports?: { name: string }[] }[] };
}

/** Of a pod of the installation's Deployment: one target a port, with what Kubernetes' discovery tells of it. */
function controllerTargets(pod: string, port: number): object[] {
  const { template } = deployment({ ...defaultOptions, image: exporterImage }).spec as { template: Template };
  const names = template.spec.containers.flatMap(({ ports = [] }) => ports.map(({ name }) => name));
  return names.map((name) => target(port, pod, template, { container_port_name: name }));
}

/** Its pod has ended, and has no port. */
function uninstallation(): object {
  const { template } = uninstallJob({ ...defaultOptions, image: exporterImage }).spec as {
    template: Template;
  };
  return target(1, 'uninstall', template, { phase: 'Succeeded' });
}

/** Another's pod in the same namespace. */
function strangeTarget(port: number): object {
  const template = { metadata: { labels: { 'app.kubernetes.io/name': 'another' } } };
  return target(port, 'another', template, { container_port_name: 'health' });
}

function target(
  port: number,
  pod: string,
  { metadata }: Pick<Template, 'metadata'>,
  more: Discovered,
): object {
  const labels = Object.entries(metadata.labels).map(
    ([name, value]) => [`label_${name.replace(/\W/g, '_')}`, value] as const,
  );
  const told = { name: pod, phase: 'Running', ...Object.fromEntries(labels), ...more };
  const meta = Object.entries(told).map(([name, value]) => [`__meta_kubernetes_pod_${name}`, value] as const);
  return {
    targets: [`127.0.0.1:${port}`],
    labels: { __meta_kubernetes_namespace: defaultOptions.namespace, ...Object.fromEntries(meta) },
  };
}

/** Another operator, whose metrics have the same names. */
export const foreignName = 'certificate';

async function startForeign(): Promise<AsyncDisposable & { port: number }> {
  const labels = `controller="${foreignName}",name="${foreignName}"`;
  const series = [
    `leader_election_master_status{name="${foreignName}"} 1`,
    `workqueue_depth{${labels}} 99`,
    `workqueue_longest_running_processor_seconds{${labels}} 999`,
    `workqueue_queue_duration_seconds_bucket{${labels},le="+Inf"} 99`,
    `controller_runtime_reconcile_total{${labels},result="error"} 99`,
    `controller_runtime_reconcile_errors_total{${labels}} 99`,
    `controller_runtime_reconcile_time_seconds_bucket{${labels},le="+Inf"} 99`,
    `rest_client_requests_total{code="${foreignName}",method="GET",host="other"} 99`,
    'process_resident_memory_bytes 99',
    'process_cpu_seconds_total 99',
  ];
  const server = createServer((_, response) => response.end(`${series.join('\n')}\n`));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
