import { describe, expect, test } from 'vitest';
import { formatTime, parseTime } from '../../api/time.ts';
import { canFire, nextFiring, parseCron } from './cron.ts';

/** Against Kubernetes' own library: test/integration/schedule/nextrun.test.ts. */

function next(cron: string, after: string, timeZone = 'Etc/UTC'): string | undefined {
  const parsed = parseCron(cron);
  if (parsed.kind !== 'Calendar') throw new Error('a period has no calendar');
  const at = nextFiring(parsed, timeZone, parseTime(after) ?? 0);
  return at === undefined ? undefined : formatTime(at);
}

describe('the next time', () => {
  test.each([
    ['of each day', '0 4 * * *', '2026-11-22T04:00:00Z', '2026-11-23T04:00:00Z'],
    ['a moment before', '0 4 * * *', '2026-11-22T03:59:59Z', '2026-11-22T04:00:00Z'],
    ['by name', '0 4 * jan MON', '2026-11-22T04:00:00Z', '2027-01-04T04:00:00Z'],
    ['of either day, where both are limited', '0 4 13 * fri', '2026-11-10T00:00:00Z', '2026-11-13T04:00:00Z'],
    ['of the day of the week', '0 4 13 * fri', '2026-11-13T05:00:00Z', '2026-11-20T04:00:00Z'],
    ['of both days, where one is any', '0 4 ? * 1', '2026-11-22T00:00:00Z', '2026-11-23T04:00:00Z'],
    ['by steps', '5/15 * * * *', '2026-11-22T04:50:00Z', '2026-11-22T05:05:00Z'],
    ['of a leap day', '0 0 29 2 *', '2026-11-22T04:00:00Z', '2028-02-29T00:00:00Z'],
    ['@monthly', '@monthly', '2026-11-22T04:00:00Z', '2026-12-01T00:00:00Z'],
  ])('%s', (_, cron, after, expected) => {
    expect(next(cron, after)).toBe(expected);
  });

  test.each([
    ['by the zone', '0 4 * * *', '2026-11-22T04:00:00Z', '2026-11-23T03:00:00Z'],
    ['an hour that is left out is no run', '30 2 * * *', '2026-03-28T12:00:00Z', '2026-03-30T00:30:00Z'],
    ['an hour that comes twice', '30 2 * * *', '2026-10-24T12:00:00Z', '2026-10-25T00:30:00Z'],
    ['is two runs', '30 2 * * *', '2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z'],
  ])('in Oslo: %s', (_, cron, after, expected) => {
    expect(next(cron, after, 'Europe/Oslo')).toBe(expected);
  });

  test('never, where no month has the day', () => {
    expect(next('0 0 30 2 *', '2026-11-22T04:00:00Z')).toBeUndefined();
  });
});

test.each([
  ['0 0 30 2 *', false],
  ['0 0 31 4,6,9,11 *', false],
  ['0 0 29 2 *', true],
  ['0 0 31 * *', true],
  ['0 0 30 2 mon', true],
])('whether %s can fire at all: %s', (cron, expected) => {
  const parsed = parseCron(cron);
  expect(parsed.kind === 'Calendar' && canFire(parsed)).toBe(expected);
});

test.each([
  ['@every 6h', 21_600_000],
  ['@every 1h30m10.9s', 5_410_000],
  ['@every 10ms', 1000],
])('%s is a period in milliseconds', (cron, periodMs) => {
  expect(parseCron(cron)).toEqual({ kind: 'Every', periodMs });
});

test.each(['0 4 * *', '61 * * * *', '5-3 * * * *', 'x * * * *', '*/0 * * * *'])('%s is refused', (cron) => {
  expect(() => parseCron(cron)).toThrow();
});
