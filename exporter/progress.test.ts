import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Log } from './log.ts';
import { startProgress } from './progress.ts';
import { silentLog } from './testkit.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function recording(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  return { log: { ...silentLog, info: (line) => lines.push(line) }, lines };
}

test('a line is written each 50,000, each 5 s without one, and at the end', () => {
  const { log, lines } = recording();
  {
    using progress = startProgress(log, (rows) => `read ${rows} rows`);
    progress.advance(49_999);
    expect(lines).toEqual([]);
    progress.advance(1);
    progress.advance(30_000);
    vi.advanceTimersByTime(4_999);
    expect(lines).toEqual(['read 50000 rows']);
    vi.advanceTimersByTime(1);
    vi.advanceTimersByTime(5_000);
    progress.advance(1);
  }
  expect(lines).toEqual(['read 50000 rows', 'read 80000 rows', 'read 80000 rows', 'read 80001 rows']);
  vi.advanceTimersByTime(60_000);
  expect(lines).toHaveLength(4);
});
