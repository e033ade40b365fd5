import fc from 'fast-check';
import { expect, test } from 'vitest';
import { difference, intersection, sizeOf, union } from './sets.ts';

/** Few enough that sets share many; some differ in their last byte alone. */
const name = fc.integer({ min: 0, max: 40 });
const names = fc.uniqueArray(name, { maxLength: 30 });

function digest(index: number): Buffer {
  const bytes = Buffer.alloc(32, index % 4);
  bytes[31] = index;
  return bytes;
}

function setOf(indexes: Iterable<number>): Uint8Array {
  return Buffer.concat([...indexes].map(digest).sort(Buffer.compare));
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('they are what sets of names are', () => {
  fc.assert(
    fc.property(names, names, (left, right) => {
      const [a, b] = [new Set(left), new Set(right)];
      expect(hex(union(setOf(a), setOf(b)))).toBe(hex(setOf(a.union(b))));
      expect(hex(difference(setOf(a), setOf(b)))).toBe(hex(setOf(a.difference(b))));
      expect(hex(intersection(setOf(a), setOf(b)))).toBe(hex(setOf(a.intersection(b))));
      expect(sizeOf(setOf(a))).toBe(a.size);
    }),
  );
});

test('a result that equals an argument takes no memory of its own', () => {
  const a = setOf([1, 2, 3]);
  expect(difference(a, setOf([4]))).toBe(a);
  expect(union(a, setOf([2]))).toBe(a);
});
