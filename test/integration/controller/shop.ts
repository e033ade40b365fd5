import { createHash, hash, randomBytes } from 'node:crypto';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CriteoConnection } from '../../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport, PlanSummary } from '../../../api/generated/criteosegmentexport.ts';
import { annotations, labels } from '../../../api/names.ts';
import { kubectl } from '../../cluster/kubectl.ts';
import { waitFor } from '../../cluster/wait.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import type { ReplyBody } from '../../support/apiserver.ts';
import { ControllerProcess } from '../../support/controllerprocess.ts';
import type { ExporterRun } from '../../support/processkubelet.ts';
import type { World } from './world.ts';

export const people = ['anna@example.com', 'Berit@Example.com ', 'chris@example.com', 'anna@example.com'];
export const connectionName = 'nordic';
export const exportName = 'newsletter';
export const secretName = 'criteo-nordic';

/** What a connection with a ledger has in its spec. */
export const withLedger = { ledger: { volume: { size: '1Gi' } } };

/** As the sandbox's default client has them. */
export const goodCredentials = { clientId: 'sandbox-client', clientSecret: 'sandbox-secret' };

/** An event as kubectl shows it. */
export interface EventView {
  type: string;
  reason: string;
  note: string;
  /** Name of the object that it is about. */
  about: string;
  /** How often it was seen. */
  count: number;
}

interface Item {
  metadata: {
    name: string;
    uid: string;
    creationTimestamp: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: object[];
  };
  spec?: { suspend?: boolean };
  status?: { active?: number; conditions?: { type: string; status: string }[] };
  [field: string]: unknown;
}

const anyJobSpec = {
  template: {
    spec: { restartPolicy: 'Never', containers: [{ name: 'any', image: 'registry.example/any' }] },
  },
};

/** One of each kind that the API server would take. */
const anyOf = {
  Job: { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'any' }, spec: anyJobSpec },
  CronJob: {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'any' },
    spec: { schedule: '0 4 1 1 *', jobTemplate: { spec: anyJobSpec } },
  },
};

/** One namespace with everything that a user of the project has in it, and its own Criteo. */
export class Shop implements AsyncDisposable {
  readonly world: World;
  readonly namespace: string;
  readonly sandbox: Sandbox;
  readonly controllers: ControllerProcess[] = [];

  protected constructor(world: World, namespace: string, sandbox: Sandbox) {
    this.world = world;
    this.namespace = namespace;
    this.sandbox = sandbox;
  }

  /** Resolves when pods can be created in the new namespace. */
  static async open(world: World, sandbox: Sandbox): Promise<Shop> {
    const name = `shop-${randomBytes(4).toString('hex')}`;
    const shop = new Shop(world, name, sandbox);
    await shop.create('/api/v1/namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    });
    await waitFor(`the service account of ${name}`, 90_000, async () =>
      (await world.api.call(`/api/v1/namespaces/${name}/serviceaccounts/default`)).status === 200
        ? true
        : undefined,
    );
    return shop;
  }

  /** Runs kubectl in the namespace. */
  kubectl(args: readonly string[], input?: string): Promise<string> {
    return kubectl(this.world.controlPlane.kubeconfigPath, ['--namespace', this.namespace, ...args], input);
  }

  /** The real controller, for this namespace alone; resolves when it leads. */
  async startController(
    options: { kubeconfig?: string; flags?: readonly string[] } = {},
  ): Promise<ControllerProcess> {
    const controller = this.launchController(options);
    await controller.leads();
    return controller;
  }

  launchController(options: { kubeconfig?: string; flags?: readonly string[] } = {}): ControllerProcess {
    const { kubeconfig = this.world.controllerKubeconfig, flags = ['--leader-elect=false'] } = options;
    const controller = new ControllerProcess({
      program: this.world.controllerProgram,
      kubeconfig,
      flags: ['--namespace', this.namespace, '--allowed-base-url', this.sandbox.url, ...flags],
      environment: this.world.nodeEnvironment,
    });
    this.controllers.push(controller);
    return controller;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const controller of this.controllers) await controller.kill();
  }

  /** What controllers and exporters wrote. */
  get logs(): string {
    const runs = (['Check', 'Export', 'Retire'] as const).flatMap((kind) =>
      this.world.kubelet.runs(this.namespace, kind),
    );
    return [...this.controllers, ...runs].map(({ output }) => output).join('\n');
  }

