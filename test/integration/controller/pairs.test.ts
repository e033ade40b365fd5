import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { conditionOf, digestOf, exportName, halfAYearAway, nextSecond, people, type Shop } from './shop.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

const triggers = {
  request: { start: (shop: Shop) => shop.request(), word: 'Request' },
  'job by hand': { start: (shop: Shop) => shop.createJobByHand('by-hand'), word: 'Manual' },
  schedule: {
    start: (shop: Shop) => shop.createScheduledJob(),
    word: 'Schedule',
  },
};
type Name = keyof typeof triggers;

const pairs: [Name, Name][] = [
  ['request', 'job by hand'],
  ['request', 'schedule'],
  ['job by hand', 'schedule'],
];

/** A Criteo that is slow enough for two runs to meet. */
async function slowShop(): Promise<Shop> {
  const shop = await world.shop();
  shop.sandbox.addFault({ kind: 'delay', milliseconds: 1500, operation: 'add', times: 'always' });
  await shop.startController();
  await shop.settle({ export: { schedule: { cron: halfAYearAway().cron } } });
  return shop;
}

/** Both have run, one after the other, and nothing is left that would start another. */
async function expectBothInTurn(shop: Shop, pair: [Name, Name]): Promise<void> {
  const { status } = await shop.untilRuns(2);
  await shop.nudge();
  const ran = status?.history?.map(({ trigger, outcome }) => `${trigger} ${outcome}`);
  expect(ran?.toSorted()).toEqual(pair.map((name) => `${triggers[name].word} Succeeded`).toSorted());
  await expectTheEnd(shop, 2);
}

/** The same of two that came at once: where the other one began first, a scheduled one may be answered by it. */
async function expectBothServed(shop: Shop, pair: [Name, Name]): Promise<void> {
  const { status } = await shop.untilExport(
    'both are served',
    ({ status: seen }) =>
      seen?.activeRun === undefined && (seen?.history?.length ?? 0) + (seen?.lastSkippedRun ? 1 : 0) === 2,
  );
  const answered = status?.lastSkippedRun;
  if (!answered) return await expectBothInTurn(shop, pair);
  const [other = ''] = pair.filter((name) => name !== 'schedule').map((name) => triggers[name].word);
  expect(answered).toMatchObject({ trigger: 'Schedule', reason: 'AnsweredByLastRun' });
  expect(status.lastRun).toMatchObject({ trigger: other, outcome: 'Succeeded' });
  expect(Date.parse(status.lastRun?.startedAt ?? '')).toBeGreaterThanOrEqual(
    Date.parse(answered.scheduledFor ?? ''),
  );
  await shop.nudge();
  await expectTheEnd(shop, 1);
}

async function expectTheEnd(shop: Shop, runs: number): Promise<void> {
  expect(shop.exporters()).toHaveLength(runs);
  expect(world.kubelet.mostAtOnce(shop.namespace)).toBe(1);
  expect(await shop.heldJobs()).toEqual([]);
  expect(shop.sandbox.segments().map(({ digest }) => digest)).toEqual([digestOf(people)]);
}

// First, as it waits for longer than all others take.
test.concurrent('a run that cannot start within its deadline is skipped with a reason', async () => {
  const shop = await world.shop();
  await shop.startController();
  const schedule = { cron: halfAYearAway().cron, startingDeadlineSeconds: 60 };
  await shop.settle({ export: { schedule } });
  // A run's calls together take longer than the deadline, which is the shortest there is.
  shop.sandbox.addFault({ kind: 'delay', milliseconds: 18_000, times: 'always' });
  await shop.createJobByHand('first');
  await shop.untilStarted(1);
  await shop.createJobByHand('second');
  const { note } = await shop.untilEvent('RunSkipped', exportName, 90_000);
  expect(note).toContain('The run second was skipped (StartingDeadlineExceeded)');
  expect(note).toContain('startingDeadlineSeconds (60)');
  shop.sandbox.clearFaults();
  await shop.untilRuns(1);
  await shop.nudge();
  expect(shop.exporters()).toHaveLength(1);
  expect(await shop.heldJobs()).toEqual([]);
}, 240_000);

describe.concurrent.each(pairs)('%s and %s', (first, second) => {
  test('at once: one waits for the other, and the status says so', async () => {
    const shop = await slowShop();
    // The first run is at work until the other one was seen to wait; an exporter waits for a minute.
    shop.sandbox.addFault({ kind: 'delay', milliseconds: 50_000, path: '/create$' });
    await Promise.all([triggers[first].start(shop), triggers[second].start(shop)]);
    const waiting = await shop.untilExport('a run waits', ({ status }) => status?.waitingRuns === 1);
    expect(conditionOf(waiting, 'Ready')).toMatchObject({
      status: 'True',
      message: expect.stringMatching(/A run waits: The run .* is not finished/),
    });
    shop.sandbox.clearFaults();
    await expectBothServed(shop, [first, second]);
  });

  test('at once while no controller runs: both are served in turn when it is back', async () => {
    const shop = await slowShop();
    await shop.controllers[0]?.kill();
    await Promise.all([triggers[first].start(shop), triggers[second].start(shop)]);
    await shop.startController();
    await expectBothServed(shop, [first, second]);
  });

  test.each([
    [first, second],
    [second, first],
  ] as [Name, Name][])(
    '%s at work when the controller is killed, then %s: it waits',
    async (before, after) => {
      const shop = await slowShop();
      await triggers[before].start(shop);
      await shop.untilStarted(1);
      await shop.controllers[0]?.kill();
      // A scheduled run whose time is that of the start would be answered by the one at work.
      await nextSecond();
      await triggers[after].start(shop);
      await shop.startController();
      await expectBothInTurn(shop, [before, after]);
    },
  );
});
