import { afterAll, beforeAll, expect, test } from 'vitest';
import { annotations } from '../../../api/names.ts';
import { waitFor } from '../../cluster/wait.ts';
import { conditionOf, digestOf, exportName, halfAYearAway, hasReason, people, type Shop } from './shop.ts';
import { startWorld, type World } from './world.ts';

/** A person ends one run by its name, with the command that docs/schedule.md has. */

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

async function cancel(shop: Shop, runName: string): Promise<void> {
  await shop.kubectl([
    'annotate',
    'criteosegmentexport',
    exportName,
    '--overwrite',
    `${annotations.cancelledRun}=${runName}`,
  ]);
}

/** A run that Criteo keeps for a minute; returns its name. */
async function runAtWork(shop: Shop): Promise<string> {
  shop.sandbox.addFault({ kind: 'delay', milliseconds: 60_000, path: '/create$' });
  await shop.startController();
  await shop.settle();
  await shop.request();
  await shop.untilStarted(1);
  const { status } = await shop.untilExport(
    'a run at work',
    (object) => object.status?.activeRun !== undefined,
  );
  return status?.activeRun?.jobName ?? '';
}

test.concurrent('a run at work ends, the export stays Ready, and the next run puts it right', async () => {
  const shop = await world.shop();
  const runName = await runAtWork(shop);
  await cancel(shop, runName);
  const ended = await shop.untilRuns(1);
  expect(ended.status).toMatchObject({
    lastRun: { jobName: runName, outcome: 'Cancelled', reason: 'Cancelled' },
    consecutiveFailures: 0,
    lastHandledCancelledRun: runName,
  });
  expect(conditionOf(ended, 'Ready')).toMatchObject({
    status: 'True',
    message: expect.stringContaining('The run was cancelled'),
  });
  expect(conditionOf(ended, 'LastRunSucceeded')).toMatchObject({ status: 'False', reason: 'Cancelled' });
  expect(await shop.untilEvent('RunCancelled', exportName)).toMatchObject({ type: 'Normal', count: 1 });
  await waitFor('the Job is gone', 30_000, async () => ((await shop.jobs()).length === 0 ? true : undefined));

  shop.sandbox.clearFaults();
  await shop.request();
  const { status } = await shop.untilRuns(2);
  expect(status?.lastRun?.outcome).toBe('Succeeded');
  expect(shop.sandbox.segments().map(({ digest }) => digest)).toEqual([digestOf(people)]);
});

test.concurrent('a run that waits never starts, and a wrong name ends nothing', async () => {
  const shop = await world.shop();
  const runName = await runAtWork(shop);
  await shop.createJobByHand('by-hand');
  await shop.untilExport('a run waits', ({ status }) => status?.waitingRuns === 1);

  await cancel(shop, 'nobody');
  expect(await shop.untilEvent('CancelIgnored', exportName)).toMatchObject({
    type: 'Warning',
    note: expect.stringContaining(`The one at work is ${runName}.`),
  });
  expect((await shop.getExport()).status).toMatchObject({ waitingRuns: 1, activeRun: { jobName: runName } });

  await cancel(shop, 'by-hand');
  await shop.untilGone('Job', 'by-hand');
  expect(await shop.untilEvent('RunCancelled', exportName)).toMatchObject({
    note: expect.stringContaining('by-hand'),
  });
  await cancel(shop, runName);
  const { status } = await shop.untilRuns(1);
  expect(status?.history?.map(({ jobName }) => jobName)).toEqual([runName]);
  expect(shop.exporters()).toHaveLength(1);
});

test.concurrent('kubectl get shows by what runs start, and when the schedule starts the next, but while it rests', async () => {
  const shop = await world.shop();
  await shop.startController();
  const { cron, time: nextRunTime } = halfAYearAway();
  const runAfter = [{ jobSelector: { matchLabels: { app: 'refresh' } } }];
  await shop.settle({ export: { schedule: { cron, timeZone: 'Etc/GMT' }, runAfter } });
  await shop.untilExport('the next run', ({ status }) => status?.nextRunTime === nextRunTime);
  const [header = '', row = ''] = (await shop.kubectl(['get', 'criteosegmentexport', '-o', 'wide'])).split(
    '\n',
  );
  expect(header).toContain('NEXT RUN');
  expect(row.slice(header.indexOf('NEXT RUN'))).toContain(nextRunTime);
  expect(row.slice(header.indexOf('SCHEDULE'))).toContain(`${cron} (Etc/GMT), after Jobs app=refresh  `);

  await shop.patch('CriteoSegmentExport', exportName, { spec: { suspend: true } });
  await shop.untilExport('no next run', ({ status }) => status?.nextRunTime === undefined);
});

test.concurrent('a schedule that never fires is told; mended, the next run is', async () => {
  const shop = await world.shop();
  await shop.startController();
  await shop.prepare();
  await shop.apply(shop.connection());
  await shop.apply(shop.segmentExport({ schedule: { cron: '0 0 30 2 *' } }));
  const stalled = await shop.untilExport('ScheduleNeverFires', hasReason('Stalled', 'ScheduleNeverFires'));
  expect(conditionOf(stalled, 'Ready')).toMatchObject({
    status: 'False',
    message: expect.stringContaining('spec.schedule.cron: "0 0 30 2 *" names a day that no month of it has'),
  });
  expect(stalled.status?.nextRunTime).toBeUndefined();

  await shop.apply(shop.segmentExport({ schedule: { cron: '0 0 28 2 *' } }));
  expect((await shop.ready()).status?.nextRunTime).toMatch(/-02-28T00:00:00Z$/);
});
