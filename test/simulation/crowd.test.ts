import { expect, test } from 'vitest';
import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { labels } from '../../api/names.ts';
import { formatTime } from '../../api/time.ts';
import { type CronJob, finished, isLive, type Job, type Pod } from '../../controller/plan/kubernetes.ts';
import {
  connection,
  exportJob,
  podOf,
  report,
  segmentExport,
  settings,
  start,
} from '../../controller/plan/testkit/objects.ts';
import { byExportUid, byUid, type Caches, indexes } from '../../controller/reconcile/caches.ts';
import { Executor } from '../../controller/reconcile/execute.ts';
import { type ReconcileContext, reconcileExport } from '../../controller/reconcile/exports.ts';
import { FakeCache } from '../../controller/reconcile/fakecache.ts';
import { Places } from '../../controller/reconcile/places.ts';
import { connectTriggers, type Queues } from '../../controller/reconcile/triggers.ts';
import type { KubeClient } from '../../controller/runtime/client.ts';
import type { Clock } from '../../controller/runtime/clock.ts';
import { ApiError } from '../../controller/runtime/errors.ts';
import type { EventRecorder } from '../../controller/runtime/events.ts';
import { silentLogger } from '../../controller/runtime/log.ts';
import { type KubeObject, objectKey } from '../../controller/runtime/resource.ts';

/** Many exports of one connection whose runs come due at once, the real triggers, and a clock that jumps to the next timer. */

/** When a run's pod starts and ends after its release, in milliseconds; no two runs are of one length. */
const podStartMs = 5_000;
const shortestRunMs = 60_000;

/** How many exports are looked at at once, and by how many looks the watch of Jobs is behind. */
interface Lateness {
  workers: number;
  looks: number;
  /** What the API server refuses of each export once. */
  refuses?: 'the release' | 'what comes after it';
}

class Crowd {
  now = start;
  looks = 0;
  looksByTimer = 0;
  mostAtWork = 0;
  /** For how long places were empty while runs waited, added up, in milliseconds. */
  emptyMs = 0;
  readonly exports = new FakeCache<CriteoSegmentExport>(indexes.exports);
  readonly jobs = new FakeCache<Job>(indexes.jobs);
  readonly pods = new FakeCache<Pod>(indexes.pods);
  readonly #caches: Caches;
  readonly #executor: Executor;
  readonly #client: KubeClient;
  readonly #queue = new Set<string>();
  readonly #timers = new Map<string, number>();
  readonly #lateness: Lateness;
  #unseen: { at: number; job: Job }[] = [];
  /** Exports whose run was released. */
  readonly #released = new Set<string>();
  readonly #refused = new Set<string | undefined>();
  readonly #places = new Places({ monotonic: () => this.now } as Clock);
  #version = 100;

  /** From here on exports hear of no change but the end of their own run. */
  readonly missEvents: () => void;

