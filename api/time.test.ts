import { expect, test } from 'vitest';
import { formatTime, parseTime } from './time.ts';

test.each([
  ['2026-11-22T04:00:00Z', 1_795_320_000_000],
  ['2026-11-22T04:00:00.25Z', 1_795_320_000_250],
  ['2026-11-22t05:00:00+01:00', 1_795_320_000_000],
])('%s is a time', (text, milliseconds) => {
  expect(parseTime(text)).toBe(milliseconds);
});

test.each([
  undefined,
  '',
  'now',
  '2026-11-22',
  '2026-11-22T04:00:00',
  '2026-13-22T04:00:00Z',
  '1795320000',
  ' 2026-11-22T04:00:00Z',
])('%s is none', (text) => {
  expect(parseTime(text)).toBeUndefined();
});

test('times are written as Kubernetes writes them', () => {
  expect(formatTime(1_795_320_000_999)).toBe('2026-11-22T04:00:00Z');
});
