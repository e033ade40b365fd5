import { expect, test } from 'vitest';
import { exportOf, runExporter, segmentOf } from './program.ts';
import { sandboxFor } from './sandbox.ts';

/** Twelve runs of one account at once: more than a controller lets work on one connection. */
const runs = 12;
const limit = 20;
const rateWindowSeconds = 2;

test('runs that start at once share the calls of their account: each waits for the next window, and all succeed', async () => {
  const sandbox = await sandboxFor({ callsPerMinute: limit, rateWindowSeconds });
  const files = { 'people.csv': 'email\nanna@example.com\n' };
  const outcomes = await Promise.all(
    Array.from({ length: runs }, (_, index) => {
      const segments = [segmentOf('readers', { criteoName: `Readers ${index}` })];
      return runExporter({ document: exportOf(sandbox.url, { segments }), files });
    }),
  );
  expect(outcomes.map(({ report }) => report?.reason)).toEqual(outcomes.map(() => 'Succeeded'));
  expect(sandbox.segments()).toHaveLength(runs);
  const windows = windowsOf(sandbox.requests().filter(({ path }) => !path.endsWith('/token')));
  expect(windows.length).toBeGreaterThan(1);
  // Whoever meets the end of a window learns of it by one call, and makes no second one before the next.
  for (const calls of windows) expect(calls).toBeLessThanOrEqual(limit + runs);
});

/** How many calls came in each of the sandbox's windows, which begin with the first call after the one before. */
function windowsOf(requests: readonly { time: string }[]): number[] {
  const windows: { end: number; calls: number }[] = [];
  for (const at of requests.map(({ time }) => Date.parse(time))) {
    const last = windows.at(-1);
    if (last && at < last.end) last.calls++;
    else windows.push({ end: at + rateWindowSeconds * 1000, calls: 1 });
  }
  return windows.map(({ calls }) => calls);
}
