import type { Clock } from '../clock.ts';
import { Fault } from '../fault.ts';

/**
 * How long a whole run may spend on calls that fail and on waiting to repeat them.
 * One budget for the run, not one a call: an outage must not last fifty segments.
 */
export class RetryBudget {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #leftMs: number;

  constructor(milliseconds: number, clock: Clock, signal: AbortSignal) {
    this.#leftMs = milliseconds;
    this.#clock = clock;
    this.#signal = signal;
  }

  /**
   * Waits before the next attempt: from 1 s, doubling to 30 s, of which the later half is left to
   * chance so that runs that failed together do not return together.
   * @param attempt failed attempts before this one; @param spentMs what the failed attempt took.
   * @throws Fault CriteoUnavailable where the budget does not reach.
   */
  async pause(attempt: number, spentMs: number, status?: number): Promise<void> {
    const ceiling = Math.min(30_000, 1000 * 2 ** attempt);
    const wait = Math.round(ceiling / 2 + (this.#clock.random() * ceiling) / 2);
    this.#leftMs -= spentMs + wait;
    if (this.#leftMs < 0) throw new Fault('CriteoUnavailable', status === undefined ? undefined : { status });
    await this.#clock.sleep(wait, this.#signal);
  }
}
