import { expect, test } from 'vitest';
import type { Action } from '../plan/action.ts';
import { exportJob, segmentExport } from '../plan/testkit/objects.ts';
import type { KubeClient } from '../runtime/client.ts';
import type { EventRecorder } from '../runtime/events.ts';
import { Executor } from './execute.ts';
import { segmentExports } from './resources.ts';

const resource = segmentExport();

/** Executes actions, with or without a new status, and records the calls. */
async function execute(actions: Action[], status: object = resource.status ?? {}) {
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
    patch: record('patch'),
    delete: record('delete'),
  } as unknown as KubeClient;
  const executor = new Executor(client, {
    event: (event: object) => calls.push(['event', event]),
  } as unknown as EventRecorder);
  await executor.execute(
    segmentExports,
    resource,
    { status, actions, events: [] },
    new AbortController().signal,
  );
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
