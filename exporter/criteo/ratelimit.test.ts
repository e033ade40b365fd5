import { expect, test } from 'vitest';
import { fakeClock, never } from '../testkit.ts';
import type { HttpReply } from './exchange.ts';
import { RateLimit } from './ratelimit.ts';

const seconds = (clock: { now(): number }, after: number): string =>
  String(Math.floor(clock.now() / 1000) + after);
const reply = (status: number, headers: HttpReply['headers'] = {}): HttpReply => ({
  status,
  headers,
  json: {},
});

test('a 429 waits until the reset that it names', async () => {
  const clock = fakeClock(0);
  const limit = new RateLimit(60_000, clock, never);
  expect(limit.observe(reply(429, { 'x-ratelimit-reset': seconds(clock, 20) }))).toBe(true);
  await limit.ready();
  expect(clock.slept).toEqual([20_000]);
  expect(limit.waitedMs).toBe(20_000);
});

test('the last call of a window makes the next one wait, before it is refused', async () => {
  const clock = fakeClock(0);
  const limit = new RateLimit(60_000, clock, never);
  const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': seconds(clock, 5) };
  expect(limit.observe(reply(200, headers))).toBe(false);
  await limit.ready();
  limit.observe(reply(200, { ...headers, 'x-ratelimit-remaining': '1' }));
  await limit.ready();
  expect(clock.slept).toEqual([5_000]);
});

test('the reset is read on Criteo\u2019s clock: a pod whose own is minutes off waits no longer', async () => {
  const clock = fakeClock(0);
  const limit = new RateLimit(60_000, clock, never);
  const theirs = clock.now() + 600_000;
  const headers = { date: new Date(theirs).toUTCString(), 'x-ratelimit-reset': String(theirs / 1000 + 7) };
  limit.observe(reply(429, headers));
  await limit.ready();
  expect(clock.slept).toEqual([7_000]);
});

test.each([
  ['no header', {}, [1000, 2000, 4000]],
  ['a reset that has passed', { 'x-ratelimit-reset': '1' }, [1000, 1000, 1000]],
  ['no number', { 'x-ratelimit-reset': 'soon' }, [1000, 2000, 4000]],
])('with %s it waits from a second on', async (_, headers, waits) => {
  const clock = fakeClock(0);
  const limit = new RateLimit(60_000, clock, never);
  for (const _each of waits) {
    limit.observe(reply(429, headers));
    await limit.ready();
  }
  expect(clock.slept).toEqual(waits);
});

test('a wait that is longer than the run may still wait ends it as throttled, without waiting', async () => {
  const clock = fakeClock(0);
  const limit = new RateLimit(30_000, clock, never);
  limit.observe(reply(429, { 'x-ratelimit-reset': seconds(clock, 50) }));
  await expect(limit.ready()).rejects.toMatchObject({ reason: 'CriteoThrottled' });
  expect(clock.slept).toEqual([]);
});

test('a reset in an absurd future is not believed', async () => {
  const clock = fakeClock(0);
  const limit = new RateLimit(600_000, clock, never);
  limit.observe(reply(429, { 'x-ratelimit-reset': seconds(clock, 86_400) }));
  await limit.ready();
  expect(clock.slept).toEqual([90_000]);
});
