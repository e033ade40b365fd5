import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { settings } from '../../controller/plan/testkit/objects.ts';
import { type Caches, indexes } from '../../controller/reconcile/caches.ts';
import { Executor } from '../../controller/reconcile/execute.ts';
import { type ReconcileContext, reconcileExport } from '../../controller/reconcile/exports.ts';
import { Places } from '../../controller/reconcile/places.ts';
import type { KubeClient } from '../../controller/runtime/client.ts';
import type { Clock } from '../../controller/runtime/clock.ts';
import { ApiError } from '../../controller/runtime/errors.ts';
import type { EventRecorder, NewEvent } from '../../controller/runtime/events.ts';
import { silentLogger } from '../../controller/runtime/log.ts';
import type { KubeObject } from '../../controller/runtime/resource.ts';
import { Store } from '../../controller/runtime/store.ts';
import { type Cluster, Crash, type Kind, type World } from './cluster.ts';

export const kinds: readonly Kind[] = [
  'export',
  'connections',
  'cronJobs',
  'jobs',
  'pods',
  'otherJobs',
  'otherCronJobs',
];

/** The controller's process: its caches, which may be behind, and the real way from a key to its writes. */
export class Process {
  /** What its watches have told so far. */
  readonly caches: World;
  readonly events: NewEvent[] = [];
  /** Milliseconds by which its clock is ahead of the API server's; behind, where negative. */
  readonly clockAheadMs: number;
  readonly #cluster: Cluster;
  #executor: Executor;
  #places: Places;

  constructor(cluster: Cluster, clockAheadMs = 0) {
    this.#cluster = cluster;
    this.clockAheadMs = clockAheadMs;
    this.caches = copyOf(cluster.world);
    this.#executor = this.#newExecutor();
    this.#places = this.#newPlaces();
  }

  /** The watch of a kind catches up. */
  sync(...which: readonly Kind[]): void {
    const fresh = copyOf(this.#cluster.world);
    for (const kind of which) Object.assign(this.caches, { [kind]: fresh[kind] });
    if (which.includes('export')) this.caches.gone = fresh.gone;
  }

  /**
   * One reconcile. A conflict ends it, as it does in the work queue, which tries again later.
   * @param crashAfter the process is killed at this write, and starts anew with fresh caches.
   */
  async reconcile(crashAfter?: number): Promise<{ requeueAfterMs?: number | undefined }> {
    this.#cluster.writesLeft = crashAfter;
    try {
      const { namespace, name } = this.caches.export.metadata;
      return await reconcileExport(`${namespace}/${name}`, this.#context(), new AbortController().signal);
    } catch (error) {
      if (error instanceof Crash) {
        this.sync(...kinds);
        this.#executor = this.#newExecutor();
        this.#places = this.#newPlaces();
      } else if (!(error instanceof ApiError)) {
        throw error;
      }
      return {};
    } finally {
      this.#cluster.writesLeft = undefined;
    }
  }

  #newExecutor(): Executor {
    const recorder = { event: (event: NewEvent) => this.events.push(event) } as unknown as EventRecorder;
    return new Executor(this.#cluster as unknown as KubeClient, recorder, silentLogger);
  }

  #newPlaces(): Places {
    return new Places({ monotonic: () => this.#cluster.now } as Clock);
  }

  #context(): ReconcileContext {
    const {
      export: resource,
      gone,
      connections,
      cronJobs,
      jobs,
      pods,
      otherJobs,
      otherCronJobs,
    } = this.caches;
    return {
      client: this.#cluster as unknown as KubeClient,
      caches: {
        exports: { store: storeOf<CriteoSegmentExport>(gone ? [] : [resource], indexes.exports) },
        connections: { store: storeOf(connections.values(), indexes.connections) },
        cronJobs: { store: storeOf(cronJobs.values(), indexes.cronJobs) },
        jobs: { store: storeOf(jobs.values(), indexes.jobs) },
        pods: { store: storeOf(pods.values(), indexes.pods) },
        otherJobs: { store: storeOf(otherJobs.values(), indexes.otherJobs) },
        otherCronJobs: { store: storeOf(otherCronJobs.values(), indexes.otherCronJobs) },
      } as unknown as Caches,
      executor: this.#executor,
      settings,
      clock: { now: () => this.#cluster.now + this.clockAheadMs } as Clock,
      places: this.#places,
    };
  }
}

function copyOf(world: World): World {
  return {
    export: world.export,
    gone: world.gone,
    connections: new Map(world.connections),
    cronJobs: new Map(world.cronJobs),
    jobs: new Map(world.jobs),
    pods: new Map(world.pods),
    otherJobs: new Map(world.otherJobs),
    otherCronJobs: new Map(world.otherCronJobs),
  };
}

function storeOf<T extends KubeObject>(
  objects: Iterable<T>,
  indexes: Record<string, (object: T) => string[]>,
): Store<T> {
  const store = new Store<T>(indexes);
  for (const object of objects) store.set(object);
  return store;
}
