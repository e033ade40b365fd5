/** Stops a timer. Calling it again, or after the timer fired, does nothing. */
export type Cancel = () => void;

/** The time, as everything here reads it, so that a test can be the one who moves it. */
export interface Clock {
  /** Milliseconds since the epoch. Only for what people and the API read: it can jump. */
  now(): number;
  /** Milliseconds since an arbitrary start. Never goes back: for every measurement and deadline. */
  monotonic(): number;
  /** Calls `fn` once after `ms`. */
  setTimeout(fn: () => void, ms: number): Cancel;
}

/** Node fires timers longer than this at once instead of late. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout(fn, ms) {
    const timer = setTimeout(fn, Math.min(Math.max(ms, 0), MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms`, or at once when `signal` aborts. Never rejects: the caller looks at its signal. */
export function sleep(ms: number, clock: Clock, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const wake = () => {
      cancel();
      signal?.removeEventListener('abort', wake);
      resolve();
    };
    const cancel = clock.setTimeout(wake, ms);
    signal?.addEventListener('abort', wake, { once: true });
  });
}
