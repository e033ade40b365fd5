import { describe, expect, test } from 'vitest';
import { newestHandled, readRequest } from './request.ts';
import { at, requested, timeAt } from './testkit/objects.ts';

function read(value: string | undefined, context: Partial<Parameters<typeof readRequest>[1]> = {}) {
  const metadata = { creationTimestamp: timeAt(-3600), ...(value === undefined ? {} : requested(value)) };
  return readRequest(metadata, {
    asksFor: 'run',
    lastHandled: undefined,
    lastIgnored: undefined,
    answered: [],
    now: at(0),
    startingDeadlineMs: 3_600_000,
    ...context,
  });
}

test.each<[string, string | undefined, Partial<Parameters<typeof readRequest>[1]>]>([
  ['no annotation', undefined, {}],
  ['the value that was handled last', timeAt(-5), { lastHandled: timeAt(-5) }],
  ['a value that was refused already', 'now', { lastIgnored: 'now' }],
  ['a value that has its Job', timeAt(-5), { answered: [timeAt(-5)] }],
  ['a value that waits in its Job longer than the deadline', timeAt(-3601), { answered: [timeAt(-3601)] }],
])('nothing is done for %s', (_, value, context) => {
  expect(read(value, context)).toEqual({ kind: 'None' });
});

test.each<[string, string, Partial<Parameters<typeof readRequest>[1]>]>([
  ['a first value', timeAt(-5), {}],
  ['a value with another offset', '2026-11-22T04:59:00+01:00', {}],
  ['a newer one than the last', timeAt(-5), { lastHandled: timeAt(-6) }],
  ['one while an older one waits', timeAt(-5), { answered: [timeAt(-6)] }],
  ['one of a clock that is ahead', timeAt(600), {}],
])('a run is made for %s', (_, value, context) => {
  expect(read(value, context)).toEqual({ kind: 'Run', value });
});

describe('a value is refused once, with what to do about it:', () => {
  test.each<[string, string, Partial<Parameters<typeof readRequest>[1]>, boolean, string]>([
    ['no time', 'now, please', {}, false, 'such as 2026-11-22T04:00:00Z'],
    ['a date alone', '2026-11-22', {}, false, 'RFC 3339'],
    ['older than the object', timeAt(-3601), {}, true, 'older than this object'],
    [
      'older than the last one',
      timeAt(-6),
      { lastHandled: timeAt(-5) },
      false,
      'not newer than the last one',
    ],
    [
      'the same moment, written otherwise',
      '2026-11-22T04:59:00+01:00',
      { lastHandled: timeAt(-60) },
      false,
      'not newer',
    ],
    [
      'older than the object and than the last one',
      '2020-01-01T00:00:00Z',
      { lastHandled: timeAt(-5) },
      false,
      'not newer',
    ],
    [
      'past its deadline',
      timeAt(-3600),
      { now: at(1) },
      true,
      'spec.schedule.startingDeadlineSeconds (3600)',
    ],
    ['days ahead', timeAt(2 * 86_400), {}, false, 'more than a day ahead'],
  ])('%s', (_, value, context, handled, message) => {
    expect(read(value, context)).toEqual({
      kind: 'Ignore',
      value,
      handled,
      message: expect.stringContaining(message),
    });
  });

  test('however long it is: status keeps 64 characters, and knows it again', () => {
    const first = read(`${'x'.repeat(63)}\u{1F600}`);
    expect(first).toMatchObject({ kind: 'Ignore', value: `${'x'.repeat(63)}\u{FFFD}` });
    const lastIgnored = first.kind === 'Ignore' ? first.value : undefined;
    expect(read(`${'x'.repeat(63)}\u{1F600}`, { lastIgnored })).toEqual({ kind: 'None' });
  });
});

test('of handled values the newest counts, so that none of them starts a run again', () => {
  expect(newestHandled([timeAt(5), undefined, timeAt(9), 'no time', timeAt(7)])).toBe(timeAt(9));
  expect(newestHandled([undefined])).toBeUndefined();
});
