import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ControllerProcess } from '../../support/controllerprocess.ts';
import { startFaultProxy } from '../../support/faultproxy.ts';
import { conditionOf, connectionName, digestOf, exportName, people, type Shop, withLedger } from './shop.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

/** When the controller dies: before it hears that its n-th write took effect, or just after. */
type Moment = 'before the reply' | 'after the reply';

/** How many of these ways run at once: each has two processes most of the time. */
const atOnce = 4;
/** Far fewer writes than this would mean that the hunt ended too early. */
const fewestWrites = 10;

/** Goes the whole way once, with a crash at the n-th write; false where the way had fewer writes. */
async function wholeWay(n: number, moment: Moment): Promise<boolean> {
  const shop = await world.shop();
  await shop.prepare();
  await shop.apply(shop.connection(withLedger));
  await shop.apply(shop.segmentExport({ deletionPolicy: 'Empty' }));
  await shop.request();

  let writes = 0;
  let first: ControllerProcess | undefined;
  let death: Promise<void> | undefined;
  const died = Promise.withResolvers<void>();
  let over = false;
  const kill = (): Promise<void> => {
    if (over) return Promise.resolve();
    death = first?.kill().then(died.resolve);
    return death ?? Promise.resolve();
  };
  await using proxy = await startFaultProxy(world.controlPlane, {
    onReply: async ({ method }) => {
      if (method === 'GET') return;
      writes += 1;
      if (writes !== n) return;
      if (moment === 'before the reply') await kill();
      // Long enough for the reply to be read, not for the next write to be answered.
      else setTimeout(() => void kill(), 5);
    },
  });
  const kubeconfig = join(world.directory, `${shop.namespace}.kubeconfig`);
  await writeFile(kubeconfig, proxy.kubeconfig(world.controllerToken), { mode: 0o600 });
  first = shop.launchController({ kubeconfig });
  // The last that it has to write is the event of the run's end.
  const ended = shop.untilRuns(1).then(() => shop.untilEvent('RunSucceeded', exportName));
  await Promise.race([died.promise, ended.catch(() => died.promise)]);
  over = true;
  await death;
  const crashed = death !== undefined;
  if (crashed) await shop.startController();
  const when = `${moment} to write ${n}`;
  await expectTheEnd(shop, when).catch((error: unknown) => {
    throw new Error(`the controller died ${when}`, { cause: error });
  });
  return crashed;
}

async function expectTheEnd(shop: Shop, when: string): Promise<void> {
  const { status } = await shop.untilRuns(1);
  const settled = await shop.nudge();
  expect.soft(status?.history, when).toMatchObject([{ trigger: 'Request', outcome: 'Succeeded' }]);
  expect.soft(shop.exporters(), when).toHaveLength(1);
  expect
    .soft(
      shop.sandbox.segments().map(({ digest }) => digest),
      when,
    )
    .toEqual([digestOf(people)]);
  expect.soft(await shop.heldJobs(), when).toEqual([]);
  expect
    .soft(
      (await shop.jobs()).map(({ metadata }) => metadata.name),
      when,
    )
    .toEqual([status?.lastRun?.jobName]);
  expect.soft(settled.status?.activeRun, when).toBeUndefined();
  // Before the run could send anything, and once.
  expect.soft(settled.metadata.finalizers, when).toEqual(['segmentexport.io/retire']);
  expect.soft(settled.status?.ledgers, when).toMatchObject([{ connection: connectionName }]);
  expect.soft(settled.status?.lastHandledRequestedAt, when).toBe(settled.status?.lastRun?.requestedAt);
  expect.soft(conditionOf(settled, 'Ready'), when).toMatchObject({ status: 'True' });
  expect.soft(conditionOf(settled, 'LastRunSucceeded'), when).toMatchObject({ status: 'True' });
  const connection = await shop.getConnection();
  expect.soft(conditionOf(connection, 'Ready'), when).toMatchObject({ status: 'True' });
  expect.soft(connection.status?.activeCheck, when).toBeUndefined();
  await shop[Symbol.asyncDispose]();
}

test.each(['before the reply', 'after the reply'] as const)(
  'the controller dies %s to its n-th write, for every n: the end is the same, with one run',
  async (moment) => {
    let next = 1;
    let last = Number.POSITIVE_INFINITY;
    const work = async (): Promise<void> => {
      while (next < last) {
        const n = next++;
        if (!(await wholeWay(n, moment))) last = Math.min(last, n);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    expect(last).toBeGreaterThan(fewestWrites);
  },
  240_000,
);
