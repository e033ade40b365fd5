import { describe, expect, test } from 'vitest';
import type { Action, PlannedEvent } from '../plan/action.ts';
import { childRefused, readinessConditions, setConditions } from '../plan/conditions.ts';
import { at, exportJob, segmentExport, timeAt } from '../plan/testkit/objects.ts';
import type { KubeClient } from '../runtime/client.ts';
import { ApiError } from '../runtime/errors.ts';
import type { EventRecorder } from '../runtime/events.ts';
import { createLogger, silentLogger } from '../runtime/log.ts';
import { Executor } from './execute.ts';
import { segmentExports } from './resources.ts';

const resource = segmentExport({ metadata: { finalizers: ['theirs'] } });

/** Executes actions, with or without a new status, and records the calls. */
async function execute(actions: Action[], status: object = resource.status ?? {}, refusal?: ApiError) {
  const calls: unknown[][] = [];
  const record =
    (name: string, result?: unknown) =>
    async (...args: unknown[]) => {
      calls.push([name, ...args]);
      return result;
    };
  const client = {
    updateStatus: record('updateStatus', {
      ...resource,
      metadata: { ...resource.metadata, resourceVersion: '7' },
    }),
    patch: record('patch', {
      ...resource,
      metadata: { ...resource.metadata, resourceVersion: '8', finalizers: ['theirs'] },
    }),
    create: async (...args: unknown[]) => {
      calls.push(['create', ...args]);
      if (refusal) throw refusal;
    },
    delete: record('delete'),
  } as unknown as KubeClient;
  const recorder = { event: (event: object) => calls.push(['event', event]) } as unknown as EventRecorder;
  const executor = new Executor(client, recorder, silentLogger);
  await executor
    .execute(segmentExports, resource, { status, actions, events: [] }, new AbortController().signal)
    .catch((error: unknown) => {
      if (error !== refusal) throw error;
    });
  return { calls, executor };
}

test('a held Job is deleted only as it was seen: released since, it is at work', async () => {
  const { calls } = await execute([{ kind: 'DeleteJob', job: exportJob() }]);
  expect(calls[0]?.at(-1)).toMatchObject({ uid: 'uid-of-by-hand', resourceVersion: '1' });
});

test('a Job at work is deleted whatever became of it', async () => {
  const { calls } = await execute([{ kind: 'DeleteJob', job: exportJob({ state: 'live' }) }]);
  expect(calls[0]?.at(-1)).toMatchObject({ uid: 'uid-of-by-hand' });
  expect(calls[0]?.at(-1)).not.toHaveProperty('resourceVersion');
});

test('a Job is released only as it was seen, after the claim was written', async () => {
  const { calls } = await execute([{ kind: 'ReleaseJob', job: exportJob() }], { observedGeneration: 1 });
  expect(calls.map(([name]) => name)).toEqual(['updateStatus', 'patch']);
  expect(calls[1]?.[3]).toEqual({
    metadata: { uid: 'uid-of-by-hand', resourceVersion: '1' },
    spec: { suspend: false },
  });
});

test('nothing is planned from an object that is older than our own last write', async () => {
  const { executor } = await execute([], { observedGeneration: 1 });
  const seen = (resourceVersion: string) => ({
    ...resource,
    metadata: { ...resource.metadata, resourceVersion },
  });
  expect(executor.wroteAfter(seen('6'))).toBe(true);
  expect(executor.wroteAfter(seen('7'))).toBe(false);
  expect(executor.wroteAfter(seen('6'))).toBe(false);
});

test('our finalizer is added as the object was last seen, after the claim and before the release, and others stay', async () => {
  const actions: Action[] = [{ kind: 'AddFinalizer' }, { kind: 'ReleaseJob', job: exportJob() }];
  const { calls, executor } = await execute(actions, { observedGeneration: 1 });
  expect(calls.map(([name]) => name)).toEqual(['updateStatus', 'patch', 'patch']);
  expect(calls[1]?.[3]).toEqual({
    metadata: {
      uid: 'export-uid',
      resourceVersion: '7',
      finalizers: ['theirs', 'segmentexport.io/retire'],
    },
  });
  const seen = { ...resource, metadata: { ...resource.metadata, resourceVersion: '7' } };
  expect(executor.wroteAfter(seen)).toBe(true);
});

