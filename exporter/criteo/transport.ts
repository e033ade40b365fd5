import type { Report } from '../../api/report.ts';
import type { Clock } from '../clock.ts';
import { Fault } from '../fault.ts';
import type { Log } from '../log.ts';
import { RetryBudget } from './budget.ts';
import { type Exchange, type HttpReply, type HttpRequest, NoReply } from './exchange.ts';
import { RateLimit } from './ratelimit.ts';

export interface Limits {
  /** Deadline of one call, in milliseconds. */
  callTimeoutMs: number;
  /** What a run may spend on failed calls and the waits after them, in milliseconds. */
  retryBudgetMs: number;
  /** What a run may wait for the rate limit, in milliseconds. */
  throttleBudgetMs: number;
}

/** A check tells within 45 s that Criteo is away; an export is patient for some minutes. */
export const limitsOf: Readonly<Record<Report['kind'], Limits>> = {
  Check: { callTimeoutMs: 15_000, retryBudgetMs: 30_000, throttleBudgetMs: 30_000 },
  Export: { callTimeoutMs: 60_000, retryBudgetMs: 180_000, throttleBudgetMs: 600_000 },
  Retire: { callTimeoutMs: 60_000, retryBudgetMs: 180_000, throttleBudgetMs: 600_000 },
};

export interface Sending {
  /**
   * `never` for a call that must not be made twice without looking: it throws Unclear. `spare` for one that
   * nothing hangs on: it throws Unclear as well rather than wait for the rate limit.
   */
  repeat?: 'safely' | 'never' | 'spare' | undefined;
  /**
   * Asked immediately before each attempt of a call that writes, after all waiting: it throws where
   * no such call may start any more. The argument is how long the call may take, in milliseconds.
   */
  permit?: ((callTimeoutMs: number) => Promise<void>) | undefined;
}

/** No reply, or a 5xx: the call may or may not have taken effect. */
export class Unclear extends Error {
  readonly spentMs: number;
  readonly status: number | undefined;

  constructor(spentMs: number, status: number | undefined) {
    super('unclear');
    this.spentMs = spentMs;
    this.status = status;
  }
}

/**
 * Sends requests: keeps to the rate limit, repeats what failed in passing, counts
 * calls, and notes when Criteo says that the API version will go.
 */
export class Transport {
  readonly budget: RetryBudget;
  readonly #exchange: Exchange;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #signal: AbortSignal;
  readonly #callTimeoutMs: number;
  readonly #rateLimit: RateLimit;
  /** Requests sent. */
  calls = 0;
  deprecated: Report['deprecated'];

  constructor(exchange: Exchange, limits: Limits, clock: Clock, log: Log, signal: AbortSignal) {
    this.#exchange = exchange;
    this.#clock = clock;
    this.#log = log;
    this.#signal = signal;
    this.#callTimeoutMs = limits.callTimeoutMs;
    this.budget = new RetryBudget(limits.retryBudgetMs, clock, signal);
    this.#rateLimit = new RateLimit(limits.throttleBudgetMs, clock, signal);
  }

  get throttledMs(): number {
    return this.#rateLimit.waitedMs;
  }

  /**
   * The reply, whose status is neither 429 nor 5xx.
   * @throws Fault CriteoUnavailable, CriteoThrottled, TlsNotTrusted; and the permit's.
   */
  async send(request: HttpRequest, sending: Sending = {}): Promise<HttpReply> {
    for (let attempt = 0; ; attempt++) {
      const { reply, spentMs } = await this.#once(request, sending);
      if (reply && reply.status < 500) return reply;
      if (sending.repeat === 'never' || sending.repeat === 'spare') throw new Unclear(spentMs, reply?.status);
      await this.budget.pause(attempt, spentMs, reply?.status);
    }
  }

  /** One attempt, which may wait for the rate limit as often as that takes. */
  async #once(
    request: HttpRequest,
    { permit, repeat }: Sending,
  ): Promise<{ reply: HttpReply | undefined; spentMs: number }> {
    for (;;) {
      if (repeat === 'spare' && this.#rateLimit.isUsedUp) throw new Unclear(0, 429);
      await this.#rateLimit.ready();
      await permit?.(this.#callTimeoutMs);
      this.#signal.throwIfAborted();
      const start = this.#clock.now();
      this.calls++;
      const reply = await this.#attempt(request);
      if (reply) this.#noteDeprecation(reply);
      const throttled = reply !== undefined && this.#rateLimit.observe(reply);
      if (throttled) this.#log.warn('Criteo asks to wait', { status: reply.status });
      else return { reply, spentMs: this.#clock.now() - start };
    }
  }

  async #attempt(request: HttpRequest): Promise<HttpReply | undefined> {
    try {
      const reply = await this.#exchange(request, this.#callTimeoutMs, this.#signal);
      if (reply.status >= 500) this.#log.warn('a call to Criteo failed', { status: reply.status });
      return reply;
    } catch (error) {
      if (!(error instanceof NoReply)) throw error;
      if (error.kind === 'NotTrusted') throw new Fault('TlsNotTrusted');
      this.#log.warn('a call to Criteo got no reply', { why: error.kind });
      return undefined;
    }
  }

  #noteDeprecation({ headers }: HttpReply): void {
    const { deprecation, sunset } = headers;
    if ((deprecation === undefined || deprecation === 'false') && sunset === undefined) return;
    const day = Date.parse(sunset ?? '');
    this.deprecated = Number.isNaN(day) ? {} : { sunset: new Date(day).toISOString().slice(0, 10) };
  }
}
