import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  conditionOf,
  connectionName,
  csvOf,
  digestOf,
  exportName,
  hasReason,
  isCurrent,
  type Shop,
  withLedger,
  writes,
} from './shop.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

const three = ['anna@example.com', 'berit@example.com', 'chris@example.com'];

async function mirrorShop(spec: object = {}, people: readonly string[] = three): Promise<Shop> {
  const shop = await world.shop();
  await shop.startController();
  await shop.settle({ connection: withLedger, export: spec, files: { 'people.csv': csvOf(people) } });
  return shop;
}

interface Claim {
  metadata: { name: string; labels?: Record<string, string>; ownerReferences?: object[] };
  spec: { accessModes: string[]; resources: { requests: object } };
}

async function ledgerClaims(shop: Shop): Promise<Claim[]> {
  const { body } = await world.api.call(shop.path('PersistentVolumeClaim'));
  return (body.items as Claim[]).filter(({ metadata }) => metadata.name !== 'data');
}

test.concurrent('who left the list is removed at Criteo, who came is added, and an unchanged list sends nothing', async () => {
  const shop = await mirrorShop();
  expect((await shop.getExport()).status?.mode).toBe('Mirror');
  const first = await shop.runOnce();
  expect(first.status?.lastRun).toMatchObject({
    outcome: 'Succeeded',
    profiles: { uploaded: 3, removed: 0, held: 3 },
    message: 'Criteo holds 3 profiles in 1 segment; 3 were added and 0 removed.',
  });
  expect(first.status?.segments).toMatchObject([{ action: 'Create', origin: 'Created', held: 3 }]);

  const [segment] = shop.sandbox.segments();
  shop.sandbox.changeMembers({ segmentId: segment?.id ?? '', identifiers: ['foreign@example.com'] });
  const now = ['berit@example.com', 'chris@example.com', 'dora@example.com'];
  await shop.putFiles({ 'people.csv': csvOf(now) });
  await shop.patch('CriteoSegmentExport', exportName, { spec: { removalGuard: { maxPercent: 50 } } });
  await shop.untilExport('the new definition is seen', isCurrent);
  const second = await shop.runOnce();
  expect(second.status?.lastRun).toMatchObject({
    outcome: 'Succeeded',
    profiles: { uploaded: 1, removed: 1, held: 3 },
  });
  // Whom somebody else put there stays.
  expect(shop.sandbox.segments().map(({ digest }) => digest)).toEqual([
    digestOf([...now, 'foreign@example.com']),
  ]);

  const before = writes(shop.sandbox);
  const third = await shop.runOnce();
  expect(third.status?.lastRun?.message).toBe('Criteo holds 3 profiles in 1 segment; nothing had changed.');
  expect(writes(shop.sandbox)).toBe(before);
  expect(await shop.kubectl(['get', 'criteoexport', exportName])).toMatch(
    /True +\d+s +Succeeded +3 +Criteo holds 3/,
  );
  expect(shop.sandbox.violations()).toEqual([]);
});

test.concurrent('the ledger of a volume has a claim that outlives its connection, and is found again', async () => {
  const shop = await mirrorShop();
  await shop.runOnce();
  const [claim, ...others] = await ledgerClaims(shop);
  expect(others).toEqual([]);
  expect(claim?.metadata.labels).toMatchObject({ 'app.kubernetes.io/managed-by': 'criteo-segment-export' });
  expect(claim?.metadata).not.toHaveProperty('ownerReferences');
  expect(claim?.spec).toMatchObject({
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '1Gi' } },
  });
  expect((await shop.getConnection()).status?.ledger).toEqual({
    claimName: claim?.metadata.name,
    accessModes: ['ReadWriteOnce'],
  });

  await shop.delete('CriteoConnection', connectionName);
  await shop.untilExport('ConnectionNotFound', hasReason('Ready', 'ConnectionNotFound'));
  expect(await ledgerClaims(shop)).toMatchObject([{ metadata: { name: claim?.metadata.name } }]);
  await shop.apply(shop.connection(withLedger));
  await shop.ready();
  const before = writes(shop.sandbox);
  const { status } = await shop.runOnce();
  expect(status?.lastRun?.message).toContain('nothing had changed');
  expect(writes(shop.sandbox)).toBe(before);
});

