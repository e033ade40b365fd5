import { expect, test } from 'vitest';
import { describeChanges, differencesOf } from './changes.ts';

test('one update among resources that stay the same', () => {
  const expected = { update: 1, same: 'some' } as const;
  expect(differencesOf({ update: 1, same: 40 }, expected)).toEqual([]);
  expect(differencesOf({ update: 2, same: 39 }, expected)).toEqual(['2 update, and there should be 1']);
  expect(differencesOf({ same: 41 }, expected)).toEqual(['0 update, and there should be 1']);
});

test('an operation that nobody expects is a difference, and so is nothing at all', () => {
  expect(differencesOf({ same: 40, replace: 1 }, { same: 'some' })).toEqual([
    '1 replace, and there should be none',
  ]);
  expect(differencesOf({}, { same: 'some' })).toEqual(['0 same, and there should be some']);
  expect(differencesOf({ same: 4, update: 0 }, { same: 'some' })).toEqual([]);
});

test('a line for people', () => {
  expect(describeChanges({ update: 1, same: 40, delete: 0 })).toBe('1 update, 40 same');
  expect(describeChanges({})).toBe('nothing');
});
