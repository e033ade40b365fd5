import { unlessAborted } from './abort.ts';
import type { KubeClient } from './client.ts';
import { type Clock, systemClock } from './clock.ts';
import { type ApiError, errorMessage } from './errors.ts';
import { type Logger, silentLogger } from './log.ts';
import { Reflector } from './reflector.ts';
import { type KubeObject, objectKey, type Resource, resourceName } from './resource.ts';
import { isNewer } from './resourceversion.ts';
import { type IndexFunction, Store, type StoreReader } from './store.ts';
import type { WatchEvent } from './watch.ts';

/** Added: `old` is undefined. Deleted: `now` is undefined. Both describe a state, not what happened in between. */
export type Handler<T> = (old: T | undefined, now: T | undefined) => void;

export interface InformerOptions<T extends KubeObject> {
  client: Pick<KubeClient, 'list' | 'watch'>;
  resource: Resource<T>;
  /** All namespaces when absent. */
  namespaces?: string[] | undefined;
  labelSelector?: string;
  fieldSelector?: string;
  indexes?: Record<string, IndexFunction<T>>;
  /**
   * What to keep of each object, where all of it would be too much memory. It must keep what names the object: `metadata`'s
   * name, namespace and resourceVersion. client-go's `TransformFunc` is the model.
   */
  transform?: (object: T) => T;
  /** Objects a page of a list; 500 unless told. */
  pageSize?: number;
  /** The server ends each watch after about so long; 290 unless told. */
  watchTimeoutSeconds?: number;
  /** Nothing heard for so long, and the watch begins anew; 75,000 unless told: bookmarks come each minute. */
  stallTimeoutMs?: number;
  logger?: Logger;
  clock?: Clock;
  random?: () => number;
}

const MAX_TOMBSTONES = 1_000;

/** A cache of one resource that follows the API server, and tells handlers what changed. */
export class Informer<T extends KubeObject> {
  readonly #store: Store<T>;
  readonly #reflectors: Reflector<T>[];
  readonly #handlers = new Set<Handler<T>>();
  readonly #logger: Logger;
  readonly #name: string;
  readonly #abort = new AbortController();
  // The version at which an object was deleted, so that a late event does not bring it back.
  readonly #tombstones = new Map<string, string>();
  #running: Promise<unknown> | undefined;

  constructor(options: InformerOptions<T>) {
    const { logger = silentLogger, clock = systemClock, random = Math.random } = options;
    const { watchTimeoutSeconds = 290, stallTimeoutMs = 75_000 } = options;
    this.#logger = logger;
    this.#name = resourceName(options.resource);
    this.#store = new Store(options.indexes);
    const sink = {
      replace: (items: T[], namespace: string | undefined) => this.#replace(items, namespace),
      apply: (event: WatchEvent<T>) => this.#apply(event),
    };
    this.#reflectors = (options.namespaces ?? [undefined]).map(
      (namespace) =>
        new Reflector({
          ...options,
          namespace,
          watchTimeoutSeconds,
          stallTimeoutMs,
          sink,
          logger,
          clock,
          random,
        }),
    );
  }

  get store(): StoreReader<T> {
    return this.#store;
  }

  /**
   * Calls `handler` for each object that is there, then for each change. It must do no more than add keys to queues, or count.
   * Returns how to remove it.
   */
  addHandler(handler: Handler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.#store.list()) this.#call(handler, undefined, object);
    return () => this.#handlers.delete(handler);
  }

  start(): void {
    this.#running ??= Promise.all(this.#reflectors.map((reflector) => reflector.run(this.#abort.signal)));
  }

  /** Ends for good. When it resolves, no request is under way and none will be made. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  hasSynced(): boolean {
    return this.#reflectors.every(({ synced }) => synced);
  }

  /** Resolves when the first list is in the store. @throws Error when `signal` aborts, or `stop` is called, before. */
  async waitForSync(signal?: AbortSignal): Promise<void> {
    const ends = [this.#abort.signal, ...(signal ? [signal] : [])];
    const synced = Promise.all(this.#reflectors.map(({ firstList }) => firstList));
    try {
      await unlessAborted(synced, AbortSignal.any(ends));
    } catch {
      const why = this.lastError();
      throw new Error(`${this.#name} did not sync${why ? `: ${why.message}` : ''}`);
    }
  }

  /** Milliseconds since the API server was heard by that watch of this informer which hears least. */
  staleForMs(): number {
    return Math.max(...this.#reflectors.map(({ staleForMs }) => staleForMs));
  }

  /** Milliseconds since the least active of its loops did anything, were it only to fail and try again. */
  idleForMs(): number {
    return Math.max(...this.#reflectors.map(({ idleForMs }) => idleForMs));
  }

  /** Why the API server is not heard now. */
  lastError(): ApiError | undefined {
    return this.#reflectors.find(({ lastError }) => lastError)?.lastError;
  }

  #replace(items: T[], namespace: string | undefined): void {
    this.#tombstones.clear();
    const listed = new Set(items.map((item) => objectKey(item)));
    // Whoever was deleted while nobody watched.
    for (const object of this.#store.list(namespace)) {
      const key = objectKey(object);
      if (!listed.has(key)) this.#notify(this.#store.delete(key), undefined);
    }
    for (const item of items) {
      const old = this.#store.getByKey(objectKey(item));
      if (old && old.metadata.resourceVersion === item.metadata.resourceVersion) continue;
      this.#notify(this.#store.set(item), item);
    }
  }

  #apply({ type, object }: WatchEvent<T>): void {
    const key = objectKey(object);
    const old = this.#store.getByKey(key);
    const version = object.metadata.resourceVersion ?? '';
    if (type === 'DELETED') {
      // A deletion that is older than what is here was of an earlier object with the same name.
      if (old && isNewer(old.metadata.resourceVersion ?? '', version)) return;
      this.#bury(key, version);
      if (old) this.#notify(this.#store.delete(key), undefined);
      return;
    }
    // Seen before, or overtaken.
    const seen = old ? (old.metadata.resourceVersion ?? '') : this.#tombstones.get(key);
    if (seen !== undefined && !isNewer(version, seen)) return;
    this.#tombstones.delete(key);
    this.#notify(this.#store.set(object), object);
  }

  #bury(key: string, version: string): void {
    this.#tombstones.set(key, version);
    const [oldest] = this.#tombstones.keys();
    if (this.#tombstones.size > MAX_TOMBSTONES && oldest !== undefined) this.#tombstones.delete(oldest);
  }

  #notify(old: T | undefined, now: T | undefined): void {
    for (const handler of this.#handlers) this.#call(handler, old, now);
  }

  #call(handler: Handler<T>, old: T | undefined, now: T | undefined): void {
    try {
      handler(old, now);
    } catch (error) {
      // One handler's fault must not end the watch that the others live on.
      this.#logger.error('a handler failed', { resource: this.#name, error: errorMessage(error) });
    }
  }
}
