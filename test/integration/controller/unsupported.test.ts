import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { conditionOf, exportName, hasReason, type Shop } from './shop.ts';
import { startWorld, type World } from './world.ts';

let world: World;
let shop: Shop;
beforeAll(async () => {
  world = await startWorld();
  shop = await world.shop();
  await shop.startController();
  await shop.settle();
});
afterAll(() => world?.[Symbol.asyncDispose]());

/** What the condition names, and a definition with it. */
const exportFields: { field: string; spec?: object; annotation?: string }[] = [
  { field: 'spec.runAfter', spec: { runAfter: [{ cronJob: 'nightly-refresh' }] } },
];

describe.concurrent('an export with', () => {
  test.each(exportFields)(
    '$field is refused by name; without it, it is used',
    async ({ field, spec, annotation }) => {
      const name = `export-${exportFields.findIndex((other) => other.field === field)}`;
      const plain = shop.segmentExport({}, name) as { spec: object; metadata: object };
      await shop.apply({
        ...shop.segmentExport(spec, name),
        metadata: {
          name,
          ...(annotation === undefined ? {} : { annotations: { [annotation]: '2026-11-22T04:00:00Z' } }),
        },
      });
      const refused = await shop.untilExport('NotYetSupported', hasReason('Ready', 'NotYetSupported'), name);
      const message = expect.stringContaining(`${field}: not supported by this release; remove it`);
      expect(conditionOf(refused, 'Ready')).toMatchObject({ status: 'False', message });
      expect(conditionOf(refused, 'Stalled')).toMatchObject({ status: 'True', message });
      expect(refused.status?.cronJobName).toBeUndefined();
      expect(await shop.untilEvent('NotYetSupported', name)).toMatchObject({
        type: 'Warning',
        count: 1,
        note: message,
      });

      await shop.apply(plain);
      // An annotation is no part of the generation.
      const usable = await shop.untilExport('AwaitingRun', hasReason('Ready', 'AwaitingRun'), name);
      expect(conditionOf(usable, 'Stalled')).toBeUndefined();
    },
  );
});

test('an export that gets such a field starts nothing, and its schedule rests, until the field is gone', async () => {
  await shop.apply(shop.segmentExport({ schedule: { cron: '0 4 1 1 *' } }));
  const { status } = await shop.ready();
  const suspended = async (): Promise<unknown> => {
    const { body } = await world.api.call(`${shop.path('CronJob')}/${status?.cronJobName}`);
    return (body.spec as { suspend?: boolean }).suspend;
  };
  expect(await suspended()).toBe(false);
  await shop.apply(
    shop.segmentExport({ schedule: { cron: '0 4 1 1 *' }, runAfter: [{ cronJob: 'refresh' }] }),
  );
  await shop.untilExport('NotYetSupported', hasReason('Ready', 'NotYetSupported'));
  await shop.createJobByHand('by-hand');
  await shop.untilExport('the run waits', (object) => object.status?.waitingRuns === 1);
  await expect.poll(suspended, { timeout: 10_000 }).toBe(true);
  expect(shop.exporters()).toEqual([]);

  await shop.apply(shop.segmentExport({ schedule: { cron: '0 4 1 1 *' } }));
  const { status: after } = await shop.untilRuns(1);
  expect(after?.lastRun).toMatchObject({ trigger: 'Manual', outcome: 'Succeeded' });
  expect(await suspended()).toBe(false);
  expect((await shop.getExport(exportName)).status?.cronJobName).toBe(status?.cronJobName);
});