test('only our finalizer is removed', async () => {
  const { calls } = await execute([{ kind: 'RemoveFinalizer' }]);
  expect(calls[0]?.[3]).toMatchObject({ metadata: { finalizers: ['theirs'], resourceVersion: '1' } });
});

test('an object that went with its last finalizer is looked at no more, though the watch still shows it', async () => {
  const deleted = segmentExport({
    metadata: { finalizers: ['segmentexport.io/retire'], deletionTimestamp: timeAt(0) },
  });
  const answer = { ...deleted, metadata: { ...deleted.metadata, finalizers: [] } };
  const client = { patch: async () => answer } as unknown as KubeClient;
  const executor = new Executor(client, {} as unknown as EventRecorder, silentLogger);
  const plan = { status: deleted.status ?? {}, actions: [{ kind: 'RemoveFinalizer' as const }], events: [] };
  await executor.execute(segmentExports, deleted, plan, new AbortController().signal);
  expect(executor.wroteAfter(deleted)).toBe(true);
});

test.each([
  ['by a quota', {}, false],
  ['by a namespace that ends', { causes: [{ reason: 'NamespaceTerminating' }] }, true],
])('a child that is refused %s is told to the next plan', async (_, details, namespaceTerminating) => {
  const refusal = new ApiError({ statusCode: 403, reason: 'Forbidden', message: 'No.', details });
  const { executor } = await execute([{ kind: 'CreateJob', job: exportJob() }], undefined, refusal);
  expect(executor.refusalOf(resource)).toEqual({ message: 'No.', namespaceTerminating });
});

describe('a new leader takes over a refusal that status tells of:', () => {
  const refusal = new ApiError({ statusCode: 403, reason: 'Forbidden', message: 'exceeded quota' });
  const wanted = readinessConditions(childRefused('exceeded quota'));
  const conditions = setConditions(wanted, { previous: [], generation: 1, now: at(0) });
  const told = segmentExport({ status: { conditions } });
  const plan = { status: told.status ?? {}, actions: [{ kind: 'CreateJob' as const, job: exportJob() }] };
  const leader = (create: () => Promise<unknown>) =>
    new Executor({ create } as unknown as KubeClient, {} as unknown as EventRecorder, silentLogger);
  const execute = (executor: Executor) =>
    executor.execute(segmentExports, told, { ...plan, events: [] }, new AbortController().signal);

  test('it says the same, before and after it is refused too', async () => {
    const executor = leader(() => Promise.reject(refusal));
    const before = executor.refusalOf(told)?.message ?? '';
    expect(childRefused(before).message).toBe(conditions[0]?.message);
    await expect(execute(executor)).rejects.toBe(refusal);
    expect(childRefused(executor.refusalOf(told)?.message ?? '').message).toBe(conditions[0]?.message);
  });

  test('until its own try is taken, and then looks at once', async () => {
    const executor = leader(async () => undefined);
    expect(await execute(executor)).toEqual({ mended: true });
    expect(executor.refusalOf(told)).toBeUndefined();
    expect(await execute(executor)).toEqual({ mended: false });
  });

  test.each([[{}], [[null, { type: 'Ready', reason: 'ChildRefused', observedGeneration: 1 }]]])(
    'and nothing of a status that cannot be read: %j',
    async (conditions) => {
      const stored = { ...told, status: { conditions } } as unknown as typeof told;
      const plan = { status: stored.status ?? {}, actions: [], events: [] };
      const executor = leader(async () => undefined);
      const { signal } = new AbortController();
      expect(await executor.execute(segmentExports, stored, plan, signal)).toEqual({ mended: false });
    },
  );

  test('and not one of an older definition', () => {
    const changed = { ...told, metadata: { ...told.metadata, generation: 2 } };
    expect(leader(async () => undefined).refusalOf(changed)).toBeUndefined();
  });
});

