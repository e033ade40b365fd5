import { hash } from 'node:crypto';
import { isAddress, normalise } from './address.ts';

/** Bytes of a SHA-256 digest. */
export const digestBytes = 32;

const sha256Form = /^[0-9a-f]{64}$/;
/** SHA-256 of no text: what a pipeline that hashes whatever it has leaves for people without an address. */
const digestOfNothing = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** What a cell is: the digest was written, there is none, or the content is no address. */
export type Identity = 'valid' | 'empty' | 'invalid';

/**
 * Writes the digest that Criteo knows a person by: SHA-256 of the normalised address.
 * A value that already is one (64 hexadecimal digits of either case) is taken as it
 * is. An MD5 digest is invalid here: it cannot be turned into a SHA-256.
 * @param into where it is written, 32 bytes: a million buffers of their own take as long as the hashing.
 */
export function identify(text: string, into: Buffer): Identity {
  const value = normalise(text);
  if (value === '') return 'empty';
  if (value.length === 2 * digestBytes && sha256Form.test(value)) {
    if (value === digestOfNothing) return 'empty';
    into.write(value, 'hex');
    return 'valid';
  }
  if (!isAddress(value)) return 'invalid';
  // By way of a string: asked for a buffer, the same call takes three times as long.
  into.write(hash('sha256', value, 'binary'), 'latin1');
  return 'valid';
}

/** The same for the first of the cells that identifies someone; else `invalid` where any of them had content. */
export function identifyFirst(candidates: readonly string[], into: Buffer): Identity {
  let without: Identity = 'empty';
  for (const candidate of candidates) {
    const identity = identify(candidate, into);
    if (identity === 'valid') return identity;
    if (identity === 'invalid') without = identity;
  }
  return without;
}
