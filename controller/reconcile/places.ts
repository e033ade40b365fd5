import { isHeld, type Job } from '../plan/kubernetes.ts';
import type { Clock } from '../runtime/clock.ts';

/** Longer than a watch is behind. A Job that still looks held after that was not released. */
const longestMs = 60_000;

/**
 * Jobs that were given a place among the runs of their connection a moment ago. Several exports are looked at at once,
 * and the watch tells of a release later than it is decided: counted by the watch alone, one place would be given to
 * each of them.
 */
export class Places {
  readonly #clock: Clock;
  readonly #takenAt = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  take(jobUid: string): void {
    for (const [uid, at] of this.#takenAt) if (!this.#isFresh(at)) this.#takenAt.delete(uid);
    this.#takenAt.set(jobUid, this.#clock.monotonic());
  }

  /** Its release failed. */
  giveBack(jobUid: string): void {
    this.#takenAt.delete(jobUid);
  }

  /** Whether this Job has a place that the watch does not show yet. */
  isTaken(job: Job): boolean {
    return isHeld(job) && this.#isFresh(this.#takenAt.get(job.metadata.uid ?? ''));
  }

  #isFresh(at: number | undefined): boolean {
    return at !== undefined && this.#clock.monotonic() - at < longestMs;
  }
}
