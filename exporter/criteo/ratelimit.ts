import type { Clock } from '../clock.ts';
import { Fault } from '../fault.ts';
import type { HttpReply } from './exchange.ts';

/** A window is a minute; a header that says more is a clock that is wrong. */
const maxWaitMs = 90_000;
/** Runs of the same account that wait for the same reset spread over this much. */
const spreadMs = 2_000;

/**
 * Keeps to the account's rate limit as the replies tell it: `x-ratelimit-remaining`
 * and `x-ratelimit-reset` (seconds since the epoch, on Criteo's clock).
 */
export class RateLimit {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #leftMs: number;
  #openAt = 0;
  #throttled = 0;
  /** Milliseconds waited so far. */
  waitedMs = 0;

  /** @param milliseconds that the run may wait in all. */
  constructor(milliseconds: number, clock: Clock, signal: AbortSignal) {
    this.#leftMs = milliseconds;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** Whether a call now would have to wait. */
  get isUsedUp(): boolean {
    return this.#openAt > this.#clock.now();
  }

  /**
   * Waits until the window that is used up ends.
   * @throws Fault CriteoThrottled where that is longer than the run may still wait.
   */
  async ready(): Promise<void> {
    const wait = this.#openAt - this.#clock.now();
    if (wait <= 0) return;
    if (wait > this.#leftMs) throw new Fault('CriteoThrottled');
    this.#leftMs -= wait;
    this.waitedMs += wait;
    await this.#clock.sleep(wait, this.#signal);
  }

  /** Takes note of a reply. Returns whether it was refused for the rate. */
  observe(reply: HttpReply): boolean {
    const refused = reply.status === 429;
    this.#throttled = refused ? this.#throttled + 1 : 0;
    if (refused || reply.headers['x-ratelimit-remaining'] === '0') {
      const untilReset = resetIn(reply, this.#clock.now());
      const wait = untilReset ?? (refused ? Math.min(60_000, 1000 * 2 ** (this.#throttled - 1)) : 0);
      if (wait > 0)
        this.#openAt = this.#clock.now() + wait + Math.round(this.#clock.random() * Math.min(spreadMs, wait));
    }
    return refused;
  }
}

/** Milliseconds to the reset, by Criteo's own clock where the reply tells it: the pod's may be off by minutes. */
function resetIn(reply: HttpReply, now: number): number | undefined {
  const reset = Number(reply.headers['x-ratelimit-reset'] ?? Number.NaN) * 1000;
  if (!Number.isFinite(reset)) return undefined;
  const theirNow = Date.parse(reply.headers.date ?? '');
  const wait = reset - (Number.isNaN(theirNow) ? now : theirNow);
  // A reset that has just passed still is a refusal: never less than a second, or the loop spins.
  return Math.min(maxWaitMs, Math.max(1000, wait));
}
