import { expect, test } from 'vitest';
import { FakeClock } from './fakeclock.ts';
import { BucketRateLimiter, defaultRateLimiter } from './ratelimit.ts';

test('a key that fails waits longer and longer, five minutes at most; another key does not', () => {
  const limiter = defaultRateLimiter({ clock: new FakeClock(), random: () => 1 });
  const waits = Array.from({ length: 14 }, () => limiter.when('a'));
  expect(waits.slice(0, 3)).toEqual([200, 400, 800]);
  expect(waits.at(-1)).toBe(300_000);
  expect(limiter.when('b')).toBe(200);
  limiter.forget('a');
  expect(limiter.when('a')).toBe(200);
});

test('many keys that fail at once are spread', () => {
  const limiter = defaultRateLimiter({ clock: new FakeClock(), random: () => 1, qps: 10, burst: 100 });
  const waits = Array.from({ length: 200 }, (_, key) => limiter.when(String(key)));
  expect(waits[99]).toBe(200);
  expect(waits[199]).toBe(10_000);
});

test('a bucket fills up again, to its burst and no more', async () => {
  const clock = new FakeClock();
  const bucket = new BucketRateLimiter(1, 2, clock);
  expect([bucket.allow(), bucket.allow(), bucket.allow()]).toEqual([true, true, false]);
  await clock.advance(60_000);
  expect([bucket.allow(), bucket.allow(), bucket.allow()]).toEqual([true, true, false]);
});
