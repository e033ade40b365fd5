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
  const calls = sandbox.requests().filter(({ path }) => !path.endsWith('/token'));
  const accepted = calls.filter(({ status }) => status !== 429).map(({ time }) => time);
  expect(Math.max(...windowsOf(accepted))).toBeLessThanOrEqual(limit);
  // Whoever meets the end of a window learns of it by one call that is refused, and makes no second one before the next
  // window: that one has begun when a call was accepted again.
  const pairs = outcomes.flatMap(({ output }) => pairsOf(refusalsOf(output)));
  expect(pairs.filter(([one, next]) => !accepted.some((time) => time > one && time < next))).toEqual([]);
  expect(calls.length).toBeGreaterThan(accepted.length);
});

/** How many of these calls came in each of the sandbox's windows, which begin with the first call after the one before. */
function windowsOf(times: readonly string[]): number[] {
  const windows: { end: number; calls: number }[] = [];
  for (const at of times.map((time) => Date.parse(time))) {
    const last = windows.at(-1);
    if (last && at < last.end) last.calls++;
    else windows.push({ end: at + rateWindowSeconds * 1000, calls: 1 });
  }
  return windows.map(({ calls }) => calls);
}

/** When a run was refused for the rate, as its log tells. */
function refusalsOf(output: string): string[] {
  const lines = output.split('\n').filter((line) => line.includes('"Criteo asks to wait"'));
  const told = lines.map((line) => JSON.parse(line) as { ts: string; status: number });
  return told.filter(({ status }) => status === 429).map(({ ts }) => ts);
}

function pairsOf(times: readonly string[]): [string, string][] {
  return times.slice(1).map((next, index) => [times[index] ?? '', next]);
}
