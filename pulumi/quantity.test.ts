import { expect, test } from 'vitest';
import { billionthsOf } from './quantity.ts';

test.each([
  ['500m', '0.5'],
  ['1Gi', '1073741824'],
  ['1.5Ki', '1536'],
  ['1e3', '1000'],
  ['1E3', '1000'],
  ['1k', '1e3'],
  ['.5', '500000u'],
  ['-1', '-1000m'],
  ['E', '0'],
])('%s is as much as %s', (one, other) => {
  expect(billionthsOf(one)).toBeDefined();
  expect(billionthsOf(one)).toBe(billionthsOf(other));
});

test.each(['', 'much', '1 Gi', '1GB', '1e', '0x1', '1.2.3'])('"%s" is no quantity', (text) => {
  expect(billionthsOf(text)).toBeUndefined();
});

test('what is more is more, however it is written', () => {
  const sizes = [
    '1n',
    '1u',
    '1m',
    '1',
    '1k',
    '1Ki',
    '1M',
    '1Mi',
    '1G',
    '1Gi',
    '1T',
    '1Ti',
    '1P',
    '1Pi',
    '1E',
    '1Ei',
  ];
  const amounts = sizes.map((size) => billionthsOf(size) ?? 0n);
  expect(amounts.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(amounts);
  expect(new Set(amounts).size).toBe(sizes.length);
});
