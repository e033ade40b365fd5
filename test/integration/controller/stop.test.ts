import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../../cluster/wait.ts';
import {
  conditionOf,
  connectionName,
  digestOf,
  exportName,
  hasReason,
  isCurrent,
  nextSecond,
  people,
  type Shop,
} from './shop.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

/** A run that has made its segment at Criteo and waits for the reply: it has sent nobody yet. */
async function shopWithRunAtWork(): Promise<Shop> {
  const shop = await world.shop();
  await shop.startController();
  await shop.settle();
  shop.sandbox.addFault({ kind: 'delay', milliseconds: 60_000, path: '/create$' });
  await shop.request();
  await waitFor('the run is at Criteo', 60_000, () =>
    shop.sandbox.segments().length > 0 ? true : undefined,
  );
  return shop;
}

async function untilEnded(shop: Shop): Promise<void> {
  await waitFor('the exporter has ended', 90_000, () =>
    shop.exporters().every(({ endedAt }) => endedAt !== undefined) ? true : undefined,
  );
}

function contactListCalls(shop: Shop): number {
  return shop.sandbox.requests().filter(({ path }) => path.endsWith('/contact-list')).length;
}

const ways = [
  {
    name: 'suspending the connection',
    stop: (shop: Shop) => shop.patch('CriteoConnection', connectionName, { spec: { suspend: true } }),
    reason: 'ConnectionSuspended',
    says: 'its connection was suspended',
    asks: true,
    resume: (shop: Shop) => shop.patch('CriteoConnection', connectionName, { spec: { suspend: false } }),
  },
  {
    name: 'taking the agreement back',
    stop: (shop: Shop) =>
      shop.patch('CriteoConnection', connectionName, { spec: { dataPrivacy: { agreed: false } } }),
    reason: 'ConsentWithdrawn',
    says: 'the agreement to the transfer was taken back',
    asks: true,
    resume: (shop: Shop) =>
      shop.patch('CriteoConnection', connectionName, { spec: { dataPrivacy: { agreed: true } } }),
  },
  {
    name: 'deleting the connection',
    stop: (shop: Shop) => shop.delete('CriteoConnection', connectionName),
    reason: 'ConnectionNotFound',
    says: 'its connection is gone',
    // Without a connection there is nothing that could be made of a request; it stands until there is one.
    asks: false,
    resume: (shop: Shop) => shop.apply(shop.connection()),
  },
];

describe.concurrent.each(ways)('$name', ({ stop, reason, says, asks, resume }) => {
  test('ends the run at work, starts nothing, and resuming starts nothing', async () => {
    const shop = await shopWithRunAtWork();
    await stop(shop);
    const stopped = await shop.untilExport(reason, hasReason('Ready', reason));
    await untilEnded(shop);
    const { status } = await shop.untilRuns(1);
    expect(status?.lastRun).toMatchObject({
      outcome: 'Cancelled',
      reason: 'Stopped',
      message: expect.stringContaining(says),
    });
    expect(conditionOf(stopped, 'LastRunSucceeded')).toMatchObject({ status: 'False', reason: 'Stopped' });
    expect(await shop.untilEvent('Stopped', exportName)).toMatchObject({
      count: 1,
      note: expect.stringContaining(says),
    });
    await waitFor('the Job is gone', 30_000, async () =>
      (await shop.jobs()).length === 0 ? true : undefined,
    );

    if (asks) await shop.request();
    await shop.nudge();
    // By a changed definition another Job takes the first one's place: the resume is to find it there.
    if (asks) {
      await shop.untilExport('it waits', (object) => isCurrent(object) && object.status?.waitingRuns === 1);
    }
    expect(shop.exporters()).toHaveLength(1);
    expect(contactListCalls(shop)).toBe(0);

    // What was asked for in the second of a resume counts as asked after it.
    await nextSecond();
    await resume(shop);
    await shop.untilExport('it is resumed', ({ status }) => status?.schedule?.suspended === false);
    await shop.ready();
    const resumed = await shop.nudge();
    expect(resumed.status?.activeRun).toBeUndefined();
    await waitFor('no run waits', 60_000, async () =>
      (await shop.heldJobs()).length === 0 ? true : undefined,
    );
    expect(shop.exporters()).toHaveLength(1);
    expect(contactListCalls(shop)).toBe(0);

    await shop.request();
    await shop.untilRuns(2);
    expect(shop.sandbox.segments().map(({ digest }) => digest)).toEqual([digestOf(people)]);
  });
});

test.concurrent('a connection that is suspended while no controller runs: the run ends when it is back', async () => {
  const shop = await shopWithRunAtWork();
  await shop.controllers[0]?.kill();
  await shop.patch('CriteoConnection', connectionName, { spec: { suspend: true } });
  await shop.startController();
  await untilEnded(shop);
  const { status } = await shop.untilRuns(1);
  expect(status?.lastRun).toMatchObject({ outcome: 'Cancelled', reason: 'Stopped' });
  expect(contactListCalls(shop)).toBe(0);
  expect(await shop.jobs()).toEqual([]);
});

test.concurrent('suspending the export lets the run at work end, and starts no new one', async () => {
  const shop = await world.shop();
  shop.sandbox.addFault({ kind: 'delay', milliseconds: 3000, path: '/create$' });
  await shop.startController();
  await shop.settle();
  await shop.request();
  await shop.untilStarted(1);
  await shop.patch('CriteoSegmentExport', exportName, { spec: { suspend: true } });
  const suspended = await shop.untilExport('Suspended', hasReason('Ready', 'Suspended'));
  expect(conditionOf(suspended, 'Ready')?.status).toBe('True');
  await shop.createJobByHand('by-hand');
  const { status } = await shop.untilRuns(1);
  expect(status?.lastRun?.outcome).toBe('Succeeded');

  await nextSecond();
  await shop.patch('CriteoSegmentExport', exportName, { spec: { suspend: false } });
  await shop.untilExport(
    'resumed',
    (object) => isCurrent(object) && !hasReason('Ready', 'Suspended')(object),
  );
  expect((await shop.untilEvent('RunSkipped', exportName)).note).toContain(
    'by-hand was skipped (AskedBeforeResume)',
  );
  await shop.nudge();
  expect(shop.exporters()).toHaveLength(1);
  expect(await shop.heldJobs()).toEqual([]);
});

test.concurrent('deleting the export ends its run and takes its CronJob and Jobs along', async () => {
  const shop = await shopWithRunAtWork();
  const cronJobName = await shop.cronJobName();
  await shop.delete('CriteoSegmentExport', exportName);
  await untilEnded(shop);
  await waitFor('its children are gone', 60_000, async () => {
    const { status } = await world.api.call(`${shop.path('CronJob')}/${cronJobName}`);
    return status === 404 && (await shop.jobs()).length === 0 ? true : undefined;
  });
  expect(contactListCalls(shop)).toBe(0);
});
