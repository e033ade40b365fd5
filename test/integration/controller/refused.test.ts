import { afterAll, beforeAll, expect, test } from 'vitest';
import { conditionOf, connectionName, hasReason } from './shop.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

test('a quota that refuses the Jobs is told in a condition, and lifting it is enough', async () => {
  const shop = await world.shop();
  await shop.prepare();
  await shop.create(`/api/v1/namespaces/${shop.namespace}/resourcequotas`, {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'no-jobs' },
    spec: { hard: { 'count/jobs.batch': '0' } },
  });
  await shop.startController();
  await shop.apply(shop.connection());
  const refused = await shop.untilConnection('ChildRefused', hasReason('Ready', 'ChildRefused'));
  expect(conditionOf(refused, 'Ready')).toMatchObject({ status: 'False' });
  expect(conditionOf(refused, 'Ready')?.message).toContain('exceeded quota: no-jobs');
  await shop.untilEvent('ChildRefused', connectionName);

  await shop.kubectl(['delete', 'resourcequota', 'no-jobs', '--namespace', shop.namespace]);
  await shop.untilConnection('Ready', hasReason('Ready', 'CredentialsAccepted'));
});
