import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  conditionOf,
  connectionName,
  csvOf,
  digestOf,
  exportName,
  isCurrent,
  type Shop,
  withLedger,
} from './shop.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

const people = ['anna@example.com', 'berit@example.com'];
const trusting = { removalGuard: { maxPercent: 100 } };

/** An export that was filled by `nordic`, and names `baltic` now; both are accounts of one advertiser. */
async function movedShop(spec: object): Promise<Shop> {
  const shop = await world.shop();
  await shop.startController();
  await shop.settle({ connection: withLedger, export: spec, files: { 'people.csv': csvOf(people) } });
  await shop.apply(shop.connection(withLedger, 'baltic'));
  await shop.runOnce();
  await shop.patch('CriteoSegmentExport', exportName, { spec: { connectionRef: { name: 'baltic' } } });
  await shop.untilExport('the new connection is seen', isCurrent);
  await shop.ready();
  return shop;
}

const retirements = (shop: Shop) => world.kubelet.runs(shop.namespace, 'Retire');

describe.concurrent('another connection, with', () => {
  test('Delete: starts nothing by itself; the next run deletes what the first had made, then makes its own', async () => {
    const shop = await movedShop({ deletionPolicy: 'Delete', ...trusting });
    const [before] = shop.sandbox.segments();
    const { status } = await shop.nudge();
    expect(retirements(shop)).toEqual([]);
    expect(status?.retirements).toMatchObject([
      { connection: connectionName, outcome: 'Waiting', message: 'It is dealt with before the next run.' },
    ]);
    expect((await shop.planOnce()).message).toContain(
      `what was sent by the connection "${connectionName}" is dealt with too`,
    );

    const after = await shop.runOnce();
    expect(after.status?.lastRun?.outcome).toBe('Succeeded');
    expect(after.status?.retirements).toMatchObject([
      { connection: connectionName, outcome: 'Succeeded', attempts: 1, deletionPolicy: 'Delete' },
    ]);
    expect(after.status?.ledgers).toMatchObject([{ connection: 'baltic' }]);
    expect(shop.sandbox.segments()).toHaveLength(1);
    expect(shop.sandbox.segments()[0]?.id).not.toBe(before?.id);
    expect(shop.sandbox.segments()[0]?.digest).toBe(digestOf(people));
    expect(retirements(shop)).toHaveLength(1);
    expect(world.kubelet.mostAtOnce(shop.namespace)).toBe(1);
    await shop.untilEvent('SegmentsRetired', exportName);
    expect(after.metadata.finalizers).toEqual(['segmentexport.io/retire']);
  });

  test('Empty: what it added goes; the guard asks a person first', async () => {
    const shop = await movedShop({ deletionPolicy: 'Empty' });
    await shop.patch('CriteoSegmentExport', exportName, {
      spec: { segments: [{ name: 'readers', criteoName: 'Readers, Baltic' }] },
    });
    await shop.untilExport('the new name is seen', isCurrent);
    const stopped = await shop.runOnce();
    expect(stopped.status?.lastRun?.outcome).toBe('Succeeded');
    expect(conditionOf(stopped, 'Ready')).toMatchObject({ status: 'False', reason: 'RemovalGuard' });
    const [entry] = stopped.status?.retirements ?? [];
    expect(entry).toMatchObject({ connection: connectionName, outcome: 'Failed', reason: 'SegmentsFailed' });
    expect(shop.sandbox.segments().map(({ digest }) => digest)).toEqual([digestOf(people), digestOf(people)]);

    await shop.approve(entry?.pendingApproval?.runName ?? '');
    const done = await shop.untilExport(
      'it is emptied',
      ({ status }) => status?.retirements?.[0]?.outcome === 'Succeeded' && status.activeRun === undefined,
    );
    expect(shop.sandbox.segments().map(({ digest }) => digest)).toEqual([digestOf([]), digestOf(people)]);
    expect(done.status?.ledgers).toMatchObject([{ connection: 'baltic' }]);
    expect(conditionOf(done, 'Ready')?.status).toBe('True');
    expect(done.status?.history).toHaveLength(2);
  });

  test('Retain: what it added stays, an event names it, and no Job is made for it', async () => {
    const shop = await movedShop({});
    const { note } = await shop.untilEvent('SegmentsRetained', exportName);
    expect(note).toContain(`${shop.sandbox.segments()[0]?.id} "readers" of advertiser 12345`);
    const { status } = await shop.getExport();
    expect(status).not.toHaveProperty('ledgers');
    expect(retirements(shop)).toEqual([]);
  });

  test('the first one deleted: what it added is left, which event, status and log name', async () => {
    const shop = await movedShop({ deletionPolicy: 'Empty', ...trusting });
    const id = shop.sandbox.segments()[0]?.id;
    await shop.delete('CriteoConnection', connectionName);
    await shop.patch('CriteoSegmentExport', exportName, {
      spec: { segments: [{ name: 'readers', criteoName: 'Readers, Baltic' }] },
    });
    await shop.untilExport('the new name is seen', isCurrent);
    const { status } = await shop.runOnce();
    expect(status?.lastRun?.outcome).toBe('Succeeded');
    const { note, type } = await shop.untilEvent('LeftAtCriteo', exportName);
    expect(type).toBe('Warning');
    expect(note).toContain(`${id} "readers" of advertiser 12345`);
    expect(status?.retirements).toMatchObject([{ outcome: 'LeftAtCriteo', message: note }]);
    expect(shop.controllers[0]?.output).toContain(`${id} \\"readers\\" of advertiser 12345`);
    expect(status?.ledgers).toMatchObject([{ connection: 'baltic' }]);
  });
});

test.concurrent('a controller that is killed at any moment of it deals with it once, and loses no run', async () => {
  const shop = await movedShop({ deletionPolicy: 'Delete', ...trusting });
  shop.sandbox.addFault({ kind: 'delay', milliseconds: 1000, times: 'always' });
  await shop.request();
  for (const wait of [300, 900, 1500]) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    await shop.controllers.at(-1)?.kill();
    await shop.startController();
  }
  const { status } = await shop.untilExport(
    'the run is over',
    (object) => object.status?.history?.length === 2 && object.status.activeRun === undefined,
  );
  expect(status?.lastRun?.outcome).toBe('Succeeded');
  expect(status?.retirements).toMatchObject([{ connection: connectionName, outcome: 'Succeeded' }]);
  expect(world.kubelet.mostAtOnce(shop.namespace)).toBe(1);
  expect(shop.sandbox.segments().map(({ digest }) => digest)).toEqual([digestOf(people)]);
});
