import { expect, test } from 'vitest';
import { createLogger } from './log.ts';

function setUp(level: 'debug' | 'info' = 'info') {
  const lines: string[] = [];
  const logger = createLogger({
    level,
    write: (line) => lines.push(line),
    now: () => Date.parse('2026-01-01T00:00:00Z'),
  });
  return { logger, line: () => JSON.parse(lines.at(-1) ?? 'null'), lines };
}

test('a line is one JSON object', () => {
  const { logger, lines } = setUp();
  logger.with({ controller: 'widgets' }).info('two\nlines', { key: 'ns/a', retries: 3 });
  expect(lines).toEqual([
    '{"ts":"2026-01-01T00:00:00.000Z","level":"info","msg":"two\\nlines","controller":"widgets","key":"ns/a","retries":3}\n',
  ]);
});

test('lines below the level are dropped', () => {
  const { logger, lines } = setUp();
  logger.debug('no');
  expect(lines).toEqual([]);
  const chatty = setUp('debug');
  chatty.logger.debug('yes');
  expect(chatty.lines).toHaveLength(1);
});

test('no field makes a line huge, or breaks it', () => {
  const { logger, line } = setUp();
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  logger.error('x'.repeat(10_000), {
    text: 'y'.repeat(10_000),
    object: { z: 'z'.repeat(10_000) },
    circular,
    big: 10n,
  });
  expect(JSON.stringify(line()).length).toBeLessThan(9_000);
  expect(line()).toMatchObject({ circular: '[not serialisable]', big: '10' });
  expect(line().text).toMatch(/y\.\.\. \(10000 characters\)$/);
});

test('an error is its message alone, without the stack and whatever hangs on it', () => {
  const { logger, line } = setUp();
  logger.error('failed', { error: Object.assign(new Error('no luck'), { token: 'secret' }) });
  expect(line().error).toBe('no luck');
});