  /** Everything that a run needs, but the connection and the export. */
  async prepare(files: Readonly<Record<string, string>> = { 'people.csv': csvOf(people) }): Promise<void> {
    await this.putSecret(goodCredentials);
    await this.putClaim();
    await this.putFiles(files);
  }

  /** Prepares, applies both resources as they are by default, and waits until both are Ready. */
  async settle(
    changes: { connection?: object; export?: object; files?: Record<string, string> } = {},
  ): Promise<void> {
    await this.prepare(changes.files);
    await this.apply(this.connection(changes.connection));
    await this.apply(this.segmentExport(changes.export));
    await this.ready();
  }

  /** Waits until the controller calls the export usable, by its newest definition. */
  async ready(name = exportName, timeoutMs = 60_000): Promise<CriteoSegmentExport> {
    return await this.untilExport(
      'Ready=True',
      (object) => isCurrent(object) && conditionOf(object, 'Ready')?.status === 'True',
      name,
      timeoutMs,
    );
  }

  connection(spec: object = {}, name = connectionName): object {
    return {
      apiVersion: 'segmentexport.io/v1alpha1',
      kind: 'CriteoConnection',
      metadata: { name },
      spec: {
        credentialsSecretRef: { name: secretName },
        advertiserId: '12345',
        dataPrivacy: { agreed: true, agreedBy: 'Head of marketing', agreedOn: '2026-11-22' },
        api: { baseUrl: this.sandbox.url },
        ...spec,
      },
    };
  }

  segmentExport(spec: object = {}, name = exportName): object {
    return {
      apiVersion: 'segmentexport.io/v1alpha1',
      kind: 'CriteoSegmentExport',
      metadata: { name },
      spec: {
        connectionRef: { name: connectionName },
        match: { email: { field: 'email' } },
        source: {
          file: { persistentVolumeClaim: { claimName: 'data' }, path: 'people.csv', segmentField: 'segment' },
        },
        segments: [{ name: 'readers' }],
        ...spec,
      },
    };
  }

  /** As `kubectl apply --server-side`, without the cost of a process. */
  async apply(object: object): Promise<void> {
    const { kind, metadata } = object as { kind: string; metadata: { name: string } };
    const { status, body } = await this.world.api.call(`${this.path(kind)}/${metadata.name}`, {
      method: 'PATCH',
      contentType: 'application/apply-patch+yaml',
      query: { fieldManager: 'user', force: 'true' },
      body: object,
    });
    if (status > 201) throw new Error(`apply of ${kind} ${metadata.name}: ${status} ${body.message}`);
  }

