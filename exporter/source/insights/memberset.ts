import { hash } from 'node:crypto';
import { Fault } from '../../fault.ts';

const idBytes = 16;
const idWords = idBytes / 4;
/** Twice as many as a run may send or withdraw: who is read beyond that has no address, or the run is refused later. */
const usualCapacity = 4_000_000;
/** Of so few their ids are kept as texts too, to ask for them by. */
export const fewMembers = 20_000;
const firstSlots = 1024;

const hexForm = /^[0-9a-f]{32}$/i;
const guidForm = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Who is in which segments: 16 bytes a member, a bit for each segment, and 8 to 16 for finding them; a million
 * in some 30 MB. An id of 32 hexadecimal digits, or a GUID, is taken as its bytes, so that its letters' case and its
 * hyphens do not matter; of any other a SHA-256 is, cut to 16 bytes, with its case.
 */
export class MemberSet {
  readonly #capacity: number;
  /** Of a member's bits: one a segment, and a last one for `isMet`. */
  readonly #flagBytes: number;
  readonly #metBit: number;
  readonly #words: Uint32Array;
  readonly #flags: Uint8Array;
  /** A hash table with open addressing: 0 is free, else an index from 1. */
  #slots = new Uint32Array(firstSlots);
  #size = 0;
  /** The ids as they came; undefined from more than a few on. */
  #texts: string[] | undefined = [];
  readonly #id = Buffer.alloc(idBytes);
  readonly #idWords = new Uint32Array(this.#id.buffer, this.#id.byteOffset, idWords);

  constructor(segments: number, capacity = usualCapacity) {
    this.#capacity = capacity;
    this.#metBit = segments;
    this.#flagBytes = Math.floor(segments / 8) + 1;
    // The system gives it page by page as it is written to: nothing is used before its time, or copied in growing.
    this.#words = new Uint32Array(capacity * idWords);
    this.#flags = new Uint8Array(capacity * this.#flagBytes);
  }

  get size(): number {
    return this.#size;
  }

  /** The ids as they came; undefined where there are more than a few. */
  get texts(): readonly string[] | undefined {
    return this.#texts;
  }

  /** @throws Fault TooManyProfiles. */
  add(id: string, segment: number): void {
    this.#read(id);
    let place = this.#place();
    let index = (this.#slots[place] ?? 0) - 1;
    if (index === -1) {
      if (this.#size === this.#capacity) throw new Fault('TooManyProfiles', { count: this.#size });
      if ((this.#size + 1) * 2 > this.#slots.length) {
        this.#grow();
        this.#read(id);
        place = this.#place();
      }
      index = this.#size++;
      this.#words.set(this.#idWords, index * idWords);
      this.#slots[place] = index + 1;
      this.#keepText(id);
    }
    this.#set(index, segment);
  }

  /** The member's index, from 0; -1 where the id is nobody's. */
  find(id: string): number {
    this.#read(id);
    return (this.#slots[this.#place()] ?? 0) - 1;
  }

  isIn(index: number, segment: number): boolean {
    const byte = this.#flags[index * this.#flagBytes + (segment >> 3)] ?? 0;
    return (byte & (1 << (segment & 7))) !== 0;
  }

  /** Remembers that the member has been met among the profiles. */
  meet(index: number): void {
    this.#set(index, this.#metBit);
  }

  isMet(index: number): boolean {
    return this.isIn(index, this.#metBit);
  }

  #set(index: number, bit: number): void {
    const at = index * this.#flagBytes + (bit >> 3);
    this.#flags[at] = (this.#flags[at] ?? 0) | (1 << (bit & 7));
  }

  #keepText(id: string): void {
    if (this.#texts?.push(id) === fewMembers + 1) this.#texts = undefined;
  }

  /** Writes the id's bytes where they can be compared as words. */
  #read(id: string): void {
    if (hexForm.test(id)) this.#id.write(id, 'hex');
    else if (guidForm.test(id)) this.#id.write(id.replaceAll('-', ''), 'hex');
    else this.#id.write(hash('sha256', id), 'hex');
  }

  /** The slot of the id that was read, or the free one where it belongs. */
  #place(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.#idWords;
    const mask = this.#slots.length - 1;
    for (let place = mixed(a, b, c, d) & mask; ; place = (place + 1) & mask) {
      const slot = this.#slots[place] ?? 0;
      if (slot === 0) return place;
      const at = (slot - 1) * idWords;
      const words = this.#words;
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) return place;
    }
  }

  #grow(): void {
    const length = this.#slots.length * 2;
    // Gives the old memory back now, where the garbage collector would in its own time.
    this.#slots.buffer.transfer(0);
    this.#slots = new Uint32Array(length);
    for (let index = 0; index < this.#size; index++) {
      this.#idWords.set(this.#words.subarray(index * idWords, (index + 1) * idWords));
      this.#slots[this.#place()] = index + 1;
    }
  }
}

/** All words count: ids may be numbers with many zeros. */
function mixed(a: number, b: number, c: number, d: number): number {
  let bits =
    Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35) ^ Math.imul(d, 0x27d4eb2f);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
