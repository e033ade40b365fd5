import type { Lease } from './head.ts';

/** What a lease needs of time, handed in so that a test need not wait. */
export interface LeaseClock {
  /** Milliseconds since the epoch. It may be wrong, and may be set while we run. */
  now(): number;
  /** Milliseconds since any moment; never set. */
  monotonic(): number;
  /** @throws the signal's reason where it is aborted. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/**
 * A lease that lies in the past by more than this is over whatever clocks say. Two machines of which one
 * takes the local time for UTC differ by up to 14 hours; any less, and a clock that is wrong would
 * take the lease away from a run that lives.
 */
const surelyOverMs = 15 * 3_600_000;
/** Clocks run at rates that differ, by far less than this. */
const drift = 1.01;

/** A moment by both clocks. */
export interface Moment {
  now: number;
  monotonic: number;
}

export function momentOf(clock: LeaseClock): Moment {
  return { now: clock.now(), monotonic: clock.monotonic() };
}

/**
 * How long ago it was, as its own holder reckons: by whichever clock says longer. The monotonic one may
 * stand still while the machine sleeps, and the other one may be set back.
 */
export function elapsed(since: Moment, clock: LeaseClock): number {
  return Math.max(clock.monotonic() - since.monotonic, clock.now() - since.now);
}

/** How long whoever finds a lease waits for it, in milliseconds by the own clock. */
export function waitFor(lease: Lease): number {
  return Math.ceil(lease.duration * drift);
}

/**
 * Whether another one's lease is over: nobody renewed it for as long as it lasts. Whose clock is
 * wrong does not matter, because each reckons the time that passes, and not the time of day.
 * @param seenAt since when exactly this head is known, by the monotonic clock.
 */
export function isOver(lease: Lease, seenAt: number, clock: LeaseClock): boolean {
  return clock.monotonic() - seenAt >= waitFor(lease) || clock.now() - lease.until > surelyOverMs;
}

/**
 * @param after the `until` of the last lease that this holder wrote or tried to write. Each is later, also where
 * the clock was set back: a head that is found to have ours was then written by that very attempt.
 */
export function leaseFor(holder: string, duration: number, now: number, after: number): Lease {
  return { holder, until: Math.max(Math.ceil(now + duration), after + 1), duration };
}
