import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { labels, paths } from '../../api/names.ts';
import type { Credentials } from '../cluster/kubeconfig.ts';
import { waitFor } from '../cluster/wait.ts';
import type { ApiServer, Reply } from './apiserver.ts';
import { NodeChild } from './childprocess.ts';
import { type ClaimDirectory, makeVolumes, type PodObject, podField } from './podvolumes.ts';
import { type WatchEvent, watchAll } from './watch.ts';

export interface ProcessKubeletOptions {
  credentials: Credentials;
  api: ApiServer;
  /** The exporter as one file. */
  exporter: string;
  claimDirectory: ClaimDirectory;
  /** More environment variables of every exporter, such as shorter limits. */
  environment?: Record<string, string>;
}

export type RunKind = 'Check' | 'Export' | 'Retire';

/** What Kubernetes shows of a container that has ended. */
export interface ContainerEnd {
  exitCode: number;
  /** The termination message. */
  message: string;
  reason?: string;
}

/** What befalls the runs of a namespace from now on, as a node would tell it. */
export type Fate =
  /** The container waits for this reason, and is never started. */
  | { kind: 'NeverStarts'; reason: string }
  /** The process does what it does, and the node tells another end of it. */
  | { kind: 'EndsAs'; end: (end: ContainerEnd) => ContainerEnd }
  /** The node is lost: nothing is heard of it any more, and what it is told it does not hear. */
  | { kind: 'NodeLost' };

/** One exporter that was started. */
export interface ExporterRun {
  namespace: string;
  podName: string;
  jobName: string;
  kind: RunKind;
  /** Uid of the export; empty for a check. */
  exportUid: string;
  /** Milliseconds of performance.now(). */
  startedAt: number;
  endedAt: number | undefined;
  exitCode: number | null | undefined;
  readonly output: string;
}

const terminationMessageBytes = 4096;
const secondsUntilKilled = 30;

/**
 * In the place of a node: for each pod the real exporter as a local process, with the pod's volumes as
 * directories, and the process's fate as the pod's status. A deleted pod's process gets SIGTERM, then SIGKILL,
 * and the pod object goes when the process is gone.
 *
 * The e2e tests have a real kubelet. This one leaves out: image, command, user, security context, resources and
 * limits, probes, several containers, service account token, restarts (the pods have restartPolicy Never), node
 * selectors and affinity, readOnly, waiting for what a volume lacks, and every field path but labels and annotations.
 */
export class ProcessKubelet implements AsyncDisposable {
  readonly #options: ProcessKubeletOptions;
  readonly #pods = new Map<string, PodProcess>();
  readonly #watch: { stop(): Promise<void> };
  readonly #runs: ExporterRun[] = [];
  readonly #fates = new Map<string, Fate>();
  readonly #faults: unknown[] = [];

  constructor(options: ProcessKubeletOptions) {
    this.#options = options;
    this.#watch = watchAll<PodObject>(options.credentials, '/api/v1/pods', (event) => this.#heard(event));
  }

  /** Every exporter so far in a namespace, in the order of their start. */
  runs(namespace: string, kind: ExporterRun['kind'] = 'Export'): ExporterRun[] {
    return this.#runs.filter((run) => run.namespace === namespace && run.kind === kind);
  }

  /** Undefined: as it comes. Checks and retirements are spared. */
  setFate(namespace: string, fate: Fate | undefined): void {
    if (fate) this.#fates.set(namespace, fate);
    else this.#fates.delete(namespace);
  }

  /** The most exporters of one export that were at work at the same moment. */
  mostAtOnce(namespace: string): number {
    const runs = [...this.runs(namespace), ...this.runs(namespace, 'Retire')];
    const others = (run: ExporterRun): ExporterRun[] =>
      runs.filter(
        (other) =>
          other.exportUid === run.exportUid &&
          other.startedAt <= run.startedAt &&
          (other.endedAt ?? Number.POSITIVE_INFINITY) > run.startedAt,
      );
    return Math.max(0, ...runs.map((run) => others(run).length));
  }

