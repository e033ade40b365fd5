import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeClock } from './fakeclock.ts';
import { Registry } from './metrics.ts';
import { WorkQueue } from './queue.ts';

function setUp() {
  const clock = new FakeClock();
  const metrics = new Registry();
  return { clock, metrics, queue: new WorkQueue({ name: 'test', clock, metrics }) };
}

describe('a work queue', () => {
  test('hands out a key once, however often it was added', async () => {
    const { queue } = setUp();
    for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
    expect(queue.length).toBe(2);
    expect([await queue.get(), await queue.get()]).toEqual(['a', 'b']);
  });

  test('gives a waiting worker the next key', async () => {
    const { queue } = setUp();
    const got = queue.get();
    queue.add('a');
    expect(await got).toBe('a');
  });

  test('does not hand out a key that is being processed, but hands it out again after', async () => {
    const { queue } = setUp();
    queue.add('a');
    await queue.get();
    queue.add('a');
    queue.add('b');
    expect(await queue.get()).toBe('b');
    expect(queue.length).toBe(0);
    queue.done('a');
    expect(await queue.get()).toBe('a');
  });

  test('does not hand out again a key that nobody added meanwhile', async () => {
    const { queue } = setUp();
    queue.add('a');
    await queue.get();
    queue.done('a');
    expect(queue.length).toBe(0);
  });

  test.each([
    ['the later comes first', [5_000, 1_000]],
    ['the earlier comes first', [1_000, 5_000]],
  ])('of two delays for one key the earlier holds: %s', async (_, delays) => {
    const { queue, clock } = setUp();
    for (const ms of delays) queue.addAfter('a', ms);
    await clock.advance(999);
    expect(queue.length).toBe(0);
    await clock.advance(1);
    expect(await queue.get()).toBe('a');
    queue.done('a');
    await clock.advance(10_000);
    expect(queue.length).toBe(0);
  });

  test('a delay longer than a timer can be does not fire at once', async () => {
    const { queue, clock } = setUp();
    queue.addAfter('a', 1e12);
    await clock.advance(1_000);
    expect(queue.length).toBe(0);
  });

  test('each failure of a key waits longer, until it is forgotten', async () => {
    const { queue, clock } = setUp();
    const waits: number[] = [];
    for (let failure = 0; failure < 4; failure++) {
      if (failure === 3) queue.forget('a');
      const start = clock.monotonic();
      queue.addRateLimited('a');
      const got = queue.get().then((key) => [key, clock.monotonic() - start] as const);
      await clock.advance(1_000);
      const [key, waited] = await got;
      waits.push(waited);
      queue.done(key ?? '');
    }
    const [first = 0, second = 0, third = 0, afterForget = 0] = waits;
    expect(second).toBeGreaterThanOrEqual(first);
    expect(third).toBeGreaterThanOrEqual(second);
    expect(third).toBeGreaterThanOrEqual(400);
    expect(afterForget).toBeLessThanOrEqual(200);
    expect(queue.numRequeues('a')).toBe(1);
  });

  test('a failure waits at least as long as the server asked', async () => {
    const { queue, clock } = setUp();
    queue.addRateLimited('a', 9_000);
    await clock.advance(8_999);
    expect(queue.length).toBe(0);
    await clock.advance(1);
    expect(queue.length).toBe(1);
  });

  test('shut down: workers are sent home, nothing is taken or handed out, no timer is left', async () => {
    const { queue, clock } = setUp();
    const worker = queue.get();
    await queue.shutDown();
    queue.add('a');
    queue.addAfter('b', 10);
    expect(await worker).toBeUndefined();
    expect(await queue.get()).toBeUndefined();
    expect(clock.pendingTimers).toBe(0);
  });

  test('shut down waits for what is being processed', async () => {
    const { queue, clock } = setUp();
    queue.add('a');
    await queue.get();
    let ended = false;
    const down = queue.shutDown().then(() => {
      ended = true;
    });
    await clock.advance(0);
    expect(ended).toBe(false);
    queue.done('a');
    await down;
    expect(ended).toBe(true);
  });

  test('tells how long the head waits, and how long the slowest worker has had its key', async () => {
    const { queue, clock, metrics } = setUp();
    queue.add('a');
    await queue.get();
    queue.add('b');
    await clock.advance(3_000);
    expect([queue.oldestWaitMs(), queue.longestRunMs()]).toEqual([3_000, 3_000]);
    const labels = '{name="test",controller="test"}';
    expect(metrics.expose()).toContain(`workqueue_longest_running_processor_seconds${labels} 3\n`);
    expect(metrics.expose()).toContain(`workqueue_depth${labels} 1\n`);
    expect(metrics.expose()).toContain(`workqueue_adds_total${labels} 2\n`);
    expect(metrics.expose()).toContain(`workqueue_retries_total${labels} 0\n`);
  });

  test('that is gone shows no work', async () => {
    const { queue, clock, metrics } = setUp();
    queue.add('a');
    await queue.get();
    await clock.advance(3_000);
    const down = queue.shutDown();
    expect(metrics.expose()).toContain(
      'workqueue_unfinished_work_seconds{name="test",controller="test"} 3\n',
    );
    queue.done('a');
    await down;
    expect(metrics.expose()).toContain(
      'workqueue_unfinished_work_seconds{name="test",controller="test"} 0\n',
    );
  });
});

describe('whatever happens to a work queue', () => {
  const keys = fc.constantFrom('a', 'b', 'c');
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), key: keys }),
    fc.record({ do: fc.constant('addAfter' as const), key: keys, ms: fc.integer({ min: 0, max: 50 }) }),
    fc.record({ do: fc.constant('addRateLimited' as const), key: keys }),
    fc.record({ do: fc.constant('work' as const) }),
    fc.record({ do: fc.constant('finish' as const), nth: fc.nat({ max: 2 }) }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 50 }) }),
  );

  test('no key is with two workers, and every key added is processed after it was added', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { queue, clock } = setUp();
        const working: string[] = [];
        const doubled: string[] = [];
        /** Added, and not begun since. */
        const owed = new Set<string>();
        const work = () =>
          void queue.get().then((key) => {
            if (key === undefined) return;
            if (working.includes(key)) doubled.push(key);
            working.push(key);
            owed.delete(key);
          });
        const finish = (nth: number) => {
          const [key] = working.splice(nth % Math.max(working.length, 1), 1);
          if (key !== undefined) queue.done(key);
        };
        for (const each of steps) {
          if (each.do === 'add') {
            queue.add(each.key);
            owed.add(each.key);
          } else if (each.do === 'addAfter') {
            queue.addAfter(each.key, each.ms);
            owed.add(each.key);
          } else if (each.do === 'addRateLimited') {
            queue.addRateLimited(each.key);
            owed.add(each.key);
          } else if (each.do === 'work') work();
          else if (each.do === 'finish') finish(each.nth);
          else await clock.advance(each.ms);
          // A key that the worker got in this very step was added before, or in, this step.
          await Promise.resolve();
        }
        for (let round = 0; round < 12; round++) {
          work();
          await clock.advance(400_000);
          finish(0);
        }
        expect(doubled).toEqual([]);
        expect([...owed]).toEqual([]);
        expect(working).toEqual([]);
        expect(queue.length).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
