import type { Cancel, Clock } from './clock.ts';

/**
 * A signal that aborts together with the caller's own, or when the time given by the last `renew` runs out.
 * Not AbortSignal.any and AbortSignal.timeout: a signal that lives as long as the process would collect one
 * dependent for each request, and a test could not move the time.
 */
export class Watchdog {
  readonly #abort = new AbortController();
  readonly #clock: Clock;
  readonly #caller: AbortSignal | undefined;
  readonly #onCaller = () => this.#abort.abort(this.#caller?.reason);
  #cancel: Cancel = () => {};
  #expired = false;

  constructor(clock: Clock, caller?: AbortSignal) {
    this.#clock = clock;
    this.#caller = caller;
    if (caller?.aborted) this.#onCaller();
    else caller?.addEventListener('abort', this.#onCaller, { once: true });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** True when the time ran out, false when the caller's signal was the first. */
  get expired(): boolean {
    return this.#expired;
  }

  /** Starts the time anew. */
  renew(ms: number): void {
    this.#cancel();
    this.#cancel = this.#clock.setTimeout(() => {
      this.#expired = !this.#abort.signal.aborted;
      this.#abort.abort();
    }, ms);
  }

  /** Must be called in the end, or the caller's signal keeps this alive. */
  stop(): void {
    this.#cancel();
    this.#caller?.removeEventListener('abort', this.#onCaller);
  }
}
