import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '../cluster/wait.ts';
import { fillClaim } from '../support/volume.ts';
import { connection, digestOf, openShop, type Shop, secret, segmentExport } from './shop.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await openShop('e2e-mirror', { 'people.csv': listOf(['ada', 'bo', 'cy']) });
});
afterAll(() => shop?.[Symbol.asyncDispose]());

const addressOf = (name: string): string => `${name}@example.com`;

function listOf(names: readonly string[]): string {
  return `email,segment\n${names.map((name) => `${addressOf(name)},buyers\n`).join('')}`;
}

const digests = (names: readonly string[]): string => digestOf(names.map(addressOf));
const mirror = { removalGuard: { maxPercent: 50 }, deletionPolicy: 'Delete' };

test('with a ledger on a volume, who left the list is removed at Criteo', async () => {
  await shop.apply(secret());
  const base = (await connection(shop)) as { spec: object };
  await shop.apply({ ...base, spec: { ...base.spec, ledger: { volume: { size: '100Mi' } } } });
  await shop.apply(segmentExport(mirror));
  await shop.finished(await shop.request());
  expect(shop.sandbox.segments()).toMatchObject([{ digest: digests(['ada', 'bo', 'cy']) }]);

  await fillClaim(shop.ground, shop.namespace, 'people', {
    'people.csv': Buffer.from(listOf(['ada', 'bo', 'di'])),
  });
  const { lastRun } = await shop.finished(await shop.request());
  expect(lastRun).toMatchObject({ outcome: 'Succeeded', profiles: { uploaded: 1, removed: 1, held: 3 } });
  expect(shop.sandbox.segments()).toMatchObject([{ digest: digests(['ada', 'bo', 'di']) }]);
});

test('a removal that the guard stops runs after the approval that the message tells', async () => {
  await fillClaim(shop.ground, shop.namespace, 'people', { 'people.csv': Buffer.from(listOf(['ada'])) });
  const { lastRun } = await shop.finished(await shop.request());
  expect(lastRun).toMatchObject({ outcome: 'Failed' });
  expect(shop.sandbox.segments()).toMatchObject([{ digest: digests(['ada', 'bo', 'di']) }]);
  const [, command] = /`kubectl ([^`]+)`/.exec(lastRun?.message ?? '') ?? [];
  expect(command).toBeDefined();
  await shop.kubectl(...(command ?? '').replaceAll("'", '').split(' '));
  await waitFor('the removal at Criteo', 150_000, () =>
    shop.sandbox.segments()[0]?.digest === digests(['ada']) ? true : undefined,
  );
});

test('deleting the export deletes its segment at Criteo, and then the export is gone', async () => {
  await shop.kubectl('delete', 'criteosegmentexport', 'buyers', '--timeout=120s');
  expect(shop.sandbox.segments()).toEqual([]);
});
