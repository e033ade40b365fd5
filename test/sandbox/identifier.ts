import { hash } from 'node:crypto';

const hex32 = /^[0-9a-f]{32}$/i;
const hex64 = /^[0-9a-f]{64}$/i;
// Syntax only, as Criteo does it: "jkl@gmail" is not an address.
const address = /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/;
const uuid = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
const phone = /^\+?[0-9]{6,15}$/;
const token = /^\S{1,512}$/;

function email(text: string): string | undefined {
  if (hex64.test(text) || hex32.test(text)) return text.toLowerCase();
  const trimmed = text.trim().toLowerCase();
  return address.test(trimmed) ? hash('sha256', trimmed) : undefined;
}

/**
 * What the sandbox stores for an identifier, or undefined where its syntax is wrong. A plain e-mail address becomes the
 * SHA-256 (hex) of its trimmed lowercase form; a digest stays itself, in lowercase.
 */
export function normalise(identifierType: string, text: string): string | undefined {
  switch (identifierType) {
    case 'email':
      return email(text);
    case 'madid':
      return uuid.test(text) ? text.toLowerCase() : undefined;
    case 'phoneNumber':
      if (hex64.test(text)) return text.toLowerCase();
      return phone.test(text) ? hash('sha256', text) : undefined;
    default:
      return token.test(text) ? text : undefined;
  }
}

export type Sorted = { valid: string[]; invalidCount: number; invalidSample: string[] };

const sampleSize = 10;

/** Normalises a call's identifiers; duplicates count each time. */
export function normaliseAll(identifierType: string, identifiers: string[]): Sorted {
  const sorted: Sorted = { valid: [], invalidCount: 0, invalidSample: [] };
  for (const text of identifiers) {
    const member = normalise(identifierType, text);
    if (member !== undefined) sorted.valid.push(member);
    else {
      sorted.invalidCount += 1;
      if (sorted.invalidSample.length < sampleSize) sorted.invalidSample.push(text);
    }
  }
  return sorted;
}
