import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../../cluster/wait.ts';
import { FAULTS, type FaultProxy, startFaultProxy } from '../../support/faultproxy.ts';
import { conditionOf, exportName, hasReason, type Shop } from './shop.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

/** Connections, exports, CronJobs, Jobs, pods; other people's CronJobs and Jobs. */
const watchCount = 7;
/** After the end of a fault the status is right within this. */
const withinMs = 30_000;
/** Those that a client meets once, and does not come back from by itself while they last. */
const metOnce = ['silence', 'black-hole', 'duplicates'];

/** A run at work, that only a fault of the watches keeps the controller from seeing the end of. */
async function shopBehind(proxy: FaultProxy): Promise<Shop> {
  const shop = await world.shop();
  const kubeconfig = join(world.directory, `${shop.namespace}.kubeconfig`);
  await writeFile(kubeconfig, proxy.kubeconfig(world.controllerToken), { mode: 0o600 });
  await shop.startController({ kubeconfig });
  await shop.settle();
  shop.sandbox.addFault({ kind: 'delay', milliseconds: 2000, operation: 'add', times: 'always' });
  await waitFor('all watches', 30_000, () => (proxy.watches() === watchCount ? true : undefined));
  await shop.request();
  await shop.untilStarted(1);
  return shop;
}

/** During the fault the run ends and the definition changes. */
async function changeMeanwhile(shop: Shop): Promise<void> {
  await shop.patch('CriteoSegmentExport', exportName, {
    spec: { suspend: true, segments: [{ name: 'readers' }, { name: 'more' }] },
  });
  await waitFor('the Job has ended', 60_000, async () =>
    (await shop.jobs()).every(({ status }) => status?.conditions?.some(({ type }) => type === 'Complete'))
      ? true
      : undefined,
  );
}

async function expectRight(shop: Shop, ms: number): Promise<void> {
  const object = await shop.untilExport(
    'the status is right',
    (seen) => hasReason('Ready', 'Suspended')(seen) && seen.status?.activeRun === undefined,
    exportName,
    ms,
  );
  expect(object.status?.segmentCount).toBe(2);
  expect(object.status?.history).toMatchObject([{ outcome: 'Succeeded' }]);
  expect(conditionOf(object, 'LastRunSucceeded')?.status).toBe('True');
}

describe.concurrent('watches behind', () => {
  test('black-hole: watches that will never speak again are given up', async () => {
    await using proxy = await startFaultProxy(world.controlPlane);
    const shop = await shopBehind(proxy);
    const end = proxy.play('black-hole');
    await changeMeanwhile(shop);
    end();
    // Nothing but their silence tells: the API server would speak at least once a minute.
    await expectRight(shop, 90_000);
  }, 240_000);

  test.each(FAULTS.filter((fault) => fault !== 'black-hole'))(
    '%s: the status is right soon after its end',
    async (fault) => {
      await using proxy = await startFaultProxy(world.controlPlane);
      const shop = await shopBehind(proxy);
      const end = proxy.play(fault);
      await changeMeanwhile(shop);
      // So often that its back-off has grown.
      const times = metOnce.includes(fault) ? 1 : 4 * watchCount;
      await waitFor(`${fault} was met`, 60_000, () => (proxy.met() >= times ? true : undefined));
      end();
      await expectRight(shop, withinMs);
      await shop.patch('CriteoSegmentExport', exportName, { spec: { suspend: false } });
      await shop.ready();
      expect(shop.exporters()).toHaveLength(1);
    },
  );
});

test('the API server goes away and comes back: the status is right soon after', async () => {
  const shop = await world.shop();
  await shop.startController();
  await shop.settle();
  shop.sandbox.addFault({ kind: 'delay', milliseconds: 2000, operation: 'add', times: 'always' });
  await shop.request();
  await shop.untilStarted(1);
  await world.controlPlane.restartApiServer();
  const object = await shop.untilRuns(1);
  expect(object.status?.lastRun?.outcome).toBe('Succeeded');
  expect(shop.exporters()).toHaveLength(1);
  await shop.patch('CriteoSegmentExport', exportName, { spec: { suspend: true } });
  await shop.untilExport('Suspended', hasReason('Ready', 'Suspended'), exportName, withinMs);
});
