import type { Behaviour } from './options.ts';
import { ApiFailure, seedFor } from './problem.ts';

/** Fixed windows for each client, beginning with its first call. */
export class RateLimiter {
  readonly #windows = new Map<string, { start: number; used: number }>();

  /**
   * Counts one call. Returns the documented headers; throws a 429 that carries them when the window is used up.
   * `now` is in milliseconds; the reset header is in whole seconds since 1970, rounded up.
   */
  count(
    clientId: string,
    { callsPerMinute, rateWindowSeconds }: Behaviour,
    now: number,
  ): Record<string, string> {
    if (callsPerMinute === 0) return {};
    const windowMilliseconds = rateWindowSeconds * 1000;
    let window = this.#windows.get(clientId);
    if (window === undefined || now >= window.start + windowMilliseconds) {
      window = { start: now, used: 0 };
      this.#windows.set(clientId, window);
    }
    const reset = window.start + windowMilliseconds;
    if (window.used >= callsPerMinute) {
      throw new ApiFailure(429, [seedFor(429)], rateHeaders(callsPerMinute, 0, reset));
    }
    window.used += 1;
    return rateHeaders(callsPerMinute, callsPerMinute - window.used, reset);
  }
}

/** `reset` is in milliseconds since 1970. */
export function rateHeaders(limit: number, remaining: number, reset: number): Record<string, string> {
  return {
    'x-ratelimit-limit': String(limit),
    'x-ratelimit-remaining': String(remaining),
    'x-ratelimit-reset': String(Math.ceil(reset / 1000)),
  };
}
