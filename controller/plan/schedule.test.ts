import { expect, test } from 'vitest';
import { jitterMs, scheduleStatus } from './schedule.ts';
import { at, segmentExport, timeAt } from './testkit/objects.ts';

const daily = segmentExport({ spec: { schedule: scheduleOf('0 4 * * *') } });
const before = scheduleStatus(daily, false, undefined, at(0));

function scheduleOf(cron: string, jitterSeconds = 0) {
  return { cron, timeZone: 'Etc/UTC', jitterSeconds, startingDeadlineSeconds: 3600 };
}

test('a schedule holds since it was first seen', () => {
  expect(before).toEqual({ hash: expect.any(String), effectiveSince: timeAt(0), suspended: false });
});

test.each([
  ['nothing was changed', daily, false, timeAt(0), undefined],
  [
    'the jitter alone was changed',
    segmentExport({ spec: { schedule: scheduleOf('0 4 * * *', 60) } }),
    false,
    timeAt(0),
    undefined,
  ],
  [
    'the time was changed',
    segmentExport({ spec: { schedule: scheduleOf('0 5 * * *') } }),
    false,
    timeAt(90),
    undefined,
  ],
  [
    'the time zone was changed',
    segmentExport({ spec: { schedule: { ...scheduleOf('0 4 * * *'), timeZone: 'Europe/Oslo' } } }),
    false,
    timeAt(90),
    undefined,
  ],
  ['the schedule was removed', segmentExport(), false, timeAt(90), undefined],
  ['it was suspended', daily, true, timeAt(0), undefined],
])('where %s, it holds since then', (_, resource, suspended, effectiveSince, resumedAt) => {
  const after = scheduleStatus(resource, suspended, before, at(90));
  expect(after).toMatchObject({ effectiveSince, suspended });
  expect(after.resumedAt).toBe(resumedAt);
});

test('a resume is remembered, and holds until the next one', () => {
  const suspended = scheduleStatus(daily, true, before, at(10));
  const resumed = scheduleStatus(daily, false, suspended, at(20));
  expect(resumed).toMatchObject({ effectiveSince: timeAt(20), resumedAt: timeAt(20), suspended: false });
  expect(scheduleStatus(daily, false, resumed, at(30))).toEqual(resumed);
});

test('what the controller wrote while its clock was ahead holds no longer than that', () => {
  const month = 30 * 86_400;
  const suspended = scheduleStatus(daily, true, before, at(month));
  const resumed = scheduleStatus(daily, false, suspended, at(month + 10));
  expect(resumed.resumedAt).toBe(timeAt(month + 10));
  // What came due a moment ago may be what it looks for.
  const back = scheduleStatus(daily, false, resumed, at(60));
  expect(back).toMatchObject({ effectiveSince: timeAt(0), resumedAt: timeAt(0) });
  expect(scheduleStatus(daily, false, back, at(90))).toEqual(back);
});

test('the jitter is of whole seconds, the same each time, and spreads a thousand exports over its span', () => {
  const span = 600;
  const names = Array.from({ length: 1000 }, (_, index) => `export-${index}`);
  const jittersOf = (): number[] =>
    names.map((name) =>
      jitterMs(segmentExport({ metadata: { name }, spec: { schedule: scheduleOf('0 4 * * *', span) } })),
    );
  const jitters = jittersOf();
  expect(jittersOf()).toEqual(jitters);
  const seconds = jitters.map((jitter) => jitter / 1000);
  expect(seconds.every((second) => Number.isInteger(second) && second >= 0 && second < span)).toBe(true);
  const inSecond = Map.groupBy(seconds, (second) => second);
  expect(Math.max(...[...inSecond.values()].map(({ length }) => length))).toBeLessThanOrEqual(12);
  // A thousand starts that were dealt to the minutes by chance are a hundred each, give or take.
  const inMinute = Map.groupBy(seconds, (second) => Math.floor(second / 60));
  expect([...inMinute.keys()].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  for (const starts of inMinute.values()) expect(starts.length).toBeGreaterThan(60);
  expect(jitterMs(daily)).toBe(0);
});
