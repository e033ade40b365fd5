import { expect, test } from 'vitest';
import { Backoff, delayAfter } from './backoff.ts';

test('doubles up to its cap, and begins anew after a reset', () => {
  const backoff = new Backoff({ baseMs: 100, maxMs: 500, random: () => 1 });
  expect([1, 2, 3, 4, 5].map(() => backoff.next())).toEqual([100, 200, 400, 500, 500]);
  backoff.reset();
  expect(backoff.next()).toBe(100);
});

test('half of a delay is random', () => {
  const at = (random: number) => delayAfter(3, { baseMs: 100, maxMs: 10_000, random: () => random });
  expect([at(0), at(0.5), at(1)]).toEqual([400, 600, 800]);
});

test('ten thousand failures are no overflow', () => {
  expect(delayAfter(10_000, { baseMs: 100, maxMs: 500, random: () => 1 })).toBe(500);
});
