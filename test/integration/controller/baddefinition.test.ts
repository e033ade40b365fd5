import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  conditionOf,
  connectionName,
  digestOf,
  exportName,
  goodCredentials,
  hasReason,
  people,
  type Shop,
  secretName,
  writes,
} from './shop.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

/** Both resources applied, and what they need but the Secret. */
async function shopWithSecret(credentials: Record<string, string> | undefined): Promise<Shop> {
  const shop = await world.shop();
  await shop.startController();
  await shop.prepare();
  await shop.deleteSecret();
  if (credentials) await shop.putSecret(credentials);
  await shop.apply(shop.connection());
  await shop.apply(shop.segmentExport());
  return shop;
}

async function warnings(shop: Shop, about: string) {
  return (await shop.events(about)).filter(({ type }) => type === 'Warning');
}

async function expectMended(shop: Shop): Promise<void> {
  await shop.ready();
  await shop.request();
  const { status } = await shop.untilRuns(1);
  expect(status?.lastRun?.outcome).toBe('Succeeded');
  expect(shop.sandbox.segments().map(({ digest }) => digest)).toEqual([digestOf(people)]);
}

const badSecrets = [
  {
    name: 'that does not exist',
    credentials: undefined,
    reason: 'SecretNotFound',
    says: `the Secret "${secretName}" is not in this namespace; create it with the keys clientId and clientSecret`,
  },
  {
    name: 'without the right keys',
    credentials: { clientId: goodCredentials.clientId, password: goodCredentials.clientSecret },
    reason: 'SecretKeyMissing',
    says: `the Secret "${secretName}" has no key clientSecret`,
  },
  {
    name: 'with credentials that Criteo refuses',
    credentials: { ...goodCredentials, clientSecret: 'of-last-year' },
    reason: 'CredentialsRefused',
    says: `Criteo refused the client id and secret in the Secret "${secretName}"`,
  },
];

describe.concurrent('a Secret', () => {
  test.each(badSecrets)(
    '$name: both resources say so; mended, they are used without another act',
    async (bad) => {
      const shop = await shopWithSecret(bad.credentials);
      const connection = await shop.untilConnection(bad.reason, hasReason('Ready', bad.reason));
      const message = expect.stringContaining(bad.says);
      expect(conditionOf(connection, 'Ready')).toMatchObject({ status: 'False', message });
      expect(conditionOf(connection, 'Stalled')).toMatchObject({
        status: 'True',
        reason: bad.reason,
        message,
      });
      const blocked = await shop.untilExport('ConnectionNotReady', hasReason('Ready', 'ConnectionNotReady'));
      expect(conditionOf(blocked, 'Ready')).toMatchObject({ status: 'False', message });
      expect(await shop.untilEvent(bad.reason, connectionName)).toMatchObject({
        type: 'Warning',
        note: message,
      });

      await shop.putSecret(goodCredentials);
      // The controller reads no Secrets: half a minute may go by before it tries again.
      await shop.ready(exportName, 120_000);
      await expectMended(shop);
      expect((await warnings(shop, connectionName)).map(({ reason, count }) => ({ reason, count }))).toEqual([
        { reason: bad.reason, count: 1 },
      ]);
      expect((await warnings(shop, exportName)).map(({ reason }) => reason)).toEqual(['ConnectionNotReady']);
    },
    300_000,
  );

  test('that is rotated badly after the check: the run tells, the check follows at once, and both mend by themselves', async () => {
    const shop = await world.shop();
    await shop.startController();
    await shop.settle();
    await shop.putSecret({ ...goodCredentials, clientSecret: 'mistyped' });
    await shop.request();
    await shop.untilConnection('CredentialsRefused', hasReason('Ready', 'CredentialsRefused'));
    const { status } = await shop.untilRuns(1);
    expect(status?.lastRun).toMatchObject({ outcome: 'Failed', reason: 'CredentialsRefused' });
    expect(writes(shop.sandbox)).toBe(0);

    await shop.putSecret(goodCredentials);
    // A run and a check of one second may be followed by a second check at once, and then by a pause of a minute.
    await shop.ready(exportName, 150_000);
    await shop.request();
    await shop.untilRuns(2);
    expect(shop.sandbox.segments().map(({ digest }) => digest)).toEqual([digestOf(people)]);
  }, 300_000);
});

