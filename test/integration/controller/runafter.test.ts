import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../../cluster/wait.ts';
import type { ControllerProcess } from '../../support/controllerprocess.ts';
import { startFaultProxy } from '../../support/faultproxy.ts';
import { conditionOf, digestOf, exportName, hasReason, nextSecond, people, type Shop } from './shop.ts';
import { startWorld, type World } from './world.ts';

/**
 * Runs that follow other people's Jobs. Those have nothing to do (`completions: 0`),
 * so that Kubernetes' own Job controller lets them succeed at once, without a pod.
 */

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

const runAfter = [{ cronJob: 'refresh' }];
const nothingToDo = {
  completions: 0,
  template: {
    spec: {
      restartPolicy: 'Never',
      containers: [{ name: 'refresh', image: 'registry.example/refresh:1' }],
    },
  },
};

function cronJob(name = 'refresh'): object {
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name },
    // Suspended: a success of its own would be one more that a run follows.
    spec: { schedule: '0 0 1 1 *', suspend: true, jobTemplate: { spec: nothingToDo } },
  };
}

interface JobBody {
  status?: { completionTime?: string; conditions?: { type: string; status: string }[] };
}

/** Waits until a Job has succeeded; returns its completionTime. */
function success(shop: Shop, name: string): Promise<string> {
  return waitFor(`the success of ${name}`, 60_000, async () => {
    const { status } = (await world.api.call(`${shop.path('Job')}/${name}`)).body as JobBody;
    const isComplete = status?.conditions?.some(
      ({ type, status: is }) => type === 'Complete' && is === 'True',
    );
    return isComplete ? status?.completionTime : undefined;
  });
}

/**
 * The refresh succeeds once, in a later second than what was before; returns when. What succeeds
 * in the second of an export's creation, change or last answer counts as before it (docs/schedule.md).
 */
async function refresh(shop: Shop, name: string, from = 'refresh'): Promise<string> {
  await nextSecond();
  await shop.kubectl(['create', 'job', name, `--from=cronjob/${from}`]);
  return await success(shop, name);
}

async function load(shop: Shop, name: string): Promise<string> {
  await nextSecond();
  await shop.create(shop.path('Job'), {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, labels: { app: 'load', tier: 'raw' } },
    spec: nothingToDo,
  });
  return await success(shop, name);
}

async function readyShop(spec: object = { runAfter }): Promise<Shop> {
  const shop = await world.shop();
  await shop.startController();
  await shop.apply(cronJob());
  await shop.settle({ export: spec });
  return shop;
}

/** So many runs, all by what had succeeded, and nothing is left that would start another. */
async function expectRuns(shop: Shop, completedAt: readonly string[]): Promise<void> {
  await shop.untilRuns(completedAt.length);
  const { status } = await shop.nudge();
  expect(status?.history).toMatchObject(
    completedAt.toReversed().map((at) => ({ trigger: 'After', completedAt: at, outcome: 'Succeeded' })),
  );
  expect(shop.exporters()).toHaveLength(completedAt.length);
  expect(await shop.heldJobs()).toEqual([]);
}

describe.concurrent('a run follows', () => {
  test('the Jobs of a CronJob, each once', async () => {
    const shop = await readyShop();
    const first = await refresh(shop, 'first');
    await expectRuns(shop, [first]);
    expect(shop.sandbox.segments().map(({ digest }) => digest)).toEqual([digestOf(people)]);
    const second = await refresh(shop, 'second');
    await expectRuns(shop, [first, second]);
    expect((await shop.getExport()).status?.runAfter).toEqual([
      { target: 'CronJob refresh', handledUntil: second, completedAt: second },
    ]);
  });

  test('once, though the controller is started anew and its Job is gone', async () => {
    const shop = await readyShop();
    const first = await refresh(shop, 'first');
    await shop.untilRuns(1);
    await shop.controllers[0]?.kill();
    for (const { metadata } of await shop.jobs()) await shop.delete('Job', metadata.name);
    await shop.startController();
    await expectRuns(shop, [first]);
  });

  test('what succeeded while no controller ran: one run, though the Jobs are gone', async () => {
    const shop = await readyShop();
    await shop.controllers[0]?.kill();
    await refresh(shop, 'first');
    const last = await refresh(shop, 'second');
    await waitFor('lastSuccessfulTime', 60_000, async () => {
      const { body } = await world.api.call(`${shop.path('CronJob')}/refresh`);
      const { status } = body as { status?: { lastSuccessfulTime?: string } };
      return status?.lastSuccessfulTime === last ? true : undefined;
    });
    await shop.delete('Job', 'first');
    await shop.delete('Job', 'second');
    await shop.untilGone('Job', 'second');
    await shop.startController();
    await expectRuns(shop, [last]);
  });

  test('all of them, where the policy is All', async () => {
    const both = [...runAfter, { jobSelector: { matchLabels: { tier: 'raw' } } }];
    const shop = await readyShop({ runAfter: both, runAfterPolicy: 'All' });
    const first = await refresh(shop, 'first');
    await shop.untilExport(
      'the first is seen',
      ({ status }) => status?.runAfter?.some(({ completedAt }) => completedAt === first) ?? false,
    );
    const { status } = await shop.nudge();
    expect(status?.waitingRuns).toBeUndefined();
    expect(shop.exporters()).toEqual([]);
    await expectRuns(shop, [await load(shop, 'load')]);
  });

  test('a Job with its labels, and no Job with others', async () => {
    const shop = await readyShop({
      runAfter: [{ jobSelector: { matchLabels: { tier: 'raw', app: 'load' } } }],
    });
    await refresh(shop, 'without-labels');
    await expectRuns(shop, [await load(shop, 'load')]);
  });

  test('the runs of another export', async () => {
    const shop = await readyShop();
    const cronJobName = await shop.cronJobName();
    const next = shop.segmentExport(
      { runAfter: [{ cronJob: cronJobName }], segments: [{ name: 'readers', criteoName: 'Next' }] },
      'next',
    );
    await shop.apply(next);
    await shop.ready('next');
    await nextSecond();
    await shop.request();
    const { status } = await shop.untilRuns(1, 'next');
    expect(status?.lastRun).toMatchObject({ trigger: 'After', outcome: 'Succeeded' });
    expect((await shop.untilRuns(1)).status?.history).toHaveLength(1);
  });
});

