import type { KubeClient } from './client.ts';
import { type Clock, sleep, systemClock } from './clock.ts';
import { ApiError, errorMessage, isAlreadyExists, isNotFound } from './errors.ts';
import {
  EVENTS,
  type EventObject,
  eventKey,
  type NewEvent,
  newEvent,
  type Reporter,
  referenceKey,
} from './event.ts';
import { type Logger, silentLogger } from './log.ts';
import { microTime } from './microtime.ts';
import { BucketRateLimiter } from './ratelimit.ts';

export { EVENTS, type EventObject, type NewEvent, type ObjectReference, referenceTo } from './event.ts';

export interface EventRecorderOptions extends Reporter {
  client: Pick<KubeClient, 'create' | 'patch'>;
  logger?: Logger;
  clock?: Clock;
}

/** An event that is being told, and may be told again. */
interface Series {
  event: EventObject;
  /** How often it happened. */
  count: number;
  /** How often the API server knows that it happened. */
  told: number;
  lastAt: number;
  toldAt: number;
}

// The same after a longer time is a new event, as in client-go.
const SERIES_MS = 6 * 60_000;
// A series is told when it begins, and then no more often than this.
const SERIES_UPDATE_MS = 60_000;
// For each object, and for warnings and the others apart: so many at once, then one each minute. client-go's spam filter
// gives one each five minutes for both, and a run each five minutes has two: its own news would cost it its warnings.
const BURST = 25;
const QPS = 1 / 60;
// What was dropped is told when it begins, and then no more often than this: else the log has what the API server is spared.
const DROPS_TOLD_MS = 10 * 60_000;
// Over all objects: a thousand that fail together must not take the API server's time from what they need to mend.
const PACE_BURST = 100;
const PACE_QPS = 20;
const MAX_SERIES = 4_096;
const ATTEMPTS = 5;

/**
 * Tells people, by Events, what a controller did. Repetitions become a series on one Event. It never throws and never
 * waits for the API server: events are a courtesy, and what matters is in status.
 */
export class EventRecorder {
  readonly #options: Required<EventRecorderOptions>;
  readonly #series = new Map<string, Series>();
  readonly #limits = new Map<string, BucketRateLimiter>();
  readonly #pace: BucketRateLimiter;
  /** At the end nothing waits for its turn any more. */
  readonly #hurry = new AbortController();
  readonly #giveUp = new AbortController();
  #writing: Promise<void> | undefined;
  /** Since that was last told. */
  #dropped = 0;
  #droppedToldAt = Number.NEGATIVE_INFINITY;

  constructor(options: EventRecorderOptions) {
    this.#options = { logger: silentLogger, clock: systemClock, ...options };
    this.#pace = new BucketRateLimiter(PACE_QPS, PACE_BURST, this.#options.clock);
  }

  event(event: NewEvent): void {
    const now = this.#options.clock.now();
    const key = eventKey(event);
    const known = this.#series.get(key);
    if (known && now - known.lastAt < SERIES_MS) {
      known.count += 1;
      known.lastAt = now;
    } else {
      if (!this.#mayAdd(event)) return;
      this.#forgetOld(now);
      this.#series.delete(key);
      this.#series.set(key, {
        event: newEvent(event, this.#options, now),
        count: 1,
        told: 0,
        lastAt: now,
        toldAt: 0,
      });
    }
    this.#write();
  }

  /**
   * Writes what is not written yet, series included. What is not written after `timeoutMs` is dropped, and the recorder
   * writes nothing more. Never rejects.
   */
  async flush(timeoutMs = 5_000): Promise<void> {
    const { clock } = this.#options;
    this.#hurry.abort();
    const done = new AbortController();
    const all = (async () => {
      await this.#writing;
      for (const series of this.#series.values()) if (series.told < series.count) await this.#tell(series);
    })();
    const end = () => done.abort();
    all.then(end, end);
    await sleep(timeoutMs, clock, done.signal);
    if (!done.signal.aborted) this.#giveUp.abort();
  }

  #write(): void {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeAll(): Promise<void> {
    for (let due = this.#nextDue(); due; due = this.#nextDue()) {
      await sleep(this.#pace.when(), this.#options.clock, this.#hurry.signal);
      await this.#tell(due);
    }
  }

  #nextDue(): Series | undefined {
    const now = this.#options.clock.now();
    for (const series of this.#series.values()) {
      const isNews = series.told < Math.min(series.count, 2);
      if (isNews || (series.told < series.count && now - series.toldAt >= SERIES_UPDATE_MS)) return series;
    }
    return undefined;
  }

  async #tell(series: Series): Promise<void> {
    const { client, clock, logger } = this.#options;
    const { event } = series;
    const { signal } = this.#giveUp;
    if (signal.aborted) return;
    const { namespace, name = '' } = event.metadata;
    const count = series.count;
    // As told whatever comes of it: an event that cannot be written must not be tried for ever.
    const isFirst = series.told === 0;
    series.told = count;
    series.toldAt = clock.now();
    const patch = { series: { count, lastObservedTime: microTime(series.lastAt) } };
    for (let attempt = 1; ; attempt++) {
      try {
        if (isFirst) await client.create(EVENTS, count > 1 ? { ...event, ...patch } : event, { signal });
        else await client.patch(EVENTS, { namespace, name }, patch, { signal });
        return;
      } catch (error) {
        // An earlier attempt did arrive.
        if (isFirst && isAlreadyExists(error)) return;
        // Events live for an hour; a series may live longer. The next occurrence makes a new one.
        if (!isFirst && isNotFound(error)) series.lastAt = 0;
        if (attempt >= ATTEMPTS || !isPassing(error)) {
          logger.warn('an event could not be written', { reason: event.reason, error: errorMessage(error) });
          return;
        }
        await sleep(1_000 * attempt, clock, signal);
        if (signal.aborted) return;
      }
    }
  }

  #mayAdd({ regarding, type, reason }: NewEvent): boolean {
    const key = `${type} ${referenceKey(regarding)}`;
    const limit = this.#limits.get(key) ?? new BucketRateLimiter(QPS, BURST, this.#options.clock);
    this.#limits.delete(key);
    this.#limits.set(key, limit);
    dropOldest(this.#limits);
    if (limit.allow()) return true;
    this.#noteDrop('too many events on one object, some are dropped', { regarding, reason });
    return false;
  }

  #noteDrop(message: string, { regarding, reason }: Pick<NewEvent, 'regarding' | 'reason'>): void {
    const { clock, logger } = this.#options;
    this.#dropped += 1;
    const now = clock.monotonic();
    if (now - this.#droppedToldAt < DROPS_TOLD_MS) return;
    const { kind, namespace, name } = regarding;
    logger.warn(message, { kind, namespace, name, reason, dropped: this.#dropped });
    this.#dropped = 0;
    this.#droppedToldAt = now;
  }

  #forgetOld(now: number): void {
    for (const [key, series] of this.#series) {
      if (now - series.lastAt >= SERIES_MS && series.told === series.count) this.#series.delete(key);
    }
    // While the API server is away they collect: the oldest are the first that nobody will miss.
    const dropped = dropOldest(this.#series);
    if (dropped?.told === 0)
      this.#noteDrop('too many events wait to be written, some are dropped', dropped.event);
  }
}

function isPassing(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    (error.statusCode === 0 || error.statusCode === 429 || error.statusCode >= 500)
  );
}

function dropOldest<T>(map: Map<string, T>): T | undefined {
  const [oldest] = map;
  if (map.size <= MAX_SERIES || oldest === undefined) return undefined;
  map.delete(oldest[0]);
  return oldest[1];
}
