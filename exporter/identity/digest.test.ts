import { hash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Identity, identify, identifyFirst } from './digest.ts';

const userDigest = 'b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514';
/** The digest as text, or why there is none. */
function shown(identity: (into: Buffer) => Identity): string {
  const digest = Buffer.alloc(32);
  const kind = identity(digest);
  return kind === 'valid' ? digest.toString('hex') : kind;
}
const identified = (text: string): string => shown((into) => identify(text, into));

test.each([
  ['user@example.com', userDigest],
  ['\t USER@Example.com\u00a0', userDigest],
  [userDigest, userDigest],
  [` ${userDigest.toUpperCase()} `, userDigest],
  ['', 'empty'],
  [' \u00a0\ufeff', 'empty'],
  [hash('sha256', ''), 'empty'],
  ['none', 'invalid'],
  ['b58996c504c5638798eb6b511e6f49af', 'invalid'],
  [`${userDigest}0`, 'invalid'],
])('%j is %s', (text, expected) => expect(identified(text)).toBe(expected));

test('every address has the digest that any other program computes', () => {
  fc.assert(
    fc.property(fc.emailAddress(), (address) => {
      const identity = identified(address);
      if (identity !== 'invalid') expect(identity).toBe(hash('sha256', address.toLowerCase()));
    }),
  );
});

test.each([
  [['user@example.com', 'other@example.com'], userDigest],
  [['', 'user@example.com'], userDigest],
  [['not one', 'user@example.com'], userDigest],
  [['', 'not one', ''], 'invalid'],
  [['', ' '], 'empty'],
])('of the cells %j the first that identifies someone counts', (cells, expected) =>
  expect(shown((into) => identifyFirst(cells, into))).toBe(expected),
);
