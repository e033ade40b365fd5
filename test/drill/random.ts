/** Chance that a seed repeats: the same seed gives the same numbers, in the same order, on any machine. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** At least 0, less than 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** True in so many of a hundred. */
  chance(percent: number): boolean {
    return this.next() * 100 < percent;
  }

  /** A whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** @throws RangeError where there is nothing to take. */
  one<T>(from: readonly T[]): T {
    const index = this.whole(0, from.length - 1);
    if (from.length === 0) throw new RangeError('nothing to take one of');
    return from[index] as T;
  }

  /** Up to `count` of them, each once. */
  some<T>(from: Iterable<T>, count: number): T[] {
    const left = [...from];
    const taken: T[] = [];
    while (taken.length < count && left.length > 0) {
      taken.push(...left.splice(this.whole(0, left.length - 1), 1));
    }
    return taken;
  }

  /** One of the words, each as often as its weight says. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const words = Object.keys(weights) as K[];
    let left = this.next() * words.reduce((sum, word) => sum + weights[word], 0);
    for (const word of words) {
      left -= weights[word];
      if (left < 0) return word;
    }
    return this.one(words);
  }
}
