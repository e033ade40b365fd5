import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks `check` again and again until it returns something other than undefined.
 * Throws an Error that names `what` and the last error of `check` after `timeoutMs`.
 */
export async function waitFor<T>(
  what: string,
  timeoutMs: number,
  check: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await check();
      if (answer !== undefined) return answer;
      last = undefined;
    } catch (error) {
      if (error instanceof GaveUp) throw error;
      last = error;
    }
    if (performance.now() > end) {
      const why = last instanceof Error ? `: ${last.message}` : '';
      throw new Error(`${what} did not happen within ${Math.round(timeoutMs / 1000)} s${why}`);
    }
    await delay(50);
  }
}

/** Thrown by a check of waitFor when waiting longer cannot help, such as a program that has ended. */
export class GaveUp extends Error {}
