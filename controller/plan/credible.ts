import { parseTime } from '../../api/time.ts';

/** Which times are believed that a clock has written: each machine has its own, and any of them may jump. */

/** Clocks differ by less. */
const maxAheadMs = 86_400_000;

/** Whether a time that another clock wrote may have come; both in milliseconds. */
export function isCredible(at: number, now: number): boolean {
  return at <= now + maxAheadMs;
}

/**
 * Whether a time that the controller's own clock wrote, RFC 3339, lies ahead of that clock: then the
 * clock has gone back since. Kept, it would hold until that day.
 */
export function isAhead(written: string | undefined, now: number): boolean {
  return (parseTime(written) ?? Number.NEGATIVE_INFINITY) > now;
}

/** From a time to the controller's look at what came then it takes less. */
const lateMs = 60_000;

/**
 * Stands for a time that is not believed, where what came after it is to be told from what came before.
 * What makes the controller look may be the first that came after it: it lies some seconds before the look.
 */
export function momentBefore(now: number): number {
  return now - lateMs;
}
