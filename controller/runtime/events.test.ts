import { expect, test } from 'vitest';
import type { KubeClient } from './client.ts';
import { ApiError } from './errors.ts';
import { type EventObject, EventRecorder, type NewEvent, referenceTo } from './events.ts';
import { FakeClock } from './fakeclock.ts';
import { createLogger } from './log.ts';
import { defineResource } from './resource.ts';

function setUp() {
  const clock = new FakeClock();
  const lines: string[] = [];
  const api = {
    created: [] as EventObject[],
    patches: [] as { name: string; series: { count: number; lastObservedTime: string } }[],
    /** Thrown by the next calls. */
    faults: [] as unknown[],
  };
  const answer = async () => {
    const fault = api.faults.shift();
    if (fault) throw fault;
  };
  const client = {
    create: async (_resource: unknown, event: EventObject) => {
      await answer();
      api.created.push(event);
      return event;
    },
    patch: async (
      _resource: unknown,
      ref: { name: string },
      patch: { series: { count: number; lastObservedTime: string } },
    ) => {
      await answer();
      api.patches.push({ name: ref.name, series: patch.series });
    },
  } as unknown as Pick<KubeClient, 'create' | 'patch'>;
  const recorder = new EventRecorder({
    client,
    reportingController: 'example.com/widgets',
    reportingInstance: 'pod-1',
    clock,
    logger: createLogger({ write: (line) => lines.push(line) }),
  });
  return { clock, api, lines, recorder };
}

const regarding = { apiVersion: 'example.com/v1', kind: 'Widget', namespace: 'ns', name: 'a', uid: 'u1' };
const created = (more: Partial<NewEvent> = {}): NewEvent => ({
  regarding,
  type: 'Normal',
  reason: 'Created',
  action: 'CreateJob',
  note: 'Created job a-1',
  ...more,
});
const error = (statusCode: number, reason: string) => new ApiError({ statusCode, reason, message: reason });

test('an event is written as events.k8s.io/v1 wants it', async () => {
  const { clock, api, recorder } = setUp();
  recorder.event(created());
  await clock.advance(0);
  const [event] = api.created;
  expect(event).toMatchObject({
    metadata: { namespace: 'ns', name: expect.stringMatching(/^a\.[0-9a-f]{16}$/) },
    regarding,
    type: 'Normal',
    reason: 'Created',
    action: 'CreateJob',
    note: 'Created job a-1',
    eventTime: '2026-01-01T00:00:00.000000Z',
    reportingController: 'example.com/widgets',
    reportingInstance: 'pod-1',
  });
  expect(event).not.toHaveProperty('series');
});

test('the same again becomes a series on the first event, told when it begins and then once a minute', async () => {
  const { clock, api, recorder } = setUp();
  for (let second = 0; second < 130; second++) {
    recorder.event(created());
    await clock.advance(1_000);
  }
  expect(api.created).toHaveLength(1);
  expect(api.patches.map(({ series }) => series.count)).toEqual([2, 62, 122]);
  expect(api.patches.every(({ name }) => name === api.created[0]?.metadata.name)).toBe(true);
  await recorder.flush();
  expect(api.patches.at(-1)?.series).toEqual({ count: 130, lastObservedTime: '2026-01-01T00:02:09.000000Z' });
});

test('the same after a long time, or another note, reason or object, is an event of its own', async () => {
  const { clock, api, recorder } = setUp();
  recorder.event(created());
  await clock.advance(7 * 60_000);
  recorder.event(created());
  recorder.event(created({ note: 'Created job a-2' }));
  recorder.event(created({ reason: 'Failed' }));
  recorder.event(created({ regarding: { ...regarding, uid: 'u2' } }));
  await clock.advance(0);
  expect(api.created).toHaveLength(5);
  expect(api.patches).toEqual([]);
});

test('one object cannot flood the API server, and does not silence the others', async () => {
  const { clock, api, recorder } = setUp();
  for (let nth = 0; nth < 100; nth++) recorder.event(created({ note: `try ${nth}` }));
  recorder.event(created({ regarding: { ...regarding, name: 'b', uid: 'u2' } }));
  await clock.advance(0);
  expect(api.created).toHaveLength(26);
  await clock.advance(300_000);
  recorder.event(created({ note: 'later' }));
  await clock.advance(0);
  expect(api.created.at(-1)?.note).toBe('later');
});

test('a day of runs each five minutes is told without a gap, and so are those that failed', async () => {
  const { clock, api, lines, recorder } = setUp();
  for (let run = 0; run < 288; run++) {
    recorder.event(created({ reason: 'RunStarted', note: `run ${run}` }));
    const end: Partial<NewEvent> =
      run % 10 === 9
        ? { type: 'Warning', reason: 'SourceNotFound' }
        : { type: 'Normal', reason: 'RunSucceeded' };
    recorder.event(created({ ...end, note: `run ${run} ended` }));
    await clock.advance(300_000);
  }
  expect(api.created).toHaveLength(576);
  expect(api.created.filter(({ type }) => type === 'Warning')).toHaveLength(28);
  expect(lines).toEqual([]);
});

test('what is told of what goes well costs no warning, nor the other way about', async () => {
  const { clock, api, recorder } = setUp();
  for (let nth = 0; nth < 100; nth++) recorder.event(created({ note: `try ${nth}` }));
  for (let nth = 0; nth < 100; nth++) recorder.event(created({ type: 'Warning', note: `try ${nth}` }));
  await clock.advance(0);
  expect(api.created.map(({ type }) => type)).toEqual([
    ...Array.from({ length: 25 }, () => 'Normal'),
    ...Array.from({ length: 25 }, () => 'Warning'),
  ]);
});

