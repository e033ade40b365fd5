import { hash } from 'node:crypto';
import { Fault } from '../fault.ts';
import { digestBytes } from '../identity/digest.ts';
import { type Entry, emptySet, type SetRef } from './head.ts';

/** The reference to a set that is stored under the name. */
export function refTo(name: string, digests: Uint8Array): SetRef {
  if (!isAscending(digests)) throw new TypeError('the digests are not a sorted set');
  if (digests.length === 0) return emptySet;
  return { name, count: digests.length / digestBytes, sha256: hash('sha256', digests) };
}

/**
 * Checks that the bytes are the set that the reference means.
 * @throws Fault LedgerDamaged.
 */
export function verify(digests: Uint8Array, ref: SetRef): void {
  const isIt =
    digests.length === ref.count * digestBytes &&
    hash('sha256', digests) === ref.sha256 &&
    isAscending(digests);
  if (!isIt) throw new Fault('LedgerDamaged');
}

/** Whether the digests are whole, in order, and each once: sets are compared by walking along them. */
function isAscending(digests: Uint8Array): boolean {
  if (digests.length % digestBytes !== 0) return false;
  const view = new DataView(digests.buffer, digests.byteOffset, digests.byteLength);
  for (let at = digestBytes; at < digests.length; at += digestBytes) {
    const difference = view.getUint32(at) - view.getUint32(at - digestBytes);
    if (difference > 0) continue;
    // Of a million random digests some hundred pairs share their first 32 bits.
    const before = digests.subarray(at - digestBytes, at);
    if (difference < 0 || Buffer.compare(before, digests.subarray(at, at + digestBytes)) >= 0) return false;
  }
  return true;
}

/** Every set that an entry refers to, the empty one left out. */
export function refsOf({ held, intent, recent, echoes }: Entry): SetRef[] {
  return [
    held,
    ...(intent ? [intent.adds, intent.removes] : []),
    ...recent.flatMap(({ adds, removes }) => [adds, removes]),
    ...echoes.map(({ digests }) => digests),
  ].filter(({ count }) => count > 0);
}
