import { expect, test } from 'vitest';
import { createLog, placeOf } from './log.ts';

test('a line is one JSON object with the run and the counts', () => {
  const lines: string[] = [];
  createLog(
    (line) => lines.push(line),
    'nightly-1',
    () => 0,
  ).info('read 5 rows', { done: 5 });
  expect(lines.map((line) => [line.endsWith('\n'), JSON.parse(line)])).toEqual([
    [true, { ts: '1970-01-01T00:00:00.000Z', level: 'info', msg: 'read 5 rows', run: 'nightly-1', done: 5 }],
  ]);
});

test('an unexpected error tells its class and place, never its text', () => {
  const told = placeOf(new RangeError('canary@example.com\n    at canary (/x/canary.ts:1:2)'));
  expect(told.error).toBe('RangeError');
  expect(told.at).toContain('log.test.ts');
  expect(JSON.stringify(told)).not.toContain('canary');
  expect(placeOf('canary')).toEqual({ error: 'string' });
});