test('that events are dropped is a line of the log, and then one each ten minutes, with how many', async () => {
  const { clock, lines, recorder } = setUp();
  for (let nth = 0; nth < 125; nth++) recorder.event(created({ note: `try ${nth}` }));
  await clock.advance(0);
  for (let nth = 0; nth < 125; nth++) recorder.event(created({ reason: 'Again', note: `try ${nth}` }));
  await clock.advance(600_000);
  for (let nth = 0; nth < 11; nth++) recorder.event(created({ note: `later ${nth}` }));
  await clock.advance(0);
  const line = { level: 'warn', kind: 'Widget', namespace: 'ns', name: 'a' };
  expect(lines.map((text) => JSON.parse(text))).toEqual([
    expect.objectContaining({ ...line, reason: 'Created', dropped: 1 }),
    expect.objectContaining({ ...line, reason: 'Created', dropped: 225 }),
  ]);
});

test('what waits in such numbers that the oldest is given up is a line of the log too', async () => {
  const { clock, api, lines, recorder } = setUp();
  for (let index = 0; index < 4_200; index++) {
    recorder.event(created({ regarding: { ...regarding, name: `export-${index}`, uid: `${index}` } }));
  }
  expect(lines.map((text) => JSON.parse(text))).toEqual([
    expect.objectContaining({ level: 'warn', msg: expect.stringContaining('wait to be written') }),
  ]);
  await clock.advance(600_000);
  expect(api.created.length).toBeLessThan(4_200);
});

test('a long note is cut to 1,024 bytes, between two characters', async () => {
  const { clock, api, recorder } = setUp();
  recorder.event(created({ note: 'å'.repeat(1_000) }));
  await clock.advance(0);
  const note = api.created[0]?.note ?? '';
  expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1_024);
  expect(note).toMatch(/^å{500,}\.\.\.$/);
});

test('an event of a cluster-scoped object is kept in the namespace "default"', async () => {
  const { clock, api, recorder } = setUp();
  const nodes = defineResource({
    group: '',
    version: 'v1',
    plural: 'nodes',
    kind: 'Node',
    namespaced: false,
  });
  recorder.event(created({ regarding: referenceTo(nodes, { metadata: { name: 'n1', uid: 'u' } }) }));
  await clock.advance(0);
  expect(api.created[0]).toMatchObject({
    metadata: { namespace: 'default' },
    regarding: { apiVersion: 'v1', kind: 'Node', name: 'n1' },
  });
});

test('a passing fault is tried again, and what arrived the first time is not an error', async () => {
  const { clock, api, lines, recorder } = setUp();
  api.faults.push(error(0, 'Network'), error(503, 'ServiceUnavailable'));
  recorder.event(created());
  await clock.advance(10_000);
  expect(api.created).toHaveLength(1);
  api.faults.push(error(0, 'Network'), error(409, 'AlreadyExists'));
  recorder.event(created({ reason: 'Other' }));
  await clock.advance(10_000);
  expect(lines).toEqual([]);
});

test('what cannot be written is logged and dropped, and the next is written', async () => {
  const { clock, api, lines, recorder } = setUp();
  api.faults.push(error(403, 'Forbidden'), new TypeError('bug'));
  recorder.event(created());
  recorder.event(created({ reason: 'Second' }));
  recorder.event(created({ reason: 'Third' }));
  await clock.advance(0);
  expect(api.created.map(({ reason }) => reason)).toEqual(['Third']);
  expect(lines.map((line) => JSON.parse(line).error)).toEqual(['Forbidden', 'bug']);
});

test('a series whose event is gone by now begins anew', async () => {
  const { clock, api, recorder } = setUp();
  recorder.event(created());
  await clock.advance(0);
  api.faults.push(error(404, 'NotFound'));
  recorder.event(created());
  await clock.advance(0);
  recorder.event(created());
  await clock.advance(0);
  expect(api.created).toHaveLength(2);
});

test('flush gives up on an API server that does not answer', async () => {
  const { clock, api, recorder } = setUp();
  api.faults.push(...Array.from({ length: 100 }, () => error(0, 'Network')));
  recorder.event(created());
  let flushed = false;
  void recorder.flush(2_000).then(() => {
    flushed = true;
  });
  await clock.advance(1_999);
  expect(flushed).toBe(false);
  await clock.advance(1);
  expect(flushed).toBe(true);
});

test('a thousand objects that fail together are told of at a pace, each once', async () => {
  const { clock, api, recorder } = setUp();
  const names = Array.from({ length: 1000 }, (_, index) => `export-${index}`);
  const fail = (name: string) =>
    recorder.event(
      created({ regarding: { ...regarding, name, uid: name }, type: 'Warning', reason: 'Failed' }),
    );
  for (const name of names) fail(name);
  await clock.advance(0);
  expect(api.created).toHaveLength(100);
  for (let second = 1; second <= 45; second++) {
    const before = api.created.length;
    await clock.advance(1000);
    expect(api.created.length - before).toBeLessThanOrEqual(21);
  }
  expect(api.created.map((event) => event.regarding.name).toSorted()).toEqual(names.toSorted());
  for (const name of names) fail(name);
  await clock.advance(120_000);
  expect(api.created).toHaveLength(1000);
  expect(api.patches.every(({ series }) => series.count === 2)).toBe(true);
});

test('what waits for its turn is written at once when the controller ends', async () => {
  const { clock, api, recorder } = setUp();
  for (let index = 0; index < 300; index++) {
    recorder.event(created({ regarding: { ...regarding, name: `export-${index}`, uid: `${index}` } }));
  }
  await clock.advance(0);
  const flushed = recorder.flush();
  await clock.advance(0);
  await flushed;
  expect(api.created).toHaveLength(300);
});