/** The refresh succeeds once, and the controller is killed before it hears of its n-th write since; false where it had fewer. */
async function dieAt(n: number): Promise<boolean> {
  const shop = await world.shop();
  let writes = 0;
  let isArmed = false;
  let first: ControllerProcess | undefined;
  let death: Promise<void> | undefined;
  const died = Promise.withResolvers<void>();
  await using proxy = await startFaultProxy(world.controlPlane, {
    onReply: async ({ method }) => {
      if (method === 'GET' || !isArmed) return;
      writes += 1;
      if (writes !== n) return;
      death = first?.kill().then(died.resolve);
      await death;
    },
  });
  const kubeconfig = join(world.directory, `${shop.namespace}.kubeconfig`);
  await writeFile(kubeconfig, proxy.kubeconfig(world.controllerToken), { mode: 0o600 });
  first = await shop.startController({ kubeconfig });
  await shop.apply(cronJob());
  await shop.settle({ export: { runAfter } });
  isArmed = true;
  const completedAt = await refresh(shop, 'first');
  const ended = shop.untilRuns(1).then(() => shop.untilEvent('RunSucceeded', exportName));
  await Promise.race([died.promise, ended.catch(() => died.promise)]);
  isArmed = false;
  await death;
  const crashed = death !== undefined;
  if (crashed) await shop.startController();
  await expectRuns(shop, [completedAt]).catch((error: unknown) => {
    throw new Error(`the controller died at write ${n}`, { cause: error });
  });
  await shop[Symbol.asyncDispose]();
  return crashed;
}

test('one run follows, at whichever of its writes the controller dies', async () => {
  let next = 1;
  let last = Number.POSITIVE_INFINITY;
  const work = async (): Promise<void> => {
    while (next < last) {
      const n = next++;
      if (!(await dieAt(n))) last = Math.min(last, n);
    }
  };
  await Promise.all([work(), work(), work()]);
  // What was seen, the Job, the claim, the release and the end, at the least.
  expect(last).toBeGreaterThan(5);
}, 240_000);

describe.concurrent('no run follows', () => {
  test('what had succeeded before the export was applied, or its entry was added', async () => {
    const shop = await world.shop();
    await shop.startController();
    await shop.apply(cronJob());
    await refresh(shop, 'before');
    await load(shop, 'load-before');
    await shop.settle({ export: { runAfter } });
    await shop.nudge();
    const more = [...runAfter, { jobSelector: { matchLabels: { app: 'load' } } }];
    await shop.patch('CriteoSegmentExport', exportName, { spec: { runAfter: more } });
    await shop.untilExport('both entries', ({ status }) => status?.runAfter?.length === 2);
    await shop.nudge();
    expect(shop.exporters()).toEqual([]);
    await expectRuns(shop, [await load(shop, 'load-after')]);
  });

  test('what succeeded while the export was suspended', async () => {
    const shop = await readyShop();
    await shop.patch('CriteoSegmentExport', exportName, { spec: { suspend: true } });
    await shop.untilExport('Suspended', hasReason('Ready', 'Suspended'));
    const meanwhile = await refresh(shop, 'meanwhile');
    await shop.untilExport(
      'it is passed over',
      ({ status }) => status?.runAfter?.[0]?.handledUntil === meanwhile,
    );
    await shop.patch('CriteoSegmentExport', exportName, { spec: { suspend: false } });
    await shop.ready();
    await shop.nudge();
    expect(shop.exporters()).toEqual([]);
    expect(await shop.jobs()).toEqual([]);
  });

  test('a CronJob that is not there; once it is, runs do', async () => {
    const shop = await world.shop();
    await shop.startController();
    await shop.prepare();
    await shop.apply(shop.connection());
    await shop.apply(shop.segmentExport({ runAfter }));
    const missing = await shop.untilExport('RunAfterNotFound', hasReason('Ready', 'RunAfterNotFound'));
    expect(conditionOf(missing, 'Ready')).toMatchObject({
      status: 'False',
      message: expect.stringContaining('spec.runAfter[0].cronJob: no CronJob "refresh" is in this namespace'),
    });
    expect(conditionOf(missing, 'Reconciling')?.status).toBe('True');
    await shop.apply(cronJob());
    await shop.ready();
    await expectRuns(shop, [await refresh(shop, 'first')]);
  });

  test("the export's own CronJob: that is refused", async () => {
    const shop = await readyShop();
    const cronJobName = await shop.cronJobName();
    await shop.patch('CriteoSegmentExport', exportName, { spec: { runAfter: [{ cronJob: cronJobName }] } });
    const refused = await shop.untilExport('RunAfterItself', hasReason('Stalled', 'RunAfterItself'));
    expect(conditionOf(refused, 'Ready')?.message).toContain("is this export's own CronJob");
    await shop.patch('CriteoSegmentExport', exportName, { spec: { runAfter } });
    await shop.ready();
    expect(await shop.jobs()).toEqual([]);
  });
});
