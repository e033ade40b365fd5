import { digestBytes } from './digest.ts';

const firstSlots = 1024;

/**
 * A set of SHA-256 digests in 32 bytes each and 8 to 16 for finding them: a
 * million in some 45 MB, where a Set of strings would take several times that.
 */
export class DigestSet {
  /** Digests in the order of their arrival. */
  readonly #digests: Uint8Array;
  readonly #memory: ArrayBuffer;
  /** A hash table with open addressing: 0 is free, else the digest's index + 1. */
  #slots = new Uint32Array(firstSlots);
  #size = 0;
  readonly #capacity: number;

  /** @param capacity how many it may hold at most. */
  constructor(capacity: number) {
    this.#capacity = capacity;
    // Grows in place: no moment at which the old and a doubled copy are both in memory.
    this.#memory = new ArrayBuffer(0, { maxByteLength: Math.max(1, capacity) * digestBytes });
    this.#digests = new Uint8Array(this.#memory);
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Whether the digest is new.
   * @throws RangeError where the set is full.
   */
  add(digest: Uint8Array): boolean {
    const slot = this.#find(digest);
    if (this.#slots[slot] !== 0) return false;
    if (this.#size === this.#capacity) throw new RangeError('the set is full');
    const offset = this.#size * digestBytes;
    if (offset === this.#memory.byteLength) {
      const doubled = Math.max(1024 * digestBytes, 2 * offset);
      this.#memory.resize(Math.min(doubled, this.#memory.maxByteLength));
    }
    this.#digests.set(digest, offset);
    this.#slots[slot] = ++this.#size;
    if (this.#size * 2 > this.#slots.length) this.#rehash();
    return true;
  }

  /**
   * Empties the set into memory of its own: the digests one after the other, in
   * ascending order of their bytes.
   */
  drain(): Uint8Array {
    const order = this.#order();
    const sorted = new Uint8Array(this.#size * digestBytes);
    for (let position = 0; position < order.length; position++) {
      const from = (order[position] ?? 0) * digestBytes;
      sorted.set(this.#digests.subarray(from, from + digestBytes), position * digestBytes);
    }
    this.#size = 0;
    this.#slots = new Uint32Array(firstSlots);
    this.#memory.resize(0);
    return sorted;
  }

  #find(digest: Uint8Array): number {
    const mask = this.#slots.length - 1;
    let slot = prefix(digest, 0) & mask;
    for (;;) {
      const entry = this.#slots[slot] ?? 0;
      if (entry === 0 || compare(this.#digests, (entry - 1) * digestBytes, digest, 0) === 0) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #rehash(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2);
    const mask = this.#slots.length - 1;
    for (let index = 0; index < this.#size; index++) {
      let slot = prefix(this.#digests, index * digestBytes) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = index + 1;
    }
  }

  /** Indexes of the digests in ascending order. */
  #order(): Uint32Array {
    // Sorting numbers natively is ten times as fast as calling back for each pair. A number holds
    // a digest's first 32 bits above its 21 bits of index, exactly; what ties is then compared in full.
    const indexRange = 2 ** 21;
    if (this.#size > indexRange) throw new RangeError('the set is too large to be sorted');
    const keys = new Float64Array(this.#size);
    for (let index = 0; index < this.#size; index++) {
      keys[index] = prefix(this.#digests, index * digestBytes) * indexRange + index;
    }
    keys.sort();
    const order = new Uint32Array(this.#size);
    for (let position = 0; position < order.length; position++) {
      order[position] = (keys[position] ?? 0) % indexRange;
    }
    this.#sortTies(order);
    return order;
  }

  #sortTies(order: Uint32Array): void {
    const prefixAt = (position: number): number =>
      prefix(this.#digests, (order[position] ?? 0) * digestBytes);
    for (let start = 0; start < order.length; ) {
      let end = start + 1;
      while (end < order.length && prefixAt(end) === prefixAt(start)) end++;
      if (end - start > 1) {
        order
          .subarray(start, end)
          .sort((a, b) => compare(this.#digests, a * digestBytes, this.#digests, b * digestBytes));
      }
      start = end;
    }
  }
}

/** The first four bytes as an unsigned number. SHA-256 is evenly spread, so they need no further hashing. */
function prefix(bytes: Uint8Array, offset: number): number {
  return (
    (((bytes[offset] ?? 0) << 24) |
      ((bytes[offset + 1] ?? 0) << 16) |
      ((bytes[offset + 2] ?? 0) << 8) |
      (bytes[offset + 3] ?? 0)) >>>
    0
  );
}

function compare(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number): number {
  for (let index = 0; index < digestBytes; index++) {
    const difference = (a[aOffset + index] ?? 0) - (b[bOffset + index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
