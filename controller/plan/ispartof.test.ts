import { expect, test } from 'vitest';
import { isPartOf } from './ispartof.ts';

test.each<[string, unknown, unknown, boolean]>([
  ['the same', { a: 1 }, { a: 1 }, true],
  ['what others added', { a: { b: 1 } }, { a: { b: 1, c: 2 }, d: 3 }, true],
  ['another value', { a: 1 }, { a: 2 }, false],
  ['a missing field', { a: 1 }, {}, false],
  ['a field of which nothing is wanted', { a: undefined }, {}, true],
  ['a longer list', { a: [1] }, { a: [1, 2] }, false],
  ['items of a list with more fields', { a: [{ b: 1 }] }, { a: [{ b: 1, c: 2 }] }, true],
  ['a list in the place of an object', { a: {} }, { a: null }, false],
])('%s', (_, wanted, observed, expected) => {
  expect(isPartOf(wanted, observed)).toBe(expected);
});
