import { type Cancel, type Clock, MAX_TIMER_MS, systemClock } from './clock.ts';
import type { Registry } from './metrics.ts';
import { QueueMetrics } from './queuemetrics.ts';
import { defaultRateLimiter, type RateLimiter } from './ratelimit.ts';

export interface WorkQueueOptions {
  /** Of the metrics' label. */
  name: string;
  rateLimiter?: RateLimiter;
  metrics?: Registry;
  clock?: Clock;
}

/**
 * Keys of objects that want a look. A key waits at most once, however often it was added; it is handed to one worker at
 * a time; and one that was added while a worker had it comes again after `done`, since the worker may have read before.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #limiter: RateLimiter;
  readonly #metrics: QueueMetrics;
  /** Ready, first in first out; none of them is being processed. The value is when it was added. */
  readonly #waiting = new Map<string, number>();
  /** With a worker. The value is since when. */
  readonly #processing = new Map<string, number>();
  /** Added while with a worker. The value is when. */
  readonly #again = new Map<string, number>();
  readonly #delayed = new Map<string, { due: number; cancel: Cancel }>();
  readonly #idleWorkers: ((key: string | undefined) => void)[] = [];
  readonly #onIdle: (() => void)[] = [];
  #shutDown = false;

  constructor(options: WorkQueueOptions) {
    const { name, clock = systemClock, rateLimiter = defaultRateLimiter({ clock }), metrics } = options;
    this.#clock = clock;
    this.#limiter = rateLimiter;
    this.#metrics = new QueueMetrics(name, metrics, () => this.#ages(this.#processing));
  }

  /** How many keys are ready and have no worker. */
  get length(): number {
    return this.#waiting.size;
  }

  /** Milliseconds that the key at the head has been ready; 0 when there is none. */
  oldestWaitMs(): number {
    return this.#ages(this.#waiting)[0] ?? 0;
  }

  /** Milliseconds for which the slowest worker has had its key; 0 when there is none. */
  longestRunMs(): number {
    return Math.max(0, ...this.#ages(this.#processing));
  }

  add(key: string): void {
    if (this.#shutDown || this.#waiting.has(key) || this.#again.has(key)) return;
    this.#metrics.added();
    const now = this.#clock.monotonic();
    if (this.#processing.has(key)) {
      this.#again.set(key, now);
      return;
    }
    this.#waiting.set(key, now);
    this.#handOut();
  }

  /** Adds the key after `ms`. Of two times for one key the earlier holds. */
  addAfter(key: string, ms: number): void {
    if (this.#shutDown) return;
    if (ms <= 0) {
      this.add(key);
      return;
    }
    // Longer than timers can be: woken early, the reconcile finds nothing to do and asks for the rest.
    const wait = Math.min(ms, MAX_TIMER_MS);
    const due = this.#clock.monotonic() + wait;
    const known = this.#delayed.get(key);
    if (known && known.due <= due) return;
    known?.cancel();
    const cancel = this.#clock.setTimeout(() => {
      this.#delayed.delete(key);
      this.add(key);
    }, wait);
    this.#delayed.set(key, { due, cancel });
  }

  /** Adds a key that failed, after its back-off, but not before `atLeastMs`. */
  addRateLimited(key: string, atLeastMs = 0): void {
    this.#metrics.retried();
    this.addAfter(key, Math.max(this.#limiter.when(key), atLeastMs));
  }

  /** The key's next failure is its first. Says nothing about its being in the queue. */
  forget(key: string): void {
    this.#limiter.forget(key);
  }

  numRequeues(key: string): number {
    return this.#limiter.numRequeues(key);
  }

  /** Resolves with a key, which must be given to `done` in the end; undefined when shut down. */
  get(): Promise<string | undefined> {
    return new Promise((resolve) => {
      if (this.#shutDown) return resolve(undefined);
      this.#idleWorkers.push(resolve);
      this.#handOut();
    });
  }

  done(key: string): void {
    const since = this.#processing.get(key);
    if (since === undefined) return;
    this.#processing.delete(key);
    this.#metrics.finished(this.#clock.monotonic() - since);
    const added = this.#again.get(key);
    if (added !== undefined) {
      this.#again.delete(key);
      this.#waiting.set(key, added);
      this.#handOut();
    }
    if (this.#processing.size === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  /**
   * Takes no more keys and hands out none: whoever starts next finds all objects again. Resolves when the workers have
   * given back what they had.
   */
  async shutDown(): Promise<void> {
    this.#shutDown = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#waiting.clear();
    this.#again.clear();
    this.#metrics.depth(0);
    for (const resolve of this.#idleWorkers.splice(0)) resolve(undefined);
    if (this.#processing.size === 0) {
      this.#metrics.close();
      return;
    }
    await new Promise<void>((resolve) => this.#onIdle.push(resolve));
    this.#metrics.close();
  }

  #handOut(): void {
    for (const [key, added] of this.#waiting) {
      const worker = this.#idleWorkers.shift();
      if (!worker) break;
      const now = this.#clock.monotonic();
      this.#waiting.delete(key);
      this.#processing.set(key, now);
      this.#metrics.started(now - added);
      worker(key);
    }
    this.#metrics.depth(this.#waiting.size);
  }

  #ages(since: Map<string, number>): number[] {
    const now = this.#clock.monotonic();
    return [...since.values()].map((at) => now - at);
  }
}
