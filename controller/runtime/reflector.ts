import { Backoff } from './backoff.ts';
import type { KubeClient } from './client.ts';
import { type Clock, sleep } from './clock.ts';
import { ApiError, errorMessage, isGone } from './errors.ts';
import type { Logger } from './log.ts';
import { type KubeObject, type Resource, resourceName } from './resource.ts';
import { isNewer } from './resourceversion.ts';
import type { WatchEvent } from './watch.ts';

/** Takes what a reflector reads. */
export interface Sink<T extends KubeObject> {
  /** All objects there are now in the reflector's namespace: what is not among them is gone. */
  replace(items: T[], namespace: string | undefined): void;
  apply(event: WatchEvent<T>): void;
}

export interface ReflectorOptions<T extends KubeObject> {
  client: Pick<KubeClient, 'list' | 'watch'>;
  resource: Resource<T>;
  /** All namespaces when absent. */
  namespace: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  pageSize?: number | undefined;
  transform?: ((object: T) => T) | undefined;
  watchTimeoutSeconds: number;
  stallTimeoutMs: number;
  sink: Sink<T>;
  logger: Logger;
  clock: Clock;
  random: () => number;
}

// Low, because the time until a controller sees the truth again after an outage is at most this much longer.
const BACKOFF = { baseMs: 200, maxMs: 5_000 };
// However long the server says, the truth is asked for again after so much.
const MAX_RETRY_AFTER_MS = 60_000;
// A list is always right, whatever made watches from here fail: a restored etcd whose versions went back, a proxy that
// remembers.
const FAILURES_BEFORE_LIST = 5;
// A watch that lived so long was a good one, even if nothing happened.
const GOOD_WATCH_MS = 5_000;

/** Keeps a sink equal to what the API server has: lists, watches from there, and starts again after whatever fails. */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #logger: Logger;
  readonly #backoff: Backoff;
  #version = '';
  readonly #firstList = Promise.withResolvers<void>();
  #synced = false;
  #heardAt: number;
  #activeAt: number;
  #lastError: ApiError | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#logger = options.logger.with({
      resource: resourceName(options.resource),
      namespace: options.namespace,
    });
    this.#backoff = new Backoff({ ...BACKOFF, random: options.random });
    this.#heardAt = this.#activeAt = options.clock.monotonic();
  }

  /** The first list has reached the sink. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Resolves when the first list has reached the sink. Never rejects. */
  get firstList(): Promise<void> {
    return this.#firstList.promise;
  }

  /** Since the server was last heard, in milliseconds. */
  get staleForMs(): number {
    return this.#options.clock.monotonic() - this.#heardAt;
  }

  /** Since anything happened here at all, failures included, in milliseconds. */
  get idleForMs(): number {
    return this.#options.clock.monotonic() - this.#activeAt;
  }

  /** Why the server is not heard now. */
  get lastError(): ApiError | undefined {
    return this.#lastError;
  }

  /** Resolves, and never rejects, after `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#list(signal);
        await this.#watchUntilListIsNeeded(signal);
      } catch (error) {
        await this.#pause('list', error, signal);
      }
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, resource, namespace, labelSelector, fieldSelector, pageSize, transform, sink } =
      this.#options;
    const { items, resourceVersion } = await client.list(resource, {
      namespace,
      labelSelector,
      fieldSelector,
      pageSize,
      transform,
      signal,
    });
    this.#heard();
    sink.replace(items, namespace);
    this.#version = resourceVersion;
    this.#synced = true;
    this.#firstList.resolve();
    this.#logger.debug('listed', { objects: items.length, resourceVersion });
  }

  async #watchUntilListIsNeeded(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      const startedAt = this.#options.clock.monotonic();
      const startVersion = this.#version;
      let failure: unknown;
      try {
        await this.#watch(signal);
      } catch (error) {
        failure = error;
      }
      const wasGood =
        this.#version !== startVersion || this.#options.clock.monotonic() - startedAt >= GOOD_WATCH_MS;
      if (wasGood) {
        failures = 0;
        this.#backoff.reset();
      }
      // The server ended it in its own good time: go on at once.
      if (failure === undefined && wasGood) continue;
      await this.#pause(
        'watch',
        failure ?? new ApiError({ statusCode: 0, reason: 'Network', message: 'the watch ended at once' }),
        signal,
      );
      if (isGone(failure) || ++failures >= FAILURES_BEFORE_LIST) return;
    }
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, resource, namespace, labelSelector, fieldSelector, watchTimeoutSeconds, stallTimeoutMs } =
      this.#options;
    const { transform = (object: T) => object, sink } = this.#options;
    // Spread, so that the watches of all controllers do not end together.
    const timeoutSeconds = Math.round(watchTimeoutSeconds * (1 - 0.2 * this.#options.random()));
    const events = client.watch(resource, {
      resourceVersion: this.#version,
      namespace,
      labelSelector,
      fieldSelector,
      timeoutSeconds,
      stallTimeoutMs,
      signal,
      onHeard: () => this.#heard(),
    });
    for await (const event of events) {
      // stop() may come between two events of one chunk.
      if (signal.aborted) return;
      if (event.type !== 'BOOKMARK') sink.apply({ ...event, object: transform(event.object) });
      const version = event.object.metadata.resourceVersion;
      // Never back: to ask for what was already seen is how one event becomes two.
      if (version && isNewer(version, this.#version)) this.#version = version;
    }
  }

  #heard(): void {
    this.#heardAt = this.#activeAt = this.#options.clock.monotonic();
    if (this.#lastError) this.#logger.info('heard the API server again');
    this.#lastError = undefined;
  }

  async #pause(doing: 'list' | 'watch', cause: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const error =
      cause instanceof ApiError
        ? cause
        : new ApiError({ statusCode: 0, reason: 'Unknown', message: errorMessage(cause), cause });
    // A watch that went silent or too old is part of life; the same failure each few seconds is told once.
    const known = this.#lastError?.reason === error.reason || error.reason === 'Stalled' || isGone(error);
    this.#logger[known ? 'debug' : 'warn'](`${doing} failed, trying again`, {
      reason: error.reason,
      error: error.message,
    });
    this.#lastError = error;
    this.#activeAt = this.#options.clock.monotonic();
    const waitMs = Math.min(Math.max(this.#backoff.next(), error.retryAfterMs ?? 0), MAX_RETRY_AFTER_MS);
    await sleep(waitMs, this.#options.clock, signal);
    this.#activeAt = this.#options.clock.monotonic();
  }
}