  constructor(size: number, lateness: Lateness = { workers: 1, looks: 0 }) {
    this.#lateness = lateness;
    const connections = new FakeCache<CriteoConnection>(indexes.connections);
    connections.put(connection());
    this.#caches = {
      connections,
      exports: this.exports,
      jobs: this.jobs,
      pods: this.pods,
      cronJobs: new FakeCache(indexes.cronJobs),
      otherJobs: new FakeCache(indexes.otherJobs),
      otherCronJobs: new FakeCache(indexes.otherCronJobs),
    } as unknown as Caches;
    this.#client = this.#newClient();
    this.#executor = new Executor(
      this.#client,
      { event: () => {} } as unknown as EventRecorder,
      silentLogger,
    );
    for (let index = 0; index < size; index++) {
      const name = `export-${index}`;
      const resource = segmentExport({ metadata: { name, uid: name, resourceVersion: '1' } });
      this.exports.put(resource);
      this.jobs.put(exportJob({ name: `run-${index}`, uid: `run-${index}`, export: resource }));
    }
    const queue = { add: (key: string) => this.#queue.add(key) };
    this.missEvents = connectTriggers(this.#caches, {
      connections: { add: () => {} },
      exports: queue,
    } as unknown as Queues);
  }

  /** Until nothing is at work, and no timer is left. */
  async play(): Promise<void> {
    for (let step = 0; step < 100_000; step++) {
      const keys = [...this.#queue].slice(0, this.#lateness.workers);
      await Promise.all(keys.map((key) => this.#look(key)));
      if (this.#showJobs(keys.length === 0) || keys.length > 0) continue;
      if (!this.#advance()) return;
    }
    throw new Error('it never comes to rest');
  }

  async #look(key: string): Promise<void> {
    this.#queue.delete(key);
    this.looks += 1;
    const look = reconcileExport(key, this.#context(), new AbortController().signal);
    const { requeueAfterMs } = await look.catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error;
      return { requeueAfterMs: 0 };
    });
    if (requeueAfterMs !== undefined) {
      const due = this.now + requeueAfterMs;
      this.#timers.set(key, Math.min(due, this.#timers.get(key) ?? due));
    }
  }

  /** To the next start or end of a pod, or the next timer. */
  #advance(): boolean {
    const jobs = this.jobs.store.list();
    const live = jobs.filter(isLive);
    this.mostAtWork = Math.max(this.mostAtWork, live.length);
    const pods = live.map((job) => this.#nextOf(job));
    const timers = [...this.#timers].map(([key, at]) => ({
      at,
      happens: () => {
        this.#timers.delete(key);
        this.#queue.add(key);
        this.looksByTimer += 1;
      },
    }));
    const [next] = [...pods, ...timers].toSorted((a, b) => a.at - b.at);
    if (next === undefined) return false;
    const passedMs = Math.max(next.at - this.now, 0);
    const places = Math.min(
      settings.maxRunsPerConnection,
      jobs.filter((job) => finished(job) === undefined).length,
    );
    this.emptyMs += passedMs * (places - live.length);
    this.now += passedMs;
    next.happens();
    return true;
  }

  #nextOf(job: Job): { at: number; happens: () => void } {
    const [owner] = this.exports.store.byIndex(byUid, job.metadata.labels?.[labels.exportUid] ?? '');
    const released = Date.parse(owner?.status?.activeRun?.startedAt ?? formatTime(this.now));
    const name = `${job.metadata.name}-pod`;
    if (!this.pods.store.get({ namespace: 'shop', name })) {
      return {
        at: released + podStartMs,
        happens: () => this.pods.put(podOf(job, { phase: 'Running' }, name)),
      };
    }
    const length = shortestRunMs + 700 * Number(/[0-9]+$/.exec(job.metadata.name ?? '')?.[0]);
    return { at: released + length, happens: () => this.#end(job, owner, name) };
  }

  #end(job: Job, owner: CriteoSegmentExport | undefined, podName: string): void {
    const conditions = [{ type: 'Complete', status: 'True', lastTransitionTime: formatTime(this.now) }];
    this.pods.put(podOf(job, report({}, {}, {}), podName));
    this.jobs.put({ ...job, status: { conditions } });
    if (owner) this.#queue.add(objectKey(owner));
  }

  #refuse(what: Lateness['refuses'], name: string | undefined): void {
    if (this.#lateness.refuses !== what || this.#refused.has(name)) return;
    this.#refused.add(name);
    throw new ApiError({ statusCode: 409, reason: 'Conflict', message: 'The object has been modified.' });
  }

  /** The watch of Jobs tells of it so many looks later. */
  #later(job: Job): void {
    this.#unseen.push({ at: this.looks + this.#lateness.looks, job });
  }

  /** @param all the watch has caught up. Returns whether there was anything to tell. */
  #showJobs(all: boolean): boolean {
    const due = this.#unseen.filter(({ at }) => all || at <= this.looks);
    this.#unseen = this.#unseen.filter((change) => !due.includes(change));
    for (const { job } of due) this.jobs.put(job);
    return due.length > 0;
  }

  #stamp<T extends KubeObject>(object: T): T {
    this.#version += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
  }

  #newClient(): KubeClient {
    return {
      get: async () => ({ metadata: {} }),
      list: async (_: unknown, { labelSelector }: { labelSelector: string }) => {
        const [, exportUid = ''] = labelSelector.split('=');
        const items = this.jobs.store.byIndex(byExportUid, exportUid);
        return {
          items: items.map(
            (job) => this.#unseen.find((one) => one.job.metadata.uid === job.metadata.uid)?.job ?? job,
          ),
        };
      },
      apply: async (_: unknown, { metadata }: CronJob) => {
        if (this.#released.has(metadata.ownerReferences?.[0]?.uid ?? ''))
          this.#refuse('what comes after it', metadata.name);
      },
      updateStatus: async (_: unknown, object: CriteoSegmentExport) => this.exports.put(this.#stamp(object)),
      patch: async (_: unknown, { name }: { name: string }, { spec }: Pick<Job, 'spec'>) => {
        this.#refuse('the release', name);
        const job = this.jobs.store.get({ namespace: 'shop', name });
        this.#released.add(job?.metadata.labels?.[labels.exportUid] ?? '');
        if (job) this.#later(this.#stamp({ ...job, spec: { ...job.spec, ...spec } }));
      },
    } as unknown as KubeClient;
  }

  #context(): ReconcileContext {
    return {
      client: this.#client,
      caches: this.#caches,
      executor: this.#executor,
      settings,
      clock: { now: () => this.now } as Clock,
      places: this.#places,
    };
  }
}

const size = 50;

function outcomes({ exports }: Crowd): (string | undefined)[] {
  return exports.store.list().map(({ status }) => status?.lastRun?.outcome);
}

test('of a crowd each gets its turn as soon as there is room, and few are looked at in vain', async () => {
  const crowd = new Crowd(size);
  await crowd.play();
  expect(outcomes(crowd)).toEqual(Array(size).fill('Succeeded'));
  expect(crowd.mostAtWork).toBe(settings.maxRunsPerConnection);
  expect(crowd.emptyMs).toBe(0);
  // What one run changes is a reason to look at itself some times, and at few others.
  expect((crowd.looks - crowd.looksByTimer) / size).toBeLessThan(20);
}, 60_000);

test.each([
  { workers: 4, looks: 0 },
  { workers: 4, looks: 4 },
  { workers: 4, looks: 15 },
  { workers: 4, looks: 4, refuses: 'the release' as const },
  { workers: 4, looks: 4, refuses: 'what comes after it' as const },
])(
  'no place is given away twice: $workers looks at once, the watch $looks behind, once refused is $refuses',
  async (lateness) => {
    const crowd = new Crowd(size, lateness);
    await crowd.play();
    expect(outcomes(crowd)).toEqual(Array(size).fill('Succeeded'));
    expect(crowd.mostAtWork).toBe(settings.maxRunsPerConnection);
  },
  60_000,
);

test('nobody waits for ever, though nobody is told that a place became free', async () => {
  const crowd = new Crowd(size);
  crowd.missEvents();
  await crowd.play();
  expect(outcomes(crowd)).toEqual(Array(size).fill('Succeeded'));
}, 60_000);
