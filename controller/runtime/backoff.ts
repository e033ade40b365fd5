export interface BackoffOptions {
  /** First delay, in milliseconds. */
  baseMs: number;
  /** No delay is longer than this. */
  maxMs: number;
  /** Yields a number in [0, 1); `Math.random` unless a test gives its own. */
  random?: () => number;
}

/** Doubling delays. Half of each is random, so that what failed together does not come back together. */
export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** How many delays were asked for since the last reset. */
  get failures(): number {
    return this.#failures;
  }

  next(): number {
    return delayAfter(this.#failures++, this.#options);
  }

  reset(): void {
    this.#failures = 0;
  }
}

/** The delay after `failures` earlier ones: between half of base * 2^failures and the whole of it. */
export function delayAfter(
  failures: number,
  { baseMs, maxMs, random = Math.random }: BackoffOptions,
): number {
  // 2 ** 1100 is Infinity, and Math.min brings that back to the cap.
  const whole = Math.min(baseMs * 2 ** failures, maxMs);
  return whole / 2 + (whole / 2) * random();
}
