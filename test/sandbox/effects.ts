/** Effects that a fault put off: the caller was answered, and what it asked for has not happened yet. */
export class PendingEffects {
  readonly #pending = new Map<() => void, NodeJS.Timeout | undefined>();

  get size(): number {
    return this.#pending.size;
  }

  /** Without `milliseconds` the effect waits for release(). */
  postpone(effect: () => void, milliseconds?: number): void {
    // Wrapped: one function postponed twice must be two entries.
    const entry = () => {
      this.#pending.delete(entry);
      effect();
    };
    this.#pending.set(entry, milliseconds === undefined ? undefined : setTimeout(entry, milliseconds));
  }

  /** Applies everything that waits, in the order in which it was asked for; returns how many there were. */
  release(): number {
    const entries = [...this.#pending];
    for (const [entry, timer] of entries) {
      clearTimeout(timer);
      entry();
    }
    return entries.length;
  }

  cancel(): void {
    for (const timer of this.#pending.values()) clearTimeout(timer);
    this.#pending.clear();
  }
}
