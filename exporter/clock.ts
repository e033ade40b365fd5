import { setTimeout as delay } from 'node:timers/promises';

/** Time and chance, handed in so that a test need not wait. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds since some moment, of a clock that nobody sets. */
  monotonic(): number;
  /** @throws the signal's reason where it is aborted. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
  /** At least 0, less than 1. */
  random(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (milliseconds, signal) => {
    await delay(milliseconds, undefined, { signal });
  },
  random: () => Math.random(),
};
