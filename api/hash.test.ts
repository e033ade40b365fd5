import { expect, test } from 'vitest';
import { canonicalJson, shortHash } from './hash.ts';

test('the order of keys makes no difference, that of items does', () => {
  expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: null })).toBe('{"a":null,"b":[{"c":2,"d":1}]}');
  expect(shortHash({ a: 1, b: 2 })).toBe(shortHash({ b: 2, a: 1 }));
  expect(shortHash([1, 2])).not.toBe(shortHash([2, 1]));
});

test('a field that is not set is none', () => {
  expect(shortHash({ a: 1, b: undefined })).toBe(shortHash({ a: 1 }));
});

test('a hash has the length that is asked for', () => {
  expect(shortHash('x', 16)).toMatch(/^[0-9a-f]{16}$/);
});
