import { describe, expect, test } from 'vitest';
import type { TableFormat } from '../../../api/rundocument.ts';
import { isPassedOver, tableName, within } from './filenames.ts';

describe('tableName', () => {
  test.each([
    ['gold.csv', 'CSV', 'gold'],
    ['gold.v2.CSV.GZ', 'CSV', 'gold.v2'],
    ['gold.tsv', 'CSV', 'gold'],
    ['gold.txt.zst', 'CSV', 'gold'],
    ['gold.ndjson', 'NDJSON', 'gold'],
    ['gold.jsonl.gz', 'NDJSON', 'gold'],
    ['gold.json', 'NDJSON', 'gold'],
    ['part-0000.snappy.parquet', 'Parquet', 'part-0000.snappy'],
    ['gold.parquet.gz', 'Parquet', undefined],
    ['gold.csv', 'NDJSON', undefined],
    ['gold.csv.bz2', 'CSV', undefined],
    ['goldcsv', 'CSV', undefined],
    ['.csv', 'CSV', undefined],
    ['gold.crc', 'CSV', undefined],
  ] as [string, TableFormat, string | undefined][])('%s as %s is of %s', (name, format, stem) => {
    expect(tableName(name, format)?.stem).toBe(stem);
  });

  test('what is not compressed comes first, then gzip', () => {
    const names = ['a.txt.zst', 'a.csv.zst', 'a.csv.gz', 'a.txt', 'a.csv'];
    const ranks = names.map((name) => tableName(name, 'CSV')?.rank ?? 0);
    expect(ranks.toSorted((one, other) => other - one)).toEqual(ranks);
  });

  test('tells the name of what is not compressed', () => {
    expect(tableName('a.csv.gz', 'CSV')?.plain).toBe('a.csv');
    expect(tableName('a.csv', 'CSV')?.plain).toBe('a.csv');
  });
});

test.each([
  '.hidden.csv',
  '_SUCCESS',
  '_temporary',
  'a.csv.tmp',
  'a.CSV.PART',
  'a.partial',
  'a.inprogress',
  'a.crdownload',
])('%s is passed over', (name) => {
  expect(isPassedOver(name)).toBe(true);
});

test.each(['a.csv', 'a_b.csv', 'part', 'tmp.csv'])('%s is not passed over', (name) => {
  expect(isPassedOver(name)).toBe(false);
});

test('a path within a directory has one slash', () => {
  expect(['', 'a', 'a/'].map((directory) => within(directory, 'b'))).toEqual(['b', 'a/b', 'a/b']);
});
