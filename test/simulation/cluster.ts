import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import type { DeletionPolicy } from '../../api/rundocument.ts';
import { formatTime } from '../../api/time.ts';
import type { FollowedCronJob, FollowedJob } from '../../controller/plan/followed.ts';
import type { CronJob, Job, Pod } from '../../controller/plan/kubernetes.ts';
import { podOf, segmentExport, start } from '../../controller/plan/testkit/objects.ts';
import { ApiError } from '../../controller/runtime/errors.ts';

const schedule = { cron: '* * * * *', timeZone: 'Etc/UTC', jitterSeconds: 0, startingDeadlineSeconds: 3600 };

/** Other people's Jobs that the export's runs follow: those of a CronJob, and those with a label. */
export const followedNames = ['refresh', 'load'] as const;
export type FollowedName = (typeof followedNames)[number];
const runAfter = [{ cronJob: 'refresh' }, { jobSelector: { matchLabels: { app: 'load' } } }];

/** All that the API server holds, as far as one export is concerned. */
export interface World {
  export: CriteoSegmentExport;
  /** The export is deleted, and nothing keeps it any more. */
  gone: boolean;
  connections: Map<string, CriteoConnection>;
  cronJobs: Map<string, CronJob>;
  jobs: Map<string, Job>;
  pods: Map<string, Pod>;
  otherJobs: Map<string, FollowedJob>;
  otherCronJobs: Map<string, FollowedCronJob>;
}

export type Kind = Exclude<keyof World, 'gone'>;

export const connectionNames = ['nordic', 'baltic'] as const;
export type ConnectionName = (typeof connectionNames)[number];

/** The process was killed: nothing that comes after happens. */
export class Crash extends Error {}

/**
 * An API server with optimistic concurrency, and what the Job controller and the
 * kubelet do. Everything is at once; what is late is the caches that look at it.
 */
export class Cluster {
  now = start;
  readonly world: World;
  /** The namespace is being deleted: nothing can be created in it any more. */
  terminating = false;
  /** Deleted before the controller had given it a finalizer: nothing could keep it. */
  goneAtOnce = false;
  /** Who listens hears of these before they take effect. */
  onRelease: (job: Job) => void = () => {};
  onStatus: (before: CriteoSegmentExport, after: CriteoSegmentExport) => void = () => {};
  onCreate: (job: Job) => void = () => {};
  /** `untold`: whoever deleted it died of it. */
  onDelete: (job: Job, untold: boolean) => void = () => {};
  /** API writes until the writer is killed; undefined where it lives. */
  writesLeft: number | undefined;
  writes = 0;
  #version = 100;
  #uids = 0;

  constructor(connections: readonly CriteoConnection[], deletionPolicy: DeletionPolicy) {
    this.world = {
      export: segmentExport({ spec: { schedule, deletionPolicy, runAfter } }),
      gone: false,
      connections: new Map(connections.map((one) => [one.metadata.name, one])),
      cronJobs: new Map(),
      jobs: new Map(),
      pods: new Map(),
      otherJobs: new Map(),
      otherCronJobs: new Map([
        ['refresh', { metadata: { name: 'refresh', namespace: 'shop', uid: 'refresh' } }],
      ]),
    };
  }

  /** A new version of an object, as after each write. */
  stamp<T extends { metadata: { resourceVersion?: string } }>(object: T): T {
    this.#version += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
  }

  nextUid(): string {
    this.#uids += 1;
    return `uid-${this.#uids}`;
  }

  createJob(job: Job): Job {
    const name = job.metadata.name ?? '';
    if (this.world.jobs.has(name)) throw failure(409, 'AlreadyExists');
    const metadata = {
      ...structuredClone(job.metadata),
      uid: this.nextUid(),
      creationTimestamp: formatTime(this.now),
    };
    const created = this.stamp({ ...structuredClone(job), metadata });
    this.onCreate(created);
    this.world.jobs.set(name, created);
    return created;
  }

  putJob(job: Job): void {
    this.world.jobs.set(job.metadata.name ?? '', this.stamp(job));
  }

  /** A Job that somebody else made succeeds: of the CronJob only its status is left. */
  succeed(name: FollowedName): void {
    const time = formatTime(this.now);
    if (name === 'refresh') {
      const cronJob: FollowedCronJob = {
        metadata: { name, namespace: 'shop', uid: name },
        status: { lastSuccessfulTime: time },
      };
      this.world.otherCronJobs.set(name, this.stamp(cronJob));
      return;
    }
    const jobName = `load-${this.now}`;
    const job: FollowedJob = {
      metadata: { name: jobName, namespace: 'shop', uid: jobName, labels: { app: name } },
      status: { completionTime: time, conditions: [{ type: 'Complete', status: 'True' }] },
    };
    this.world.otherJobs.set(jobName, this.stamp(job));
  }

  /** Its pod is told to end, and takes its time. */
  removeJob(name: string): void {
    this.world.jobs.delete(name);
  }

  setExport(change: (object: CriteoSegmentExport) => CriteoSegmentExport): void {
    this.world.export = this.stamp(change(structuredClone(this.world.export)));
  }

  changeSpec(spec: Partial<CriteoSegmentExport['spec']>): void {
    this.setExport((object) => ({
      ...object,
      metadata: { ...object.metadata, generation: (object.metadata.generation ?? 1) + 1 },
      spec: { ...object.spec, ...spec },
    }));
  }

  setConnection(name: ConnectionName, object: CriteoConnection | undefined): void {
    if (object) this.world.connections.set(name, this.stamp(object));
    else this.world.connections.delete(name);
  }