describe.concurrent('an advertiser that the account may not use', () => {
  test('as the connection names it', async () => {
    const shop = await world.shop();
    await shop.startController();
    await shop.prepare();
    await shop.apply(shop.connection({ advertiserId: '999' }));
    await shop.apply(shop.segmentExport());
    const bad = await shop.untilConnection(
      'AdvertiserNotAllowed',
      hasReason('Ready', 'AdvertiserNotAllowed'),
    );
    expect(conditionOf(bad, 'Ready')).toMatchObject({
      status: 'False',
      message: expect.stringContaining("Criteo's account may not use advertiser 999"),
    });
    expect(bad.status?.advertisers).toEqual({ total: 1, ids: ['12345'] });
    await shop.untilEvent('AdvertiserNotAllowed', connectionName);
    expect(await warnings(shop, connectionName)).toHaveLength(1);
    await shop.apply(shop.connection());
    await expectMended(shop);
  });

  test('as the export names it: no run starts', async () => {
    const shop = await world.shop();
    await shop.startController();
    await shop.prepare();
    await shop.apply(shop.connection());
    await shop.apply(shop.segmentExport({ advertiserId: '999' }));
    const bad = await shop.untilExport('AdvertiserNotAllowed', hasReason('Ready', 'AdvertiserNotAllowed'));
    expect(conditionOf(bad, 'Stalled')).toMatchObject({
      status: 'True',
      message: expect.stringContaining("take one of the connection's status.advertisers"),
    });
    await shop.untilEvent('AdvertiserNotAllowed', exportName);
    expect(await warnings(shop, exportName)).toHaveLength(1);
    await shop.request();
    await shop.untilExport('the run waits', ({ status }) => status?.waitingRuns === 1);
    expect(shop.exporters()).toEqual([]);

    await shop.apply(shop.segmentExport());
    await shop.ready();
    // The request still stands: mending the definition is all that it waited for.
    const { status } = await shop.untilRuns(1);
    expect(status?.lastRun?.outcome).toBe('Succeeded');
  });
});

test.concurrent('a claim that does not exist: the export says so, and is used as soon as it exists', async () => {
  const shop = await world.shop();
  await shop.startController();
  await shop.putSecret(goodCredentials);
  await shop.apply(shop.connection());
  await shop.apply(shop.segmentExport());
  const bad = await shop.untilExport('ClaimNotFound', hasReason('Ready', 'ClaimNotFound'));
  expect(conditionOf(bad, 'Ready')).toMatchObject({
    status: 'False',
    message: expect.stringContaining('no claim "data" is in this namespace; create it or name another'),
  });
  await shop.untilEvent('ClaimNotFound', exportName);
  expect(await warnings(shop, exportName)).toHaveLength(1);
  await shop.prepare();
  await expectMended(shop);
});

test.concurrent('a connection that does not exist: the export says so, and is used as soon as it is applied', async () => {
  const shop = await world.shop();
  await shop.startController();
  await shop.prepare();
  await shop.apply(shop.segmentExport());
  const bad = await shop.untilExport('ConnectionNotFound', hasReason('Ready', 'ConnectionNotFound'));
  expect(conditionOf(bad, 'Ready')).toMatchObject({
    status: 'False',
    message: expect.stringContaining(`no CriteoConnection "${connectionName}" is in this namespace`),
  });
  await shop.apply(shop.connection());
  await expectMended(shop);
});

test.concurrent('a base URL that is not allowed gets no credentials', async () => {
  const shop = await world.shop();
  await shop.startController();
  await shop.prepare();
  await shop.apply(shop.connection({ api: { baseUrl: 'https://collector.example' } }));
  const bad = await shop.untilConnection('BaseUrlNotAllowed', hasReason('Ready', 'BaseUrlNotAllowed'));
  expect(conditionOf(bad, 'Stalled')).toMatchObject({
    message: expect.stringContaining('--allowed-base-url'),
  });
  expect(world.kubelet.runs(shop.namespace, 'Check')).toEqual([]);
});

test.concurrent('a field that does not exist is refused by kubectl apply', async () => {
  const shop = await world.shop();
  const wrong = JSON.stringify(shop.segmentExport({ segmets: [] }));
  await expect(shop.kubectl(['apply', '-f', '-'], wrong)).rejects.toThrow(/unknown field "spec\.segmets"/);
});
