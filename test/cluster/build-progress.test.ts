import { expect, test } from 'vitest';
import { duration, progressBar, progressLine } from './build-progress.ts';

test('tells the share, the time so far and, once it can be told, the rest', () => {
  expect(progressLine({ compiled: 400, total: 1600, elapsedSeconds: 130 })).toBe(
    '  400 of 1600 packages (25 %), 2 min 10 s so far, about 7 min to go',
  );
  expect(progressLine({ compiled: 3, total: 1600, elapsedSeconds: 9 })).toBe(
    '  3 of 1600 packages (0 %), 9 s so far',
  );
});

test('never tells more than all of it', () => {
  expect(progressLine({ compiled: 1700, total: 1600, elapsedSeconds: 60 })).toContain('(100 %)');
  expect(progressLine({ compiled: 0, total: 0, elapsedSeconds: 0 })).toContain('(0 %)');
});

test('a bar never wraps in a narrow terminal', () => {
  expect(progressBar({ compiled: 800, total: 1600, elapsedSeconds: 60 }, 200)).toContain(
    '[############............]',
  );
  expect(progressBar({ compiled: 800, total: 1600, elapsedSeconds: 60 }, 40)).toHaveLength(39);
});

test('writes durations as people do', () => {
  expect([0, 59.4, 60, 3725].map(duration)).toEqual(['0 s', '59 s', '1 min 0 s', '62 min 5 s']);
});
