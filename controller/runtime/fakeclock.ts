import type { Cancel, Clock } from './clock.ts';

interface Timer {
  due: number;
  order: number;
  fn: () => void;
}

/** A clock for tests: time stands still until `advance` moves it. */
export class FakeClock implements Clock {
  #wall: number;
  #elapsed = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(startMs: number = Date.parse('2026-01-01T00:00:00Z')) {
    this.#wall = startMs;
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  setTimeout(fn: () => void, ms: number): Cancel {
    const timer = { due: this.#elapsed + Math.max(ms, 0), order: this.#order++, fn };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that wait, for asserting that nothing was left behind. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Sets the wall clock alone, as an NTP correction does. */
  jumpWall(ms: number): void {
    this.#wall += ms;
  }

  /** Moves time by `ms`, firing timers in order and letting promises settle in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    await settle();
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#timers.delete(next);
      this.#moveTo(next.due);
      next.fn();
      await settle();
    }
    this.#moveTo(end);
    await settle();
  }

  #next(end: number): Timer | undefined {
    return [...this.#timers]
      .filter((timer) => timer.due <= end)
      .sort((a, b) => a.due - b.due || a.order - b.order)[0];
  }

  #moveTo(elapsed: number): void {
    this.#wall += elapsed - this.#elapsed;
    this.#elapsed = elapsed;
  }
}

/** Lets every promise that can settle without a timer do so. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
