import { expect, test } from 'vitest';
import { scheduleSummary } from './schedulesummary.ts';
import { segmentExport } from './testkit/objects.ts';

const schedule = (timeZone: string) => ({
  cron: '0 4 * * *',
  timeZone,
  jitterSeconds: 0,
  startingDeadlineSeconds: 3600,
});
const refresh = { cronJob: 'nightly-refresh' };
const loads = { jobSelector: { matchLabels: { tier: 'raw', app: 'load' } } };

test.each([
  ['on request', {}],
  ['0 4 * * *', { schedule: schedule('Etc/UTC') }],
  ['0 4 * * * (Europe/Oslo)', { schedule: schedule('Europe/Oslo') }],
  ['after CronJob nightly-refresh', { runAfter: [refresh] }],
  ['after CronJob nightly-refresh or Jobs app=load,tier=raw', { runAfter: [refresh, loads] }],
  [
    'after CronJob nightly-refresh and Jobs app=load,tier=raw',
    { runAfter: [refresh, loads], runAfterPolicy: 'All' as const },
  ],
  [
    '0 4 * * * (Europe/Oslo), after CronJob nightly-refresh',
    { schedule: schedule('Europe/Oslo'), runAfter: [refresh] },
  ],
])('%s', (line, spec) => {
  expect(scheduleSummary(segmentExport({ spec }))).toBe(line);
});

test('what is too long for a column is shortened, and says so', () => {
  const line = scheduleSummary(
    segmentExport({ spec: { runAfter: [{ cronJob: 'a'.repeat(52) }, { cronJob: 'b'.repeat(52) }] } }),
  );
  expect(line).toHaveLength(100);
  expect(line).toMatch(/^after CronJob a+ or CronJob b+\.\.\.$/);
});
