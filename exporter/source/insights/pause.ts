import type { Clock } from '../../clock.ts';
import { Fault } from '../../fault.ts';

/** A refusal that says nothing of how long. */
const usualMs = 5_000;
/** A window of Dataverse's is 300 s; a header that says more is wrong. */
const longestMs = 600_000;

/**
 * What a user of Dataverse is told to wait, for all scans at once: the limit is the user's, not a scan's, and
 * whoever goes on while it is told to wait makes the wait longer.
 */
export class Pause {
  readonly #clock: Clock;
  #leftMs: number;
  #openAt = Number.NEGATIVE_INFINITY;

  /** @param budgetMs that a run may wait in all. */
  constructor(budgetMs: number, clock: Clock) {
    this.#leftMs = budgetMs;
    this.#clock = clock;
  }

  /** Resolves when calls are welcome; another scan may be told to wait meanwhile. */
  async over(signal: AbortSignal): Promise<void> {
    for (;;) {
      const wait = this.#openAt - this.#clock.monotonic();
      if (wait <= 0) return;
      await this.#clock.sleep(wait, signal);
    }
  }

  /**
   * Begins, or is made longer. Returns the seconds.
   * @throws Fault SourceThrottled where the run may not wait for so long.
   */
  begin(retryAfter: string | undefined): number {
    const now = this.#clock.monotonic();
    const wait = Math.min(longestMs, waitOf(retryAfter, this.#clock.now()) ?? usualMs);
    // Scans that are refused together wait together, and pay once.
    const more = now + wait - Math.max(now, this.#openAt);
    if (more > 0) {
      this.#leftMs -= more;
      if (this.#leftMs < 0) throw new Fault('SourceThrottled', { status: 429 });
      this.#openAt = now + wait;
    }
    return Math.ceil(wait / 1000);
  }
}

/** Retry-After in milliseconds: it is a number of seconds, or a date. At least a second, or a refusal could spin. */
export function waitOf(retryAfter: string | undefined, now: number): number | undefined {
  if (retryAfter === undefined || retryAfter.trim() === '') return undefined;
  const seconds = Number(retryAfter);
  const wait = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(retryAfter) - now;
  return Number.isNaN(wait) ? undefined : Math.max(1000, wait);
}