  /** A person deletes the export: it is gone at once where nothing keeps it. */
  deleteExport(): void {
    if (this.world.export.metadata.deletionTimestamp !== undefined) return;
    this.setExport((object) => ({
      ...object,
      metadata: { ...object.metadata, deletionTimestamp: formatTime(this.now) },
    }));
    this.#collect();
    this.goneAtOnce = this.world.gone;
  }

  /** The garbage collector's part: with the export goes what it owns. */
  #collect(): void {
    const { metadata } = this.world.export;
    if (metadata.deletionTimestamp === undefined || (metadata.finalizers ?? []).length > 0) return;
    this.world.gone = true;
    this.world.cronJobs.clear();
    this.world.jobs.clear();
  }

  /** The Job controller's part: each released Job gets its pod. */
  startPods(): void {
    for (const job of this.world.jobs.values()) {
      const name = `${job.metadata.uid}-pod`;
      const mayStart = job.spec.suspend !== true && job.status?.conditions === undefined;
      if (mayStart && !this.world.pods.has(name)) {
        this.world.pods.set(name, this.stamp(podOf(job, { phase: 'Running' }, name)));
      }
    }
  }

  /** Pods whose Job is gone have ended. */
  endPodsWithoutJob(): void {
    const names = new Set([...this.world.jobs.values()].map((job) => `${job.metadata.uid}-pod`));
    for (const name of this.world.pods.keys()) if (!names.has(name)) this.world.pods.delete(name);
  }

  // What follows is the part of KubeClient that a reconcile uses.

  async updateStatus(_: unknown, object: CriteoSegmentExport): Promise<CriteoSegmentExport> {
    return this.#write(() => {
      if (this.world.gone) throw failure(404, 'NotFound');
      if (object.metadata.resourceVersion !== this.world.export.metadata.resourceVersion) {
        throw failure(409, 'Conflict');
      }
      const { status } = structuredClone(object);
      const after = { ...this.world.export, ...(status === undefined ? {} : { status }) };
      this.onStatus(this.world.export, after);
      this.world.export = this.stamp(after);
      return this.world.export;
    });
  }

  async apply(_: unknown, object: CronJob): Promise<void> {
    this.#write(() => {
      const metadata = { uid: this.nextUid(), ...object.metadata };
      this.world.cronJobs.set(
        object.metadata.name ?? '',
        this.stamp({ ...structuredClone(object), metadata }),
      );
    });
  }

  async create(_: unknown, job: Job): Promise<void> {
    if (this.terminating) throw failure(403, 'Forbidden', 'NamespaceTerminating');
    this.#write(() => this.createJob(job));
  }

  /** Of Jobs only their release, of CronJobs only their suspension, of the export only its finalizers. */
  async patch(
    resource: { kind: string },
    { name }: { name: string },
    patch: { metadata?: Job['metadata']; spec?: { suspend: boolean } },
  ): Promise<CriteoSegmentExport | undefined> {
    return this.#write(() => {
      if (resource.kind === 'CriteoSegmentExport') return this.#patchFinalizers(patch.metadata ?? {});
      if (resource.kind === 'CronJob') {
        const cronJob = this.world.cronJobs.get(name);
        if (!cronJob) throw failure(404, 'NotFound');
        this.world.cronJobs.set(name, this.stamp({ ...cronJob, spec: { ...cronJob.spec, ...patch.spec } }));
        return undefined;
      }
      const job = this.#jobAsSeen(name, patch.metadata);
      this.onRelease(job);
      this.putJob({ ...job, spec: { ...job.spec, ...patch.spec } });
      return undefined;
    });
  }

  #patchFinalizers({ resourceVersion, finalizers = [] }: Job['metadata']): CriteoSegmentExport {
    const { metadata } = this.world.export;
    if (this.world.gone) throw failure(404, 'NotFound');
    if (resourceVersion !== metadata.resourceVersion) throw failure(409, 'Conflict');
    const added = finalizers.some((name) => !metadata.finalizers?.includes(name));
    if (added && metadata.deletionTimestamp !== undefined) throw failure(422, 'Invalid');
    this.setExport((object) => ({
      ...object,
      metadata: { ...object.metadata, finalizers: [...finalizers] },
    }));
    this.#collect();
    return this.world.export;
  }

  async delete(
    _: unknown,
    { name }: { name: string },
    preconditions: { uid?: string; resourceVersion?: string },
  ): Promise<void> {
    this.#write(() => {
      this.onDelete(this.#jobAsSeen(name, preconditions), this.writesLeft === 1);
      this.removeJob(name);
    });
  }

  async list(resource: { kind: string }): Promise<{ items: (Job | Pod)[] }> {
    return { items: [...(resource.kind === 'Job' ? this.world.jobs : this.world.pods).values()] };
  }

  /** A claim: it is there. */
  async get(): Promise<object> {
    return { metadata: {} };
  }

  #jobAsSeen(name: string, { uid, resourceVersion }: { uid?: string; resourceVersion?: string } = {}): Job {
    const job = this.world.jobs.get(name);
    if (!job) throw failure(404, 'NotFound');
    if (uid !== undefined && uid !== job.metadata.uid) throw failure(409, 'Conflict');
    if (resourceVersion !== undefined && resourceVersion !== job.metadata.resourceVersion) {
      throw failure(409, 'Conflict');
    }
    return job;
  }

  /** The write that is the last one takes effect, but its writer never hears of it. */
  #write<T>(effect: () => T): T {
    const result = effect();
    this.writes += 1;
    if (this.writesLeft !== undefined && --this.writesLeft <= 0) throw new Crash();
    return result;
  }
}

function failure(statusCode: number, reason: string, cause?: string): ApiError {
  const details = cause === undefined ? {} : { details: { causes: [{ reason: cause }] } };
  return new ApiError({ statusCode, reason, message: reason, ...details });
}
