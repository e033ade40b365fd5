import { delayAfter } from './backoff.ts';
import { type Clock, systemClock } from './clock.ts';

/** Says how long a key that failed waits. */
export interface RateLimiter {
  /** Counts one more failure of `key`, and returns its delay in milliseconds. */
  when(key: string): number;
  /** `key` succeeded, or is given up. */
  forget(key: string): void;
  numRequeues(key: string): number;
}

export interface ExponentialOptions {
  baseMs: number;
  maxMs: number;
  random?: () => number;
}

/** Doubles a key's delay with each failure, half of it jitter. */
export class ExponentialFailureRateLimiter implements RateLimiter {
  readonly #options: ExponentialOptions;
  readonly #failures = new Map<string, number>();

  constructor(options: ExponentialOptions) {
    this.#options = options;
  }

  when(key: string): number {
    const failures = this.numRequeues(key);
    this.#failures.set(key, failures + 1);
    return delayAfter(failures, this.#options);
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }

  numRequeues(key: string): number {
    return this.#failures.get(key) ?? 0;
  }
}

/** A token bucket over all keys: `burst` at once, then `qps` a second. */
export class BucketRateLimiter implements RateLimiter {
  readonly #qps: number;
  readonly #burst: number;
  readonly #clock: Clock;
  #tokens: number;
  #filledAt: number;

  constructor(qps: number, burst: number, clock: Clock = systemClock) {
    this.#qps = qps;
    this.#burst = burst;
    this.#clock = clock;
    this.#tokens = burst;
    this.#filledAt = clock.monotonic();
  }

  when(): number {
    this.#fill();
    // Below zero is a token of the future: each one who takes it waits 1/qps longer than the one before.
    this.#tokens -= 1;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#qps) * 1000;
  }

  /** Takes a token if there is one now. */
  allow(): boolean {
    this.#fill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  forget(): void {}

  numRequeues(): number {
    return 0;
  }

  #fill(): void {
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#filledAt) / 1000) * this.#qps);
    this.#filledAt = now;
  }
}

/** The longest delay that any of several limiters asks for. */
export class MaxOfRateLimiter implements RateLimiter {
  readonly #limiters: RateLimiter[];

  constructor(...limiters: RateLimiter[]) {
    this.#limiters = limiters;
  }

  when(key: string): number {
    return Math.max(...this.#limiters.map((limiter) => limiter.when(key)));
  }

  forget(key: string): void {
    for (const limiter of this.#limiters) limiter.forget(key);
  }

  numRequeues(key: string): number {
    return Math.max(...this.#limiters.map((limiter) => limiter.numRequeues(key)));
  }
}

export interface RateLimiterOptions {
  /** A key's first delay; 200 unless told. */
  baseMs?: number;
  /** A key's longest delay; 300,000 unless told. */
  maxMs?: number;
  /** Retries a second over all keys; 10 unless told. */
  qps?: number;
  /** Retries at once over all keys; 100 unless told. */
  burst?: number;
  clock?: Clock;
  random?: () => number;
}

/** A back-off for each key, and a bound for all together. */
export function defaultRateLimiter(options: RateLimiterOptions = {}): RateLimiter {
  const {
    baseMs = 200,
    maxMs = 300_000,
    qps = 10,
    burst = 100,
    clock = systemClock,
    random = Math.random,
  } = options;
  return new MaxOfRateLimiter(
    new ExponentialFailureRateLimiter({ baseMs, maxMs, random }),
    new BucketRateLimiter(qps, burst, clock),
  );
}
