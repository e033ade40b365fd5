import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '../../cluster/wait.ts';
import { connectionName, csvOf, digestOf, exportName, type Shop, writes } from './shop.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

const readers = [
  'anna@example.com',
  ' Berit@Example.COM',
  'chris@example.com',
  'anna@example.com',
  'no address',
  '',
];
const buyers = ['anna@example.com', 'øystein@blåbær.example'];
const asYaml = (...objects: object[]): string =>
  objects.map((object) => `---\n${JSON.stringify(object)}\n`).join('');

async function appliedShop(): Promise<Shop> {
  const shop = await world.shop();
  await shop.prepare({
    'people.csv': `${csvOf(readers, 'readers')}${csvOf(buyers, 'buyers').split('\n').slice(1).join('\n')}`,
  });
  await shop.startController();
  const segments = [{ name: 'readers' }, { name: 'buyers', criteoName: 'Buyers 2026' }];
  await shop.kubectl(['apply', '-f', '-'], asYaml(shop.connection(), shop.segmentExport({ segments })));
  return shop;
}

test('from two manifests to Criteo: nothing runs until it is asked for, then Criteo holds exactly the people of the file', async () => {
  const shop = await appliedShop();
  for (const resource of [`criteoconnection/${connectionName}`, `criteosegmentexport/${exportName}`]) {
    await shop.kubectl(['wait', '--for=condition=Ready', resource, '--timeout=60s']);
  }
  const applied = await shop.getExport();
  expect(applied.status).toMatchObject({
    conditions: [{ type: 'Ready', status: 'True', reason: 'AwaitingRun' }],
    segmentCount: 2,
    advertiserId: '12345',
    mode: 'AddOnly',
  });
  expect((await shop.getConnection()).status).toMatchObject({
    conditions: [{ type: 'Ready', status: 'True', reason: 'CredentialsAccepted' }],
    advertisers: { total: 1, ids: ['12345'] },
  });
  const cronJob = JSON.parse(await shop.kubectl(['get', 'cronjob', await shop.cronJobName(), '-o', 'json']));
  expect(cronJob.spec.suspend).toBe(true);
  expect(await shop.jobs()).toEqual([]);
  expect(writes(shop.sandbox)).toBe(0);

  const value = new Date().toISOString();
  await shop.kubectl(['annotate', `criteoexport/${exportName}`, `segmentexport.io/requestedAt=${value}`]);
  await shop.kubectl([
    'wait',
    '--for=condition=LastRunSucceeded',
    `criteoexport/${exportName}`,
    '--timeout=60s',
  ]);

  expect(shop.sandbox.segments().map(({ name, digest }) => ({ name, digest }))).toEqual([
    { name: 'readers', digest: digestOf(['anna@example.com', 'berit@example.com', 'chris@example.com']) },
    { name: 'Buyers 2026', digest: digestOf(buyers) },
  ]);
  expect(shop.sandbox.violations()).toEqual([]);
  const [job] = await shop.jobs();
  const { status } = await shop.getExport();
  const zero = { invalid: 0, empty: 0, duplicate: 0, refused: 0 };
  expect(status).toMatchObject({
    lastHandledRequestedAt: value,
    consecutiveFailures: 0,
    lastRun: {
      jobName: job?.metadata.name,
      trigger: 'Request',
      requestedAt: value,
      outcome: 'Succeeded',
      reason: 'Succeeded',
      generation: 1,
      // A token, the advertisers, the list of segments, two made and filled, and the statistics of both.
      criteoCalls: 9,
      throttledSeconds: 0,
      profiles: { read: 8, invalid: 1, empty: 1, duplicate: 1, selected: 5, uploaded: 5, refused: 0 },
    },
    segments: [
      {
        name: 'readers',
        criteoName: 'readers',
        outcome: 'Succeeded',
        read: 6,
        invalid: 1,
        empty: 1,
        duplicate: 1,
        selected: 3,
        uploaded: 3,
        refused: 0,
        statistics: { numberOfIdentifiers: 3, numberOfMatches: 1 },
      },
      {
        name: 'buyers',
        criteoName: 'Buyers 2026',
        outcome: 'Succeeded',
        read: 2,
        selected: 2,
        uploaded: 2,
        ...zero,
      },
    ],
    history: [{ outcome: 'Succeeded' }],
  });
  expect(status?.activeRun).toBeUndefined();
  // The end is logged when the write is answered that status has it from.
  await waitFor('the run in the logs', 60_000, () => {
    const lines = shop.logs.split('\n').filter((line) => line.includes(`"run":"${job?.metadata.name}"`));
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(
      expect.arrayContaining(['run created', 'run released', 'run begins', 'run ends', 'run ended']),
    );
    return true;
  });
  await shop.untilEvent('RunSucceeded', exportName);
  expect((await shop.events(exportName)).map(({ type, reason }) => `${type} ${reason}`)).toEqual([
    'Normal AwaitingRun',
    'Normal RunStarted',
    'Normal RunSucceeded',
  ]);
  expect((await shop.events(connectionName)).map(({ type, reason }) => `${type} ${reason}`)).toEqual([
    'Normal CredentialsAccepted',
  ]);

  const table = await shop.kubectl(['get', 'criteo']);
  expect(table).toMatch(/nordic .*True/);
  expect(table).toMatch(/newsletter +nordic +2 .*True +\d+s +Succeeded +5 /);
});

test('a run through a Job by hand shows in the status as by hand, and a second one sends the same', async () => {
  const shop = await appliedShop();
  await shop.ready();
  await shop.createJobByHand('by-hand-1');
  await shop.untilRuns(1);
  const first = shop.sandbox.segments();
  await shop.createJobByHand('by-hand-2');
  const { status } = await shop.untilRuns(2);
  expect(status?.history?.map(({ trigger, outcome }) => ({ trigger, outcome }))).toEqual([
    { trigger: 'Manual', outcome: 'Succeeded' },
    { trigger: 'Manual', outcome: 'Succeeded' },
  ]);
  expect(shop.sandbox.segments()).toEqual(first);
});
