import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { annotations } from '../../../api/names.ts';
import { conditionOf, digestOf, exportName, halfAYearAway, people, type Shop } from './shop.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

async function readyShop(spec: object = {}): Promise<Shop> {
  const shop = await world.shop();
  await shop.startController();
  await shop.settle({ export: spec });
  return shop;
}

/** One run, it succeeded, and nothing is left that would start another. */
async function expectOneRun(shop: Shop, trigger: 'Request' | 'Manual' | 'Schedule'): Promise<void> {
  await shop.untilRuns(1);
  const { status } = await shop.nudge();
  expect(status?.history).toMatchObject([{ trigger, outcome: 'Succeeded' }]);
  expect(shop.exporters()).toHaveLength(1);
  expect(await shop.heldJobs()).toEqual([]);
  expect(shop.sandbox.segments().map(({ digest }) => digest)).toEqual([digestOf(people)]);
}

describe.concurrent('each starts one run:', () => {
  test('the annotation', async () => {
    const shop = await readyShop();
    const value = await shop.request();
    await expectOneRun(shop, 'Request');
    expect((await shop.getExport()).status?.lastHandledRequestedAt).toBe(value);
  });

  test('kubectl create job --from', async () => {
    const shop = await readyShop();
    await shop.createJobByHand('by-hand');
    await expectOneRun(shop, 'Manual');
  });

  test('a Job as the CronJob controller makes it', async () => {
    const shop = await readyShop({ schedule: { cron: halfAYearAway().cron } });
    const scheduled = await shop.createScheduledJob();
    await expectOneRun(shop, 'Schedule');
    expect(Date.parse((await shop.getExport()).status?.lastRun?.scheduledFor ?? '')).toBe(
      Date.parse(scheduled),
    );
  });

  test('the schedule itself', async () => {
    const shop = await readyShop({ schedule: { cron: '* * * * *' } });
    await shop.untilExport(
      'a scheduled run',
      ({ status }) => status?.lastRun !== undefined,
      exportName,
      110_000,
    );
    // Before the next minute's: what is asserted is that this one started one run.
    await shop.patch('CriteoSegmentExport', exportName, { spec: { suspend: true } });
    await expectOneRun(shop, 'Schedule');
  }, 240_000);
});

describe.concurrent('a request', () => {
  test('starts nothing again when its value is set a second time', async () => {
    const shop = await readyShop();
    const value = await shop.request();
    await shop.untilRuns(1);
    await shop.patch('CriteoSegmentExport', exportName, {
      metadata: { annotations: { [annotations.requestedAt]: null } },
    });
    await shop.nudge();
    await shop.request(value);
    await expectOneRun(shop, 'Request');
  });

  test('starts nothing when its Job was removed and the controller is started anew', async () => {
    const shop = await readyShop();
    await shop.request();
    await shop.untilRuns(1);
    await shop.controllers[0]?.kill();
    for (const { metadata } of await shop.jobs()) await shop.delete('Job', metadata.name);
    await shop.startController();
    await expectOneRun(shop, 'Request');
  });

  test('older than the last one starts nothing, and an event says so', async () => {
    const shop = await readyShop();
    const older = new Date().toISOString();
    await shop.request(new Date(Date.parse(older) + 1).toISOString());
    await shop.untilRuns(1);
    await shop.request(older);
    const { note } = await shop.untilEvent('RequestIgnored', exportName);
    expect(note).toContain(older);
    expect(note).toContain('not newer than the last one handled');
    await expectOneRun(shop, 'Request');
  });

  test('older than the object, as in a restored backup, starts nothing', async () => {
    const shop = await world.shop();
    await shop.startController();
    await shop.prepare();
    await shop.apply(shop.connection());
    const restored = shop.segmentExport() as { metadata: object };
    await shop.apply({
      ...restored,
      metadata: { ...restored.metadata, annotations: { [annotations.requestedAt]: '2020-01-01T00:00:00Z' } },
    });
    await shop.ready();
    const { status } = await shop.nudge();
    expect((await shop.untilEvent('RequestIgnored', exportName)).note).toContain('older than this object');
    expect(status?.lastHandledRequestedAt).toBe('2020-01-01T00:00:00Z');
    expect(shop.exporters()).toEqual([]);
    expect(await shop.jobs()).toEqual([]);
  });

  test('that is no time starts nothing, and the export stays Ready', async () => {
    const shop = await readyShop();
    await shop.request('now');
    expect((await shop.untilEvent('RequestIgnored', exportName)).note).toContain('RFC 3339');
    const object = await shop.nudge();
    expect(conditionOf(object, 'Ready')?.status).toBe('True');
    expect(await shop.jobs()).toEqual([]);
  });

  test('made while no controller runs starts one run when it is back', async () => {
    const shop = await readyShop();
    await shop.controllers[0]?.kill();
    await shop.request();
    await shop.startController();
    await expectOneRun(shop, 'Request');
  });
});

test('a change of the definition starts nothing', async () => {
  const shop = await readyShop();
  await shop.patch('CriteoSegmentExport', exportName, {
    spec: { segments: [{ name: 'readers', criteoName: 'R' }] },
  });
  await shop.nudge();
  expect(await shop.jobs()).toEqual([]);
  expect(shop.exporters()).toEqual([]);
});
