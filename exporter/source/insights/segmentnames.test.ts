import { expect, test } from 'vitest';
import { searchTexts, segmentNames } from './segmentnames.ts';

test.each<[unknown, readonly string[] | undefined]>([
  ['{"Segments":["A","B"]}', ['A', 'B']],
  ['["A"]', ['A']],
  ['{"Segments":[]}', []],
  [null, []],
  [undefined, []],
  ['', []],
  ['{"segments":["A"]}', undefined],
  ['{"Segments":"A"}', undefined],
  ['["A",1]', undefined],
  ['"A"', undefined],
  ['A', undefined],
  [['A'], undefined],
])('%j names %j', (text, names) => {
  expect(segmentNames(text)).toEqual(names);
});

test.each<[string, string[]]>([
  ['Male_under_40', ['"Male_under_40"', '\\"Male_under_40\\"', 'Male_under_40']],
  ['[A] late', [' late"', ' late\\"', ' late']],
  ['early [A]', ['"early ', '\\"early ', 'early ']],
  ['a"long part"b', ['long part']],
  ['Ü', []],
  ['', []],
])('%s is sought by what is sure to be in its rows: %j', (name, texts) => {
  expect(searchTexts(name)).toEqual(texts);
});