  /** In one step: a check that met no Secret would tell so. Not `stringData`, of which an apply takes no key away. */
  async putSecret(words: Record<string, string>): Promise<void> {
    const base64 = Object.entries(words).map(([key, word]) => [key, Buffer.from(word).toString('base64')]);
    const data: Record<string, string> = Object.fromEntries(base64);
    await this.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name: secretName }, data });
  }

  async deleteSecret(): Promise<void> {
    await this.world.api.call(`${this.path('Secret')}/${secretName}`, { method: 'DELETE' });
  }

  async putClaim(): Promise<void> {
    await this.apply({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data' },
      spec: { accessModes: ['ReadOnlyMany'], resources: { requests: { storage: '1Gi' } } },
    });
  }

  /** Puts files into the claim `data`, by path. */
  async putFiles(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [path, content] of Object.entries(files)) {
      const place = join(this.world.directory, 'claims', this.namespace, 'data', path);
      await mkdir(dirname(place), { recursive: true });
      await writeFile(place, content);
    }
  }

  /** Files of the claim `data` as if they had been written then. */
  async dateFiles(paths: readonly string[], writtenAt: Date): Promise<void> {
    for (const path of paths) {
      await utimes(join(this.world.directory, 'claims', this.namespace, 'data', path), writtenAt, writtenAt);
    }
  }

  /** Asks for a run with the annotation; returns its value. */
  async request(value = now(), name = exportName): Promise<string> {
    return await this.annotate(annotations.requestedAt, value, name);
  }

  /** Asks for a run and waits for its end; returns the export with it. */
  async runOnce(name = exportName): Promise<CriteoSegmentExport> {
    const before = (await this.getExport(name)).status?.lastRun?.startedAt;
    const jobs = new Set((await this.getExport(name)).status?.history?.map(({ jobName }) => jobName));
    await this.request(now(), name);
    return await this.untilExport(
      `a run after ${before}`,
      ({ status }) =>
        status?.lastRun !== undefined && !jobs.has(status.lastRun.jobName) && status.activeRun === undefined,
      name,
    );
  }

  /** Asks for a plan and waits for it. */
  async planOnce(name = exportName): Promise<PlanSummary> {
    const value = await this.annotate(annotations.planRequestedAt, now(), name);
    const { status } = await this.untilExport(
      `the plan of ${value}`,
      (object) => object.status?.plan?.requestedAt === value && object.status.activeRun === undefined,
      name,
    );
    return status?.plan ?? { jobName: '', outcome: 'Unknown', reason: '' };
  }

  /** A person's word on a run that waits for it. */
  async approve(runName: string, name = exportName): Promise<void> {
    await this.annotate(annotations.approvedRun, runName, name);
  }

  async annotate(annotation: string, value: string, name = exportName): Promise<string> {
    await this.patch('CriteoSegmentExport', name, { metadata: { annotations: { [annotation]: value } } });
    return value;
  }

  /** Of the export's CronJob; status has it when the CronJob was seen, which may be a moment after Ready. */
  async cronJobName(): Promise<string> {
    const { status } = await this.untilExport('its CronJob', (object) => Boolean(object.status?.cronJobName));
    return status?.cronJobName ?? '';
  }

  /** As `kubectl create job --from=cronjob/...` does it. */
  async createJobByHand(jobName: string): Promise<void> {
    const cronJobName = await this.cronJobName();
    await this.kubectl(['create', 'job', jobName, `--from=cronjob/${cronJobName}`]);
  }

  /** The Job that the CronJob controller would make for this time, with what that controller puts on it; returns the time. */
  async createScheduledJob(scheduled = `${now().slice(0, 19)}Z`): Promise<string> {
    const cronJobName = await this.cronJobName();
    const { body } = await this.world.api.call(`${this.path('CronJob')}/${cronJobName}`);
    const cronJob = body as unknown as Item & {
      spec: { jobTemplate: { metadata: { labels: object; annotations: object }; spec: object } };
    };
    const { metadata, spec } = cronJob.spec.jobTemplate;
    const name = `${cronJobName}-${Math.floor(Date.parse(scheduled) / 60_000)}`;
    const stamp = { 'batch.kubernetes.io/cronjob-scheduled-timestamp': scheduled };
    await this.create(this.path('Job'), {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {
        name,
        labels: metadata.labels,
        annotations: { ...metadata.annotations, ...stamp },
        ownerReferences: [
          {
            apiVersion: 'batch/v1',
            kind: 'CronJob',
            name: cronJobName,
            uid: cronJob.metadata.uid,
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      spec,
    });
    return scheduled;
  }

  async patch(kind: string, name: string, patch: object): Promise<void> {
    const { status, body } = await this.world.api.call(`${this.path(kind)}/${name}`, {
      method: 'PATCH',
      contentType: 'application/merge-patch+json',
      body: patch,
    });
    if (status !== 200) throw new Error(`patch of ${kind} ${name}: ${status} ${body.message}`);
  }

  async delete(
    kind: string,
    name: string,
    propagationPolicy: 'Background' | 'Foreground' | 'Orphan' = 'Background',
  ): Promise<void> {
    const { status, body } = await this.world.api.call(`${this.path(kind)}/${name}`, {
      method: 'DELETE',
      body: { propagationPolicy },
    });
    if (status > 202) throw new Error(`delete of ${kind} ${name}: ${status} ${body.message}`);
  }

  async getExport(name = exportName): Promise<CriteoSegmentExport> {
    return (await this.#get('CriteoSegmentExport', name)) as unknown as CriteoSegmentExport;
  }

  async getConnection(name = connectionName): Promise<CriteoConnection> {
    return (await this.#get('CriteoConnection', name)) as unknown as CriteoConnection;
  }

  /** Waits until an export is as `wanted` says; the last one seen is in the error. */
  untilExport(
    what: string,
    wanted: (object: CriteoSegmentExport) => boolean,
    name = exportName,
    timeoutMs = 60_000,
  ): Promise<CriteoSegmentExport> {
    return this.#until(`${name}: ${what}`, () => this.getExport(name), wanted, timeoutMs);
  }

  untilConnection(
    what: string,
    wanted: (object: CriteoConnection) => boolean,
    timeoutMs = 60_000,
  ): Promise<CriteoConnection> {
    return this.#until(`${connectionName}: ${what}`, () => this.getConnection(), wanted, timeoutMs);
  }

  /** Waits until an object is gone. */
  async untilGone(kind: string, name: string, timeoutMs = 60_000): Promise<void> {
    let last: unknown;
    await waitFor(`the end of ${kind} ${name}`, timeoutMs, async () => {
      const { status, body } = await this.world.api.call(`${this.path(kind)}/${name}`);
      last = body.status;
      return status === 404 ? true : undefined;
    }).catch((error: unknown) => {
      const logs = this.controllers.map(({ output }) => output.slice(-3000)).join('\n---\n');
      throw new Error(`${error instanceof Error ? error.message : error}\n${JSON.stringify(last)}\n${logs}`);
    });
  }

  /** Waits until so many runs have ended, as the export's history tells. */
  untilRuns(count: number, name = exportName): Promise<CriteoSegmentExport> {
    return this.untilExport(
      `${count} ended runs`,
      ({ status }) => (status?.history?.length ?? 0) >= count && status?.activeRun === undefined,
      name,
    );
  }

  /** Changes the definition and waits until the controller has acted on it: what it would start by then, it has started. */
  async nudge(name = exportName): Promise<CriteoSegmentExport> {
    await this.patch('CriteoSegmentExport', name, { spec: { name: `changed ${now()}` } });
    return await this.untilExport('the new definition is seen', isCurrent, name);
  }

  /** Waits until so many exporters of runs have been started. */
  untilStarted(count: number): Promise<ExporterRun[]> {
    return waitFor(`${count} exporters`, 60_000, () => {
      const runs = this.exporters();
      return runs.length >= count ? runs : undefined;
    });
  }

  /** Exporters of runs, not of checks, that were started in this namespace. */
  exporters(): ExporterRun[] {
    return this.world.kubelet.runs(this.namespace);
  }

  /** The Jobs of runs. */
  async jobs(): Promise<Item[]> {
    const jobs = await this.#list(this.path('Job'));
    return jobs.filter((job) => job.metadata.labels?.[labels.runKind] === 'Export');
  }

  /** The Jobs of runs that wait for their release. */
  async heldJobs(): Promise<string[]> {
    return (await this.jobs())
      .filter(({ spec }) => spec?.suspend === true)
      .map(({ metadata }) => metadata.name);
  }

  /** Our events, oldest first; the events of Kubernetes' own controllers are left out. */
  async events(about?: string): Promise<EventView[]> {
    type Event = Item & {
      type: string;
      reason: string;
      note: string;
      reportingController: string;
      eventTime: string;
      regarding: { name: string };
      series?: { count: number };
    };
    const items = (await this.#list(`/apis/events.k8s.io/v1/namespaces/${this.namespace}/events`)) as Event[];
    return items
      .filter((event) => event.reportingController?.startsWith('segmentexport.io'))
      .filter((event) => about === undefined || event.regarding.name === about)
      .toSorted((a, b) => a.eventTime.localeCompare(b.eventTime))
      .map(({ type, reason, note, regarding, series }) => ({
        type,
        reason,
        note,
        about: regarding.name,
        count: series?.count ?? 1,
      }));
  }

  /** Waits for an event; events are written in the background. */
  untilEvent(reason: string, about: string, timeoutMs = 60_000): Promise<EventView> {
    return waitFor(`the event ${reason} of ${about}`, timeoutMs, async () =>
      (await this.events(about)).find((event) => event.reason === reason),
    );
  }

  /** The path of a kind in this namespace. */
  path(kind: string): string {
    const group = { Job: 'batch/v1', CronJob: 'batch/v1' }[kind];
    const own = kind.startsWith('Criteo') ? 'segmentexport.io/v1alpha1' : group;
    return `${own === undefined ? '/api/v1' : `/apis/${own}`}/namespaces/${this.namespace}/${kind.toLowerCase()}s`;
  }

  /** Puts a quota of none on a kind; resolves when the API server holds to it. */
  async forbid(kind: 'Job' | 'CronJob', name: string): Promise<void> {
    await this.create(`/api/v1/namespaces/${this.namespace}/resourcequotas`, {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name },
      spec: { hard: { [`count/${kind.toLowerCase()}s.batch`]: '0' } },
    });
    // Admission reads the quota's status, which a controller of Kubernetes fills in later.
    await waitFor(`the quota ${name}`, 60_000, async () => {
      const { status, body } = await this.world.api.dryRunCreate(this.path(kind), anyOf[kind]);
      if (status === 201) return undefined;
      if (!body.message?.includes(`exceeded quota: ${name}`)) throw new Error(`${status} ${body.message}`);
      return true;
    });
  }

  async create(path: string, object: object): Promise<void> {
    const { status, body } = await this.world.api.call(path, { method: 'POST', body: object });
    if (status !== 201) throw new Error(`create at ${path}: ${status} ${body.message}`);
  }

  async #get(kind: string, name: string): Promise<ReplyBody> {
    const { status, body } = await this.world.api.call(`${this.path(kind)}/${name}`);
    if (status !== 200) throw new Error(`get of ${kind} ${name}: ${status} ${body.message}`);
    return body;
  }

  async #list(path: string): Promise<Item[]> {
    const { status, body } = await this.world.api.call(path);
    if (status !== 200) throw new Error(`list of ${path}: ${status} ${body.message}`);
    return (body as ReplyBody & { items: Item[] }).items;
  }

  async #until<T extends { status?: unknown }>(
    what: string,
    get: () => Promise<T>,
    wanted: (object: T) => boolean,
    timeoutMs: number,
  ): Promise<T> {
    let last: T | undefined;
    try {
      return await waitFor(what, timeoutMs, async () => {
        last = await get();
        return wanted(last) ? last : undefined;
      });
    } catch (error) {
      const seen = JSON.stringify(last?.status, null, 1);
      const logs = this.controllers.map(({ output }) => output.slice(-3000)).join('\n---\n');
      throw new Error(`${error instanceof Error ? error.message : error}\n${seen}\n${logs}`);
    }
  }
}

interface WithConditions {
  metadata: { generation?: number };
  status?: {
    observedGeneration?: number;
    conditions?: { type: string; status: string; reason: string; message: string }[];
  };
}

export function conditionOf(object: WithConditions, type: string) {
  return object.status?.conditions?.find((condition) => condition.type === type);
}

/** Whether the controller has seen the newest definition. */
export function isCurrent(object: WithConditions): boolean {
  return object.status?.observedGeneration === object.metadata.generation;
}

/** Whether a condition has this reason, for the newest definition. */
export function hasReason(type: string, reason: string): (object: WithConditions) => boolean {
  return (object) => isCurrent(object) && conditionOf(object, type)?.reason === reason;
}

/** A CSV of one segment. */
export function csvOf(addresses: readonly string[], segment = 'readers'): string {
  return `email,segment\n${addresses.map((address) => `${address},${segment}\n`).join('')}`;
}

/** What the sandbox's digest of a segment must be that holds these people: computed from the rows alone. */
export function digestOf(addresses: readonly string[]): string {
  const digests = new Set(addresses.map((address) => hash('sha256', address.trim().toLowerCase())));
  const sum = createHash('sha256');
  for (const digest of [...digests].sort()) sum.update(`${digest}\n`);
  return sum.digest('hex');
}

/** Calls that changed something at Criteo, or tried to. */
export function writes(sandbox: Sandbox): number {
  return sandbox
    .requests()
    .filter(({ method, path }) => method === 'PATCH' || path.endsWith('/create') || path.endsWith('/delete'))
    .length;
}

/** Kubernetes' times are whole seconds: what happens after this has a later one than what happened before it. */
export async function nextSecond(): Promise<void> {
  const second = () => Math.floor(Date.now() / 1000);
  const started = second();
  await waitFor('the next second', 60_000, () => (second() > started ? true : undefined));
}

/** A schedule that starts nothing while a test runs, on whichever day that is; the time is of UTC. */
export function halfAYearAway(): { cron: string; time: string } {
  const today = new Date();
  const next = new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth() + 6, 1, 4));
  return { cron: `0 4 1 ${next.getUTCMonth() + 1} *`, time: `${next.toISOString().slice(0, 19)}Z` };
}

/** An RFC 3339 time that no earlier call gave. */
export function now(): string {
  return new Date().toISOString();
}
