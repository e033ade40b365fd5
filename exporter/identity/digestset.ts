import { digestBytes } from './digest.ts';
import { sortDigests } from './digestsort.ts';

const digestWords = digestBytes / 4;
const firstSlots = 1024;
/** Bits of a slot that hold an index; the others hold a part of the digest. */
const indexBits = 21;
const maxIndex = 2 ** indexBits - 1;

/**
 * A set of SHA-256 digests in 32 bytes each and 8 to 16 for finding them: a
 * million in some 42 MB, where a Set of strings would take several times that.
 */
export class DigestSet {
  /** Digests in the order of their arrival, as bytes and as words. */
  #digests = new Uint8Array(0);
  #words = new Uint32Array(0);
  /** A hash table with open addressing: 0 is free, else see `slotOf`. */
  #slots = new Uint32Array(firstSlots);
  #size = 0;
  readonly #capacity: number;

  /** @param capacity how many it may hold at most. */
  constructor(capacity = maxIndex) {
    this.#capacity = Math.min(capacity, maxIndex);
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Whether the digest is new.
   * @throws RangeError where the set is full.
   */
  add(digest: Uint8Array): boolean {
    if (this.#digests.length === 0) this.#reserve();
    // Written behind the last, so that words can be compared; it stays there if it is new.
    this.#digests.set(digest, this.#size * digestBytes);
    const place = this.#find(this.#size);
    if (place === -1) return false;
    if (this.#size === this.#capacity) throw new RangeError('the set is full');
    this.#slots[place] = this.#slotOf(this.#size++);
    if (this.#size * 2 > this.#slots.length) this.#rehash();
    return true;
  }

  /**
   * Empties the set: its digests one after the other, in ascending order of their
   * bytes. They are the set's own memory, so that no moment has two copies of it.
   */
  drain(): Uint8Array {
    const digests = this.#digests.subarray(0, this.#size * digestBytes);
    this.#digests = new Uint8Array(0);
    this.#words = new Uint32Array(0);
    this.#replaceSlots(firstSlots);
    this.#size = 0;
    sortDigests(digests);
    return digests;
  }

  /** What stands in the slot of the digest at `index`: the index, from 1, under some bits of the digest. */
  #slotOf(index: number): number {
    const part = (this.#words[index * digestWords + 1] ?? 0) << indexBits;
    return (part | (index + 1)) >>> 0;
  }

  /** The free slot where the digest at `index` belongs; -1 where the set has the same. */
  #find(index: number): number {
    const words = this.#words;
    const slots = this.#slots;
    const mask = slots.length - 1;
    const own = this.#slotOf(index);
    // SHA-256 is evenly spread, so a part of it is as good as a hash of it.
    let place = (words[index * digestWords] ?? 0) & mask;
    for (;;) {
      const slot = slots[place] ?? 0;
      if (slot === 0) return place;
      // Nearly all that differ do so in these bits: looking at the other digest takes longer, its memory is far away.
      const isAlike = (slot ^ own) >>> indexBits === 0;
      if (isAlike && areEqual(words, (slot & maxIndex) - 1, index)) return -1;
      place = (place + 1) & mask;
    }
  }

  /**
   * Takes memory for as many digests as may come. The system gives it page by page as
   * it is written to, so nothing is used before its time, and there is no moment at which
   * digests stand both in some smaller memory and in its larger successor.
   */
  #reserve(): void {
    // One more than it may hold: room for the one that is looked for.
    this.#digests = new Uint8Array((this.#capacity + 1) * digestBytes);
    this.#words = new Uint32Array(this.#digests.buffer);
  }

  #rehash(): void {
    this.#replaceSlots(this.#slots.length * 2);
    for (let index = 0; index < this.#size; index++) this.#slots[this.#find(index)] = this.#slotOf(index);
  }

  #replaceSlots(length: number): void {
    // Gives the old memory back now, where the garbage collector would in its own time.
    this.#slots.buffer.transfer(0);
    this.#slots = new Uint32Array(length);
  }
}

function areEqual(words: Uint32Array, one: number, other: number): boolean {
  const a = one * digestWords;
  const b = other * digestWords;
  for (let word = 0; word < digestWords; word++) {
    if (words[a + word] !== words[b + word]) return false;
  }
  return true;
}
