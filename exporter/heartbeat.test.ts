import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { withHeartbeat } from './heartbeat.ts';
import { startProgress } from './progress.ts';
import { silentLog } from './testkit.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function recording() {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  return { log: withHeartbeat({ ...silentLog, info: write, warn: write }), lines };
}

test('a run that counts nothing still tells each 5 s that it is at work, counted from its last line', () => {
  const { log, lines } = recording();
  vi.advanceTimersByTime(3_000);
  log.warn('Criteo asks to wait');
  vi.advanceTimersByTime(4_999);
  expect(lines).toEqual(['Criteo asks to wait']);
  vi.advanceTimersByTime(1);
  vi.advanceTimersByTime(5_000);
  expect(lines).toEqual(['Criteo asks to wait', 'still at work', 'still at work']);
});

test('a step that tells of itself is not told of twice', () => {
  const { log, lines } = recording();
  log.info('run begins');
  using progress = startProgress(log, (rows) => `read ${rows} rows`);
  progress.advance(50_000);
  vi.advanceTimersByTime(10_000);
  expect(lines).toEqual(['run begins', 'read 50000 rows', 'read 50000 rows', 'read 50000 rows']);
});