test.concurrent("a claim of that name that is somebody else's is not written to", async () => {
  const shop = await mirrorShop();
  const [claim] = await ledgerClaims(shop);
  await shop.patch('CriteoConnection', connectionName, { spec: { ledger: null } });
  await shop.ready();
  await shop.patch('PersistentVolumeClaim', claim?.metadata.name ?? '', {
    metadata: { labels: { 'app.kubernetes.io/managed-by': 'somebody' } },
  });
  await shop.patch('CriteoConnection', connectionName, { spec: withLedger });
  const refused = await shop.untilConnection('LedgerClaimNotOurs', hasReason('Ready', 'LedgerClaimNotOurs'));
  expect(conditionOf(refused, 'Stalled')?.message).toContain(claim?.metadata.name);
  await shop.patch('PersistentVolumeClaim', claim?.metadata.name ?? '', {
    metadata: { labels: { 'app.kubernetes.io/managed-by': 'criteo-segment-export' } },
  });
  await shop.untilConnection('Ready', hasReason('Ready', 'CredentialsAccepted'));
});

test.concurrent('what removes needs a ledger, and the message names the field and the ways out', async () => {
  const shop = await world.shop();
  await shop.startController();
  await shop.prepare();
  await shop.apply(shop.connection());
  await shop.apply(shop.segmentExport({ deletionPolicy: 'Empty' }));
  const refused = await shop.untilExport('LedgerRequired', hasReason('Ready', 'LedgerRequired'));
  expect(conditionOf(refused, 'Stalled')?.message).toContain('spec.deletionPolicy: Empty: it needs a ledger');
  await shop.patch('CriteoConnection', connectionName, { spec: withLedger });
  await shop.ready();
  expect((await shop.runOnce()).status?.lastRun?.outcome).toBe('Succeeded');
});

test.concurrent('without a ledger an export adds as before, and says what Criteo acknowledged', async () => {
  const shop = await world.shop();
  await shop.startController();
  await shop.settle({ files: { 'people.csv': csvOf(three) } });
  const { status } = await shop.runOnce();
  expect(status).toMatchObject({
    mode: 'AddOnly',
    lastRun: { message: 'Criteo acknowledged 3 profiles in 1 segment.', profiles: { uploaded: 3, held: 3 } },
  });
  expect(status).not.toHaveProperty('ledgers');
  expect((await shop.getExport()).metadata.finalizers).toBeUndefined();
});

test.concurrent('people without consent are left out, counted, and removed whatever the guard says', async () => {
  const shop = await world.shop();
  await shop.startController();
  const file = (...rows: [string, string][]) =>
    `email,segment,doNotEmail\n${rows.map(([email, no]) => `${email},readers,${no}\n`).join('')}`;
  await shop.settle({
    connection: withLedger,
    export: { consent: { field: 'doNotEmail', equals: 'false' }, removalGuard: { maxPercent: 0 } },
    files: { 'people.csv': file(['anna@example.com', 'false'], ['berit@example.com', 'false']) },
  });
  await shop.runOnce();
  await shop.putFiles({
    'people.csv': file(
      ['anna@example.com', 'false'],
      ['berit@example.com', 'true'],
      ['chris@example.com', ''],
    ),
  });
  const { status } = await shop.runOnce();
  expect(status?.lastRun).toMatchObject({
    outcome: 'Succeeded',
    profiles: { withoutConsent: 2, selected: 1, removed: 1, held: 1 },
  });
  expect(shop.sandbox.segments().map(({ digest }) => digest)).toEqual([digestOf(['anna@example.com'])]);
});
