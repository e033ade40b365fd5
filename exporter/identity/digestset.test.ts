import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DigestSet } from './digestset.ts';

const digest = fc.uint8Array({ minLength: 32, maxLength: 32 });
/** Digests that start alike: SHA-256 does not make them, a file of made-up digests may. */
const alike = fc
  .tuple(fc.constantFrom(0, 1, 255), fc.constantFrom(0, 128, 255))
  .map(([first, last]) => new Uint8Array(32).fill(first, 0, 31).fill(last, 31));

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('it is a set, and comes out sorted', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(digest, alike), { maxLength: 200 }), (digests) => {
      const set = new DigestSet(200);
      const expected = new Set<string>();
      for (const each of digests) {
        expect(set.add(each)).toBe(!expected.has(hex(each)));
        expected.add(hex(each));
      }
      expect(set.size).toBe(expected.size);
      expect(hex(set.drain())).toBe([...expected].sort().join(''));
      expect(set.size).toBe(0);
      for (const each of digests.slice(0, 1)) expect(set.add(each)).toBe(true);
    }),
  );
});

test('it holds more than it began with, and each only once', () => {
  const set = new DigestSet(5000);
  const all = Array.from({ length: 5000 }, (_, index) => createHash('sha256').update(`${index}`).digest());
  for (const each of [...all, ...all]) set.add(each);
  expect(set.size).toBe(5000);
  expect(hex(set.drain())).toBe(all.map(hex).sort().join(''));
});

test('what was drained stays as it is when the set is used again', () => {
  const set = new DigestSet(10);
  set.add(new Uint8Array(32).fill(2));
  set.add(new Uint8Array(32).fill(1));
  const drained = set.drain();
  set.add(new Uint8Array(32).fill(3));
  expect(hex(drained)).toBe('01'.repeat(32) + '02'.repeat(32));
});

test('many digests that start alike are sorted too', () => {
  const set = new DigestSet(3000);
  const all = Array.from({ length: 3000 }, (_, index) => {
    const each = Buffer.alloc(32, 0xab);
    each.writeUInt16BE((index * 7919) % 65_536, 29);
    return each;
  });
  for (const each of all) set.add(each);
  expect(hex(set.drain())).toBe(all.map(hex).sort().join(''));
});

test('one that is full takes what it has, and refuses what is new', () => {
  const set = new DigestSet(1);
  set.add(new Uint8Array(32));
  expect(set.add(new Uint8Array(32))).toBe(false);
  expect(() => set.add(new Uint8Array(32).fill(1))).toThrow(RangeError);
});
