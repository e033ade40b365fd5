import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '../../cluster/wait.ts';
import { conditionOf, connectionName, exportName, hasReason } from './shop.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

test('a quota that refuses the Jobs is told in a condition, and lifting it is enough', async () => {
  const shop = await world.shop();
  await shop.prepare();
  await shop.forbid('Job', 'no-jobs');
  await shop.startController();
  await shop.apply(shop.connection());
  const refused = await shop.untilConnection('ChildRefused', hasReason('Ready', 'ChildRefused'));
  expect(conditionOf(refused, 'Ready')).toMatchObject({ status: 'False' });
  expect(conditionOf(refused, 'Ready')?.message).toContain('exceeded quota: no-jobs');
  await shop.untilEvent('ChildRefused', connectionName);

  await shop.kubectl(['delete', 'resourcequota', 'no-jobs', '--namespace', shop.namespace]);
  await shop.untilConnection('Ready', hasReason('Ready', 'CredentialsAccepted'));
});

test('a refusal is told once, however often the controller is started anew', async () => {
  const shop = await world.shop();
  await shop.prepare();
  const first = await shop.startController();
  await shop.apply(shop.connection());
  await shop.untilConnection('Ready', hasReason('Ready', 'CredentialsAccepted'));
  await shop.forbid('CronJob', 'no-cronjobs');
  await shop.apply(shop.segmentExport());
  const refused = await shop.untilExport('ChildRefused', hasReason('Ready', 'ChildRefused'));
  await shop.untilEvent('ChildRefused', exportName);
  await first.kill();

  const second = await shop.startController();
  await waitFor('it is refused again', 30_000, () =>
    second.output.includes('no-cronjobs') ? true : undefined,
  );
  expect((await shop.getExport()).status).toEqual(refused.status);
  await shop.kubectl(['delete', 'resourcequota', 'no-cronjobs', '--namespace', shop.namespace]);
  await shop.untilExport('Ready', hasReason('Ready', 'AwaitingRun'));
  const times = async (reason: string): Promise<number> =>
    (await shop.events(exportName))
      .filter((event) => event.reason === reason)
      .reduce((sum, { count }) => sum + count, 0);
  // Events are written one after another: with this one, those before it are there.
  await waitFor('AwaitingRun again', 30_000, async () =>
    (await times('AwaitingRun')) > 1 ? true : undefined,
  );
  expect([await times('AwaitingRun'), await times('ChildRefused')]).toEqual([2, 1]);
});
