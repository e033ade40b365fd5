import { digestBytes } from './digest.ts';

const digestWords = digestBytes / 4;
/** So few digests are sorted by insertion. */
const few = 24;

/**
 * Sorts digests that stand one after the other, ascending by their bytes, in place: a
 * sorted copy of a million takes 32 MB more. It is the American flag sort, a radix
 * sort: digests are swapped into 256 ranges by their first byte, then each range is
 * sorted by the next byte. SHA-256 is evenly spread, so after two bytes few are left
 * in a range.
 * @param digests in memory that starts at a multiple of 4 bytes.
 */
export function sortDigests(digests: Uint8Array): void {
  const words = new Uint32Array(digests.buffer, digests.byteOffset, digests.length / 4);
  sortRange({ digests, words }, 0, digests.length / digestBytes, 0);
}

/** The same memory as bytes, to compare, and as words, which are moved four times as fast. */
interface Memory {
  digests: Uint8Array;
  words: Uint32Array;
}

/** Sorts the digests at positions `from` to `to`, which have their first `depth` bytes in common. */
function sortRange(memory: Memory, from: number, to: number, depth: number): void {
  if (to - from <= few || depth === digestBytes) {
    sortFew(memory, from, to);
    return;
  }
  const ends = swapIntoRanges(memory, from, to, depth);
  let start = from;
  for (const end of ends) {
    if (end - start > 1) sortRange(memory, start, end, depth + 1);
    start = end;
  }
}

/** Brings digests with the same byte at `depth` together, ascending by it; returns where each of the 256 ranges ends. */
function swapIntoRanges({ digests, words }: Memory, from: number, to: number, depth: number): Uint32Array {
  const byteAt = (position: number): number => digests[position * digestBytes + depth] ?? 0;
  const ends = new Uint32Array(256);
  for (let position = from; position < to; position++) {
    const byte = byteAt(position);
    ends[byte] = (ends[byte] ?? 0) + 1;
  }
  /** Where the next digest of each range goes. */
  const next = new Uint32Array(256);
  for (let byte = 0, start = from; byte < 256; byte++) {
    next[byte] = start;
    start += ends[byte] ?? 0;
    ends[byte] = start;
  }
  for (let byte = 0; byte < 256; byte++) {
    const end = ends[byte] ?? 0;
    for (let position = next[byte] ?? 0; position < end; ) {
      const other = byteAt(position);
      const place = next[other] ?? 0;
      next[other] = place + 1;
      // A digest that is where it belongs stays; another is exchanged for one whose turn it is here next.
      if (other === byte) position++;
      else swap(words, position, place);
    }
  }
  return ends;
}

function swap(words: Uint32Array, one: number, other: number): void {
  let a = one * digestWords;
  let b = other * digestWords;
  for (let word = 0; word < digestWords; word++, a++, b++) {
    const kept = words[a] ?? 0;
    words[a] = words[b] ?? 0;
    words[b] = kept;
  }
}

function sortFew({ digests, words }: Memory, from: number, to: number): void {
  for (let sorted = from + 1; sorted < to; sorted++) {
    for (let position = sorted; position > from; position--) {
      if (compare(digests, position - 1, position) <= 0) break;
      swap(words, position - 1, position);
    }
  }
}

function compare(digests: Uint8Array, one: number, other: number): number {
  const a = one * digestBytes;
  const b = other * digestBytes;
  for (let index = 0; index < digestBytes; index++) {
    const difference = (digests[a + index] ?? 0) - (digests[b + index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
