import { digestBytes } from '../identity/digest.ts';

/**
 * Sets of digests as sorted bytes: 32 a digest, ascending, each once. A million
 * take 32 MB, and two of them are compared in one walk. Results share memory with
 * an argument where they are equal to it, so nobody changes a set.
 */
export type Digests = Uint8Array;

export const none: Digests = new Uint8Array(0);

export function sizeOf(set: Digests): number {
  return set.length / digestBytes;
}

export function union(a: Digests, b: Digests): Digests {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  return combine(a, b, { onlyA: true, both: true, onlyB: true });
}

/** What is in `a` and not in `b`. */
export function difference(a: Digests, b: Digests): Digests {
  if (a.length === 0 || b.length === 0) return a;
  // The unchanged run, which is most runs: a million compared natively take 9 ms, walked along 180.
  if (Buffer.compare(a, b) === 0) return none;
  return combine(a, b, { onlyA: true, both: false, onlyB: false });
}

export function intersection(a: Digests, b: Digests): Digests {
  if (a.length === 0 || b.length === 0) return none;
  return combine(a, b, { onlyA: false, both: true, onlyB: false });
}

interface Wanted {
  onlyA: boolean;
  both: boolean;
  onlyB: boolean;
}

function combine(a: Digests, b: Digests, wanted: Wanted): Digests {
  // Counted first: memory for the largest possible result would be twice what a small pod has.
  const count = walk(a, b, wanted, undefined);
  // All of `a` and nothing else: a union is at least `a`, a difference at most.
  if (wanted.onlyA && count === sizeOf(a)) return a;
  if (count === 0) return none;
  const result = new Uint8Array(count * digestBytes);
  walk(a, b, wanted, result);
  return result;
}

/** Writes what is wanted into `into`, where it is given; returns how many that are. */
function walk(a: Digests, b: Digests, wanted: Wanted, into: Uint8Array | undefined): number {
  let atA = 0;
  let atB = 0;
  let count = 0;
  const take = (from: Digests, at: number): void => {
    into?.set(from.subarray(at, at + digestBytes), count * digestBytes);
    count++;
  };
  while (atA < a.length && atB < b.length) {
    const order = compareAt(a, atA, b, atB);
    if (order < 0) {
      if (wanted.onlyA) take(a, atA);
      atA += digestBytes;
    } else if (order > 0) {
      if (wanted.onlyB) take(b, atB);
      atB += digestBytes;
    } else {
      if (wanted.both) take(a, atA);
      atA += digestBytes;
      atB += digestBytes;
    }
  }
  if (wanted.onlyA) for (; atA < a.length; atA += digestBytes) take(a, atA);
  if (wanted.onlyB) for (; atB < b.length; atB += digestBytes) take(b, atB);
  return count;
}

function compareAt(a: Uint8Array, atA: number, b: Uint8Array, atB: number): number {
  for (let index = 0; index < digestBytes; index++) {
    const order = (a[atA + index] ?? 0) - (b[atB + index] ?? 0);
    if (order !== 0) return order;
  }
  return 0;
}
