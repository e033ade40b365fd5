import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { refsOf, refTo, verify } from './digests.ts';
import { emptySet } from './head.ts';
import { digestsOf, entryOf } from './testkit.ts';

const damaged = expect.objectContaining({ reason: 'LedgerDamaged' });

describe('verify', () => {
  const digests = digestsOf(50);
  const ref = refTo('a', digests);

  test('takes the set that was stored', () => {
    expect(ref).toMatchObject({ name: 'a', count: 50 });
    expect(() => verify(digests, ref)).not.toThrow();
  });

  test.each([
    ['one that was cut off', digests.subarray(0, 49 * 32)],
    ['one that was cut within a digest', digests.subarray(0, digests.length - 1)],
    ['an empty one', Buffer.alloc(0)],
    ['another of the same length', digestsOf(50, 'other')],
  ])('refuses %s', (_what, bytes) => {
    expect(() => verify(bytes, ref)).toThrow(damaged);
  });

  test('finds any byte that is another', () => {
    fc.assert(
      fc.property(fc.nat({ max: digests.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = Buffer.from(digests);
        changed[at] = (changed[at] ?? 0) ^ by;
        expect(() => verify(changed, ref)).toThrow(damaged);
      }),
    );
  });
});

describe('refTo', () => {
  const digest = (first: number, last: number): Buffer => Buffer.alloc(32).fill(first, 0, 31).fill(last, 31);

  test('takes digests that differ in their last byte alone', () => {
    expect(refTo('a', Buffer.concat([digest(1, 1), digest(1, 2), digest(2, 0)])).count).toBe(3);
    expect(refTo('a', Buffer.alloc(0))).toBe(emptySet);
  });

  test.each([
    ['the same one twice', [digest(1, 1), digest(1, 1)]],
    ['a greater one first', [digest(2, 0), digest(1, 0)]],
    ['a greater one first, by the last byte alone', [digest(1, 2), digest(1, 1)]],
    ['half a digest', [digest(1, 1), Buffer.alloc(16, 2)]],
  ])('refuses %s: it would be read as damaged for ever', (_what, digests) => {
    expect(() => refTo('a', Buffer.concat(digests))).toThrow(TypeError);
  });
});

test('refsOf finds every set of an entry, or a sweep would remove one that is needed', () => {
  const ref = (name: string) => ({ name, count: 1, sha256: '0'.repeat(64) });
  const entry = entryOf('a', ref('held'), {
    intent: { adds: ref('intent-adds'), removes: ref('intent-removes') },
    recent: [{ at: 0, adds: ref('recent-adds'), removes: ref('recent-removes') }],
    echoes: [{ due: 0, digests: ref('echo') }],
  });
  const names = JSON.stringify(entry).match(/"name":"[a-z-]+","count"/g);
  expect(refsOf(entry).map(({ name }) => name)).toHaveLength(names?.length ?? -1);
  expect(refsOf(entryOf('a', emptySet))).toEqual([]);
});
