import { describe, expect, test } from 'vitest';
import { type ControllerOptions, runController, TerminalError } from './controller.ts';
import { ApiError } from './errors.ts';
import { FakeClock } from './fakeclock.ts';
import { createLogger } from './log.ts';
import { Registry } from './metrics.ts';
import { WorkQueue } from './queue.ts';

function setUp(reconcile: ControllerOptions['reconcile'], more: Partial<ControllerOptions> = {}) {
  const clock = new FakeClock();
  const metrics = new Registry();
  const lines: string[] = [];
  const queue = new WorkQueue({ name: 'test', clock, metrics });
  const logger = createLogger({ write: (line) => lines.push(line) });
  const controller = runController({ name: 'test', queue, reconcile, clock, metrics, logger, ...more });
  return { clock, metrics, lines, queue, controller };
}

const conflict = () => new ApiError({ statusCode: 409, reason: 'Conflict', message: 'changed meanwhile' });

describe('a controller', () => {
  test('reconciles a key, and again after the time that the result names', async () => {
    const seen: [string, number][] = [];
    const { queue, clock, metrics } = setUp(async (key) => {
      seen.push([key, clock.monotonic()]);
      return { requeueAfterMs: 5_000 };
    });
    queue.add('ns/a');
    await clock.advance(10_000);
    expect(seen).toEqual([
      ['ns/a', 0],
      ['ns/a', 5_000],
      ['ns/a', 10_000],
    ]);
    expect(metrics.expose()).toContain(
      'controller_runtime_reconcile_total{controller="test",result="requeue_after"} 3\n',
    );
  });

  test('a success without a result comes back only when the key is added', async () => {
    let runs = 0;
    const { queue, clock } = setUp(async () => void runs++);
    queue.add('a');
    await clock.advance(1_000_000);
    expect(runs).toBe(1);
  });

  test.each([
    ['an error', () => Promise.reject(new Error('no luck'))],
    [
      'something thrown before any await',
      () => {
        throw new TypeError('undefined is not an object');
      },
    ],
    ['something that is no error', () => Promise.reject(undefined)],
  ])('%s is logged and tried again, later each time, and other keys go on', async (_, fail) => {
    const starts: number[] = [];
    let others = 0;
    const { queue, clock, lines, metrics } = setUp((key) => {
      if (key === 'other') {
        others += 1;
        return Promise.resolve();
      }
      starts.push(clock.monotonic());
      return fail();
    });
    queue.add('bad');
    queue.add('other');
    await clock.advance(3_000);
    expect(starts.length).toBeGreaterThanOrEqual(3);
    const gaps = starts.slice(1).map((start, index) => start - (starts[index] ?? 0));
    expect(gaps).toEqual([...gaps].sort((a, b) => a - b));
    expect(others).toBe(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'error', controller: 'test', key: 'bad' });
    expect(metrics.expose()).toContain(
      `controller_runtime_reconcile_errors_total{controller="test"} ${starts.length}\n`,
    );
  });

  test('a terminal error is not tried again until the key is added', async () => {
    let runs = 0;
    const { queue, clock, lines, metrics } = setUp(async () => {
      runs += 1;
      throw new TerminalError('the spec is wrong');
    });
    queue.add('a');
    await clock.advance(1_000_000);
    expect(runs).toBe(1);
    queue.add('a');
    await clock.advance(1);
    expect(runs).toBe(2);
    expect(lines).toHaveLength(2);
    expect(metrics.expose()).toContain(
      'controller_runtime_terminal_reconcile_errors_total{controller="test"} 2\n',
    );
  });

  test.each([
    ['a mistake in the program', new TypeError('undefined is not an object'), 1],
    ['an error that happens to good programs', new Error('no luck'), 0],
  ])('%s is counted as an error, and as a panic only where it is one', async (_, error, panics) => {
    const { queue, clock, metrics } = setUp(() => Promise.reject(error));
    queue.add('a');
    await clock.advance(0);
    expect(metrics.expose()).toContain(
      `controller_runtime_reconcile_panics_total{controller="test"} ${panics}\n`,
    );
    expect(metrics.expose()).toContain('controller_runtime_reconcile_errors_total{controller="test"} 1\n');
  });

  test('that has done nothing yet shows zeros, so that increase() sees the first', () => {
    const { metrics } = setUp(async () => {});
    for (const result of ['success', 'error', 'requeue', 'requeue_after']) {
      expect(metrics.expose()).toContain(
        `controller_runtime_reconcile_total{controller="test",result="${result}"} 0\n`,
      );
    }
    expect(metrics.expose()).toContain('controller_runtime_active_workers{controller="test"} 0\n');
  });

  test('a conflict is tried again without an error in log or metrics', async () => {
    let runs = 0;
    const { queue, clock, lines, metrics } = setUp(async () => {
      runs += 1;
      if (runs === 1) throw conflict();
    });
    queue.add('a');
    await clock.advance(200);
    expect(runs).toBe(2);
    expect(lines).toEqual([]);
    expect(metrics.expose()).toContain('controller_runtime_reconcile_errors_total{controller="test"} 0\n');
  });

  test('a failure waits as long as the API server asked', async () => {
    const starts: number[] = [];
    const { queue, clock } = setUp(async () => {
      starts.push(clock.monotonic());
      throw new ApiError({
        statusCode: 429,
        reason: 'TooManyRequests',
        message: 'slow down',
        retryAfterMs: 20_000,
      });
    });
    queue.add('a');
    await clock.advance(20_000);
    expect(starts).toEqual([0, 20_000]);
  });

  test('a reconcile that takes too long is aborted, and tried again', async () => {
    const reasons: string[] = [];
    const { queue, clock, lines } = setUp(
      (_key, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reasons.push(String(signal.reason.message));
            reject(new Error('aborted'));
          });
        }),
      { deadlineMs: 1_000 },
    );
    queue.add('a');
    await clock.advance(2_500);
    expect(reasons).toHaveLength(2);
    expect(lines[0]).toContain('the reconcile took longer than 1 s');
  });

  test('one that ignores its deadline blocks its own key only, and the health check tells', async () => {
    const seen: string[] = [];
    let release = () => {};
    const { queue, clock, controller } = setUp(
      (key) => {
        seen.push(key);
        return key === 'hangs' && seen.length === 1
          ? new Promise((resolve) => {
              release = () => resolve();
            })
          : Promise.resolve();
      },
      { deadlineMs: 1_000 },
    );
    queue.add('hangs');
    queue.add('other');
    await clock.advance(6_000);
    queue.add('hangs');
    await clock.advance(2_000);
    expect(seen).toEqual(['hangs', 'other']);
    expect(controller.check()).toBe('a reconcile has run for 8 s');
    release();
    await clock.advance(1_000);
    expect(seen).toEqual(['hangs', 'other', 'hangs']);
    expect(controller.check()).toBeUndefined();
  });

  test('never reconciles more keys at once than it has workers', async () => {
    const ends: (() => void)[] = [];
    const { queue, clock, metrics } = setUp(() => new Promise((resolve) => ends.push(() => resolve())), {
      workers: 2,
    });
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await clock.advance(0);
    expect(ends).toHaveLength(2);
    expect(metrics.expose()).toContain('controller_runtime_active_workers{controller="test"} 2\n');
    ends[0]?.();
    await clock.advance(0);
    expect(ends).toHaveLength(3);
  });

  test('stop lets what runs end, starts nothing else, and aborts what does not end in time', async () => {
    const seen: string[] = [];
    const { queue, clock, controller, lines } = setUp((key, signal) => {
      seen.push(key);
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
    });
    queue.add('a');
    queue.add('b');
    await clock.advance(0);
    let stopped = false;
    const stop = controller.stop(2_000).then(() => {
      stopped = true;
    });
    await clock.advance(1_999);
    expect(stopped).toBe(false);
    await clock.advance(1);
    await stop;
    expect(seen).toEqual(['a']);
    expect(lines).toEqual([]);
  });
});
