import { hash } from 'node:crypto';
import { isAddress, normalise } from './address.ts';

/** Bytes of a SHA-256 digest. */
export const digestBytes = 32;

const sha256Form = /^[0-9a-f]{64}$/;
/** SHA-256 of no text: what a pipeline that hashes whatever it has leaves for people without an address. */
const digestOfNothing = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/**
 * The digest that Criteo knows a person by: SHA-256 of the normalised address. A
 * value that already is one (64 hexadecimal digits of either case) is taken as it
 * is. An MD5 digest is invalid here: it cannot be turned into a SHA-256.
 */
export function identify(text: string): Buffer | 'empty' | 'invalid' {
  const value = normalise(text);
  if (value === '') return 'empty';
  if (sha256Form.test(value)) return value === digestOfNothing ? 'empty' : Buffer.from(value, 'hex');
  return isAddress(value) ? sha256(value) : 'invalid';
}

function sha256(text: string): Buffer {
  // By way of a string: a million digests made as buffers of their own take three times as long.
  return Buffer.from(hash('sha256', text, 'binary'), 'binary');
}

/** The first of the cells that identifies someone; else `invalid` where any of them had content. */
export function identifyFirst(candidates: readonly string[]): Buffer | 'empty' | 'invalid' {
  let without: 'empty' | 'invalid' = 'empty';
  for (const candidate of candidates) {
    const identity = identify(candidate);
    if (typeof identity !== 'string') return identity;
    if (identity === 'invalid') without = 'invalid';
  }
  return without;
}