test.each([
  ['its status is written', { observedGeneration: 1 }, []],
  ['its finalizer is removed', undefined, [{ kind: 'RemoveFinalizer' as const }]],
])(
  'an object that is gone when %s is no failure, and nothing more is done for it',
  async (_, status, actions) => {
    const gone = async () => {
      throw new ApiError({ statusCode: 404, reason: 'NotFound', message: 'Gone.' });
    };
    const calls: unknown[] = [];
    const client = {
      updateStatus: gone,
      patch: gone,
      create: async (...args: unknown[]) => calls.push(args),
    } as unknown as KubeClient;
    const executor = new Executor(
      client,
      { event: () => undefined } as unknown as EventRecorder,
      silentLogger,
    );
    const plan = {
      status: status ?? resource.status ?? {},
      actions: [...actions, { kind: 'CreateJob' as const, job: exportJob() }],
      events: [],
    };
    const done = await executor.execute(segmentExports, resource, plan, new AbortController().signal);
    expect(done).toEqual({ mended: false, isGone: true });
    expect(calls).toEqual([]);
  },
);

describe('a run is told of in the log under the name of its Job,', () => {
  /** The lines that a plan leaves in the log. */
  async function linesOf(plan: { status?: object; actions?: Action[] }, refusal?: ApiError) {
    const lines: Record<string, unknown>[] = [];
    const logger = createLogger({ write: (line) => lines.push(JSON.parse(line)), now: () => 0 });
    const answer = async () => {
      if (refusal) throw refusal;
      return resource;
    };
    const client = {
      updateStatus: answer,
      create: answer,
      patch: answer,
      delete: answer,
    } as unknown as KubeClient;
    const events = { event: () => undefined } as unknown as EventRecorder;
    await new Executor(client, events, logger)
      .execute(
        segmentExports,
        resource,
        { status: resource.status ?? {}, actions: [], events: [], ...plan },
        new AbortController().signal,
      )
      .catch((error: unknown) => {
        if (error !== refusal) throw error;
      });
    return lines.map(({ ts: _, level: __, ...line }) => line);
  }
  const of = { run: 'by-hand', namespace: resource.metadata.namespace, export: resource.metadata.name };
  const job = exportJob();
  const skipped: PlannedEvent = {
    type: 'Warning',
    reason: 'RunSkipped',
    action: 'SkipRun',
    note: 'Suspended.',
  };

  test.each<[string, Action, object]>([
    ['when it is created', { kind: 'CreateJob', job }, { msg: 'run created' }],
    ['when it is released', { kind: 'ReleaseJob', job }, { msg: 'run released' }],
    [
      'when it is skipped, with the reason',
      { kind: 'DeleteJob', job, event: skipped },
      { msg: 'run skipped', reason: 'RunSkipped', why: 'Suspended.' },
    ],
    ['when its Job is deleted', { kind: 'DeleteJob', job }, { msg: 'Job of a run deleted' }],
  ])('%s', async (_, action, line) => {
    expect(await linesOf({ actions: [action] })).toEqual([{ ...of, ...line }]);
  });

  const lastRun = {
    jobName: 'by-hand',
    startedAt: '2026-11-22T04:00:00Z',
    outcome: 'Failed',
    reason: 'SourceNotFound',
    message: 'Nothing is there.',
    criteoCalls: 3,
    throttledSeconds: 0,
    profiles: { read: 7 },
  };
  test('when it has ended, with what came of it', async () => {
    const { message: _, jobName: __, profiles, ...end } = lastRun;
    expect(await linesOf({ status: { lastRun } })).toEqual([
      { ...of, msg: 'run ended', ...end, ...profiles },
    ]);
  });

  test('and not by the controller whose write or deletion came too late', async () => {
    const conflict = new ApiError({ statusCode: 409, reason: 'Conflict', message: 'Changed.', details: {} });
    const exists = new ApiError({ statusCode: 409, reason: 'AlreadyExists', message: 'There.', details: {} });
    expect(await linesOf({ status: { lastRun } }, conflict)).toEqual([]);
    expect(await linesOf({ actions: [{ kind: 'DeleteJob', job }] }, conflict)).toEqual([]);
    expect(await linesOf({ actions: [{ kind: 'CreateJob', job }] }, exists)).toEqual([]);
  });
});
