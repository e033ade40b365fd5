import { hash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { identify, identifyFirst } from './digest.ts';

const userDigest = 'b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514';
const shown = (identity: Buffer | string): string =>
  typeof identity === 'string' ? identity : identity.toString('hex');

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
])('%j is %s', (text, expected) => expect(shown(identify(text))).toBe(expected));

test('every address has the digest that any other program computes', () => {
  fc.assert(
    fc.property(fc.emailAddress(), (address) => {
      const identity = identify(address);
      if (identity !== 'invalid') expect(shown(identity)).toBe(hash('sha256', address.toLowerCase()));
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
  expect(shown(identifyFirst(cells))).toBe(expected),
);