  /** Everything that exporters wrote. */
  get output(): string {
    return this.#runs.map((run) => run.output).join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch.stop();
    await Promise.all([...this.#pods.values()].map((pod) => pod.kill()));
    // A fault of this stand-in would else look like a fault of the controller.
    if (this.#faults.length > 0) throw new AggregateError(this.#faults, 'the process kubelet failed');
  }

  #heard({ type, object: pod }: WatchEvent<PodObject>): void {
    const { uid } = pod.metadata;
    const known = this.#pods.get(uid);
    if (type === 'DELETED') {
      known?.signal('SIGKILL');
      return;
    }
    if (known) {
      if (pod.metadata.deletionTimestamp !== undefined) known.delete();
      return;
    }
    if (pod.metadata.deletionTimestamp !== undefined || pod.status?.phase !== 'Pending') return;
    const { namespace, labels: own } = pod.metadata;
    const process = new PodProcess(pod, this.#options, {
      started: (run) => this.#runs.push(run),
      fate: () => (own?.[labels.runKind] === 'Export' ? this.#fates.get(namespace) : undefined),
    });
    this.#pods.set(uid, process);
    process.run().catch((error: unknown) => this.#faults.push(error));
  }
}

interface PodProcessContext {
  started: (run: ExporterRun) => void;
  fate: () => Fate | undefined;
}

class PodProcess {
  readonly #pod: PodObject;
  readonly #options: ProcessKubeletOptions;
  readonly #context: PodProcessContext;
  #child: NodeChild | undefined;
  #deleted = false;

  constructor(pod: PodObject, options: ProcessKubeletOptions, context: PodProcessContext) {
    this.#pod = pod;
    this.#options = options;
    this.#context = context;
  }

  async run(): Promise<void> {
    // A pod that is bound to no node is removed at once when it is deleted, without grace.
    if (!(await this.#bind())) return;
    const fate = this.#context.fate();
    if (fate?.kind === 'NeverStarts') {
      return await this.#patchStatus('Pending', { waiting: { reason: fate.reason } });
    }
    const directory = await mkdtemp(join(tmpdir(), 'process-kubelet-'));
    try {
      const message = join(directory, 'termination-log');
      const environment = await this.#environment(directory, message);
      if (this.#deleted) return await this.#report({ exitCode: 137, message: '' });
      const child = new NodeChild(this.#options.exporter, [], environment);
      this.#child = child;
      const run = this.#record(child);
      const startedAt = new Date().toISOString();
      void child.ended.then((code) => {
        run.endedAt = performance.now();
        run.exitCode = code;
      });
      await this.#patchStatus('Running', { running: { startedAt } });
      const exitCode = await child.ended;
      const text = await readFile(message, 'utf8').catch(() => '');
      const end: ContainerEnd = {
        // What Kubernetes shows for a process that SIGKILL ended.
        exitCode: exitCode ?? 137,
        message: Buffer.from(text).subarray(0, terminationMessageBytes).toString('utf8'),
      };
      const endsAs = this.#context.fate();
      if (endsAs?.kind === 'NodeLost') return;
      await this.#report({ ...(endsAs?.kind === 'EndsAs' ? endsAs.end(end) : end), startedAt });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.signal(name);
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#child?.ended;
  }

  delete(): void {
    if (this.#deleted || this.#context.fate()?.kind === 'NodeLost') return;
    this.#deleted = true;
    this.signal('SIGTERM');
    const seconds = this.#pod.metadata.deletionGracePeriodSeconds ?? secondsUntilKilled;
    setTimeout(() => this.signal('SIGKILL'), seconds * 1000).unref();
  }

  async #bind(): Promise<boolean> {
    const { name } = this.#pod.metadata;
    const { status } = await this.#call('/binding', 'POST', {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name },
      target: { apiVersion: 'v1', kind: 'Node', name: 'process-kubelet' },
    });
    // 409: an earlier attempt took effect, and its reply was lost.
    return status === 201 || status === 409;
  }

  async #environment(directory: string, message: string): Promise<Record<string, string>> {
    const { api, claimDirectory } = this.#options;
    const directories = await makeVolumes(this.#pod, directory, api, claimDirectory);
    const [container] = this.#pod.spec.containers;
    /** The host's path of a path in the container; what is not mounted is a path that does not exist. */
    const hostPath = (path: string): string => {
      const mount = container?.volumeMounts?.find(
        ({ mountPath }) => path === mountPath || path.startsWith(`${mountPath}/`),
      );
      const place = mount && directories.get(mount.name);
      return mount && place
        ? join(place, path.slice(mount.mountPath.length))
        : join(directory, 'not-mounted');
    };
    await mkdir(dirname(message), { recursive: true });
    const own = (container?.env ?? []).map(({ name, value, valueFrom }) => [
      name,
      value ?? podField(this.#pod, valueFrom?.fieldRef?.fieldPath ?? ''),
    ]);
    return {
      ...Object.fromEntries(own),
      SEGMENTEXPORT_RUN_DOCUMENT: hostPath(paths.runDocument),
      SEGMENTEXPORT_CREDENTIALS_DIR: hostPath(paths.credentials),
      SEGMENTEXPORT_SOURCE_DIR: hostPath(paths.source),
      SEGMENTEXPORT_SOURCE_CREDENTIALS_DIR: hostPath(paths.sourceCredentials),
      SEGMENTEXPORT_SOURCE_CA_DIR: hostPath(paths.sourceCa),
      SEGMENTEXPORT_LEDGER_DIR: hostPath(paths.ledger),
      SEGMENTEXPORT_LEDGER_CREDENTIALS_DIR: hostPath(paths.ledgerCredentials),
      SEGMENTEXPORT_CA_BUNDLE: hostPath(paths.caBundleFile),
      SEGMENTEXPORT_TERMINATION_MESSAGE: message,
      ...this.#options.environment,
    };
  }

  #record(child: NodeChild): ExporterRun {
    const { namespace, name, labels: own = {} } = this.#pod.metadata;
    const run: ExporterRun = {
      namespace,
      podName: name,
      jobName: own['batch.kubernetes.io/job-name'] ?? '',
      kind: (own[labels.runKind] ?? 'Export') as RunKind,
      exportUid: own[labels.exportUid] ?? '',
      startedAt: performance.now(),
      endedAt: undefined,
      exitCode: undefined,
      get output() {
        return child.output;
      },
    };
    this.#context.started(run);
    return run;
  }

  async #report(end: ContainerEnd & { startedAt?: string }): Promise<void> {
    const phase = end.exitCode === 0 ? 'Succeeded' : 'Failed';
    const terminated = {
      reason: end.exitCode === 0 ? 'Completed' : 'Error',
      finishedAt: new Date().toISOString(),
      ...end,
    };
    await this.#patchStatus(phase, { terminated });
    // The kubelet's last word on a pod that is being deleted.
    if (this.#deleted) await this.#call('', 'DELETE', { gracePeriodSeconds: 0 });
  }

  async #patchStatus(phase: string, state: object): Promise<void> {
    const [container] = this.#pod.spec.containers;
    const ready = String(phase === 'Running').replace(/^./, (letter) => letter.toUpperCase());
    const conditions = ['Ready', 'ContainersReady'].map((type) => ({ type, status: ready }));
    const containerStatuses = [
      {
        name: container?.name,
        image: container?.image,
        imageID: '',
        ready: phase === 'Running',
        restartCount: 0,
        state,
      },
    ];
    const { status, body } = await this.#call('/status', 'PATCH', {
      status: { phase, conditions, containerStatuses },
    });
    // A pod that was removed by force, or with its namespace.
    if (status !== 200 && status !== 404) throw new Error(`pod status: ${status} ${body.message}`);
  }

  /** As a kubelet does it: an API server that is away or overloaded is asked again. */
  #call(subresource: string, method: 'POST' | 'PATCH' | 'DELETE', body: object): Promise<Reply> {
    const { namespace, name, uid } = this.#pod.metadata;
    return waitFor(`${method} of pod ${name}`, 60_000, async () => {
      const reply = await this.#options.api.call(
        `/api/v1/namespaces/${namespace}/pods/${name}${subresource}`,
        {
          method,
          // As a kubelet does it: conditions that others set, such as DisruptionTarget, stay.
          contentType: method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json',
          body: method === 'PATCH' ? { metadata: { uid }, ...body } : body,
        },
      );
      return reply.status === 429 || reply.status >= 500 ? undefined : reply;
    });
  }
}
