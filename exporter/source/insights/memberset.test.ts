import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fewMembers, MemberSet } from './memberset.ts';

const md5 = (name: string): string => createHash('md5').update(name).digest('hex');
const id = fc.oneof(
  fc.integer({ min: 0, max: 50 }).map((n) => md5(`${n}`)),
  fc.integer({ min: 0, max: 50 }).map((n) => n.toString(16).padStart(32, '0')),
  fc.uuid(),
  fc.string({ minLength: 1, maxLength: 4 }),
);

test('it knows who is in which segments, and who was met', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.array(fc.tuple(id, fc.nat(49)), { maxLength: 300 }),
      (segments, pairs) => {
        const set = new MemberSet(segments, 300);
        const expected = new Map<string, Set<number>>();
        for (const [each, number] of pairs) {
          const segment = number % segments;
          set.add(each, segment);
          expected.set(each, (expected.get(each) ?? new Set()).add(segment));
        }
        expect(set.size).toBe(expected.size);
        for (const [each, of] of expected) {
          const index = set.find(each);
          for (let segment = 0; segment < segments; segment++) {
            expect(set.isIn(index, segment)).toBe(of.has(segment));
          }
          expect(set.isMet(index)).toBe(false);
          set.meet(index);
          expect(set.isMet(index)).toBe(true);
        }
        expect(set.find('somebody else')).toBe(-1);
      },
    ),
  );
});

test('thousands are found again as it grows', () => {
  const set = new MemberSet(3, 30_000);
  for (let n = 0; n < 30_000; n++) set.add(md5(`${n}`), n % 3);
  for (let n = 0; n < 30_000; n++) expect(set.isIn(set.find(md5(`${n}`)), n % 3)).toBe(true);
  expect(set.find(md5('30000'))).toBe(-1);
});

test('letters of hexadecimal digits and hyphens of GUIDs do not matter, those of other ids do', () => {
  const set = new MemberSet(1);
  set.add('CE759201F786D590BF2134BFF576C369', 0);
  expect(set.find('ce759201-f786-d590-bf21-34bff576c369')).toBe(0);
  set.add('Abc', 0);
  expect(set.find('abc')).toBe(-1);
});

test('ids are kept as they came as long as they are few', () => {
  const set = new MemberSet(1);
  for (let n = 0; n < fewMembers; n++) set.add(`${n}`, 0);
  expect(set.texts).toHaveLength(fewMembers);
  set.add('0', 0);
  expect(set.texts?.slice(0, 2)).toEqual(['0', '1']);
  set.add('one more', 0);
  expect(set.texts).toBeUndefined();
});

test('more than it may hold are more than a run may send', () => {
  const set = new MemberSet(1, 2);
  for (const each of ['a', 'b', 'a']) set.add(each, 0);
  expect(() => set.add('c', 0)).toThrow('TooManyProfiles');
});
