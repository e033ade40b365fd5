import { annotations } from '../../../api/names.ts';
import { waitFor } from '../../cluster/wait.ts';
import { csvOf, exportName, halfAYearAway, people, type Shop, withLedger } from '../controller/shop.ts';
import {
  all,
  awaitingRun,
  ended,
  guarded,
  patchConnection,
  ranOnce,
  runAtWork,
  type Story,
  until,
} from './story.ts';

const good = { 'people.csv': csvOf(people) };
const withoutSource = { files: {} };
const mirror = { connection: withLedger };

/** One run, to its end. */
const run = (shop: Shop): Promise<unknown> => shop.runOnce();

/** Events are written in the background. */
async function started(shop: Shop, count: number): Promise<void> {
  await waitFor(`${count} events RunStarted`, 60_000, async () => {
    const told = (await shop.events(exportName)).filter(({ reason }) => reason === 'RunStarted');
    return told.length >= count ? true : undefined;
  });
}

/** Cancels the run at work; with it so many have ended. */
async function cancelled(shop: Shop, count: number): Promise<void> {
  const { status } = await shop.getExport();
  await shop.annotate(annotations.cancelledRun, status?.activeRun?.jobName ?? '');
  await ended(shop, count);
}

async function change(shop: Shop): Promise<void> {
  await shop.patch('CriteoSegmentExport', exportName, { spec: { name: 'Changed' } });
}

/** Rows of docs/states.md, "Runs". */
export const runs: Record<string, Story> = {
  'its first run is at work': { reach: (shop) => runAtWork(shop) },
  'a second run waits for the one at work': {
    before: async (shop) => {
      await awaitingRun(shop);
      await runAtWork(shop);
      await shop.untilEvent('RunStarted', exportName);
    },
    reach: async (shop) => {
      await shop.createJobByHand('by-hand');
      await shop.untilExport('a run waits', ({ status }) => status?.waitingRuns === 1);
    },
  },
  'the last run succeeded': { before: (shop) => awaitingRun(shop, mirror), reach: run },
  'the last run succeeded, and the next is at work': {
    before: (shop) => ranOnce(shop),
    reach: (shop) => runAtWork(shop),
  },
  'some segments of the last run failed': {
    before: (shop) => awaitingRun(shop, { export: { segments: [{ name: 'readers' }, { name: 'lapsed' }] } }),
    reach: run,
  },
  'the last run failed by what a person mends: its source is not there': {
    before: (shop) => awaitingRun(shop, withoutSource),
    reach: run,
  },
  'its source is empty': {
    before: (shop) => awaitingRun(shop, { files: { 'people.csv': '' } }),
    reach: run,
  },
  'its source is older than maxSourceAgeSeconds': {
    before: async (shop) => {
      await awaitingRun(shop, { export: { maxSourceAgeSeconds: 3600 } });
      await shop.dateFiles(['people.csv'], new Date('2026-01-02T03:04:05Z'));
    },
    reach: run,
  },
  'the last run failed so, and the next is at work': {
    before: async (shop) => {
      await ranOnce(shop, withoutSource);
      await shop.putFiles(good);
    },
    reach: (shop) => runAtWork(shop),
  },
  'the last run failed so, and the definition was changed a moment ago': {
    before: (shop) => ranOnce(shop, withoutSource),
    without: 'ControllerAnyMore',
    reach: change,
  },
  'the last run failed so, and no run has used the changed definition yet': {
    before: (shop) => ranOnce(shop, withoutSource),
    reach: async (shop) => {
      await change(shop);
      await until('AwaitingRun')(shop);
    },
  },
  'the last run failed by what passes': {
    waits: true,
    before: async (shop) => {
      await awaitingRun(shop);
      shop.sandbox.addFault({ kind: 'status', status: 503, path: '/create$', times: 'always' });
    },
    reach: async (shop) => {
      await shop.request();
      await ended(shop, 1, 170_000);
    },
  },
  'three runs in a row failed by what passes': {
    before: async (shop) => {
      await awaitingRun(shop);
      // Kubernetes takes more than a minute to give up a run that Criteo fails: one without a report ends at once.
      shop.world.kubelet.setFate(shop.namespace, {
        kind: 'EndsAs',
        end: () => ({ exitCode: 0, message: '' }),
      });
    },
    reach: async (shop) => {
      for (let count = 1; count <= 3; count++) await shop.runOnce();
    },
  },
  'the removal guard waits for a word': {
    before: async (shop) => {
      await ranOnce(shop, { ...mirror, files: { 'people.csv': csvOf(people) } });
      await shop.putFiles({ 'people.csv': csvOf(people.slice(0, 1)) });
    },
    reach: run,
  },
  'the removal guard waits, and a person cancelled the next run': {
    before: async (shop) => {
      await guarded(shop);
      await shop.untilEvent('RemovalGuard', exportName);
      await shop.putFiles({ 'people.csv': csvOf([...all, 'erik@example.com']) });
      await runAtWork(shop);
      await started(shop, 3);
    },
    reach: (shop) => cancelled(shop, 3),
  },
  'a person approved it': {
    before: async (shop) => {
      await guarded(shop);
      await shop.untilEvent('RemovalGuard', exportName);
    },
    reach: async (shop) => {
      const { status } = await shop.getExport();
      await shop.approve(status?.pendingApproval?.runName ?? '');
      await ended(shop, 3);
    },
  },
  'a person cancelled the run': {
    before: async (shop) => {
      await awaitingRun(shop);
      await runAtWork(shop);
      await shop.untilEvent('RunStarted', exportName);
    },
    reach: (shop) => cancelled(shop, 1),
  },
  'the last run failed by what a person mends, and a person cancelled the next': {
    before: async (shop) => {
      await ranOnce(shop, withoutSource);
      await shop.putFiles(good);
      await runAtWork(shop);
      await started(shop, 2);
    },
    reach: (shop) => cancelled(shop, 2),
  },
  'a plan was made': {
    before: (shop) => awaitingRun(shop, mirror),
    reach: (shop) => shop.planOnce(),
  },
  'a run was skipped: it could not start in time': {
    waits: true,
    before: async (shop) => {
      const schedule = { cron: halfAYearAway().cron, startingDeadlineSeconds: 60 };
      await awaitingRun(shop, { export: { schedule } });
      await runAtWork(shop);
      await shop.untilEvent('RunStarted', exportName);
    },
    reach: async (shop) => {
      await shop.createScheduledJob();
      await shop.untilEvent('RunSkipped', exportName, 100_000);
    },
  },
  'a scheduled run was skipped: the last one began later, and succeeded': {
    before: (shop) => ranOnce(shop, { export: { schedule: { cron: halfAYearAway().cron } } }),
    reach: async (shop) => {
      const { status } = await shop.getExport();
      await shop.createScheduledJob(status?.lastRun?.startedAt);
      await shop.untilEvent('RunSkipped', exportName);
    },
  },
  'its connection was suspended in mid-run': {
    before: async (shop) => {
      await awaitingRun(shop);
      await runAtWork(shop);
      await shop.untilEvent('RunStarted', exportName);
    },
    reach: async (shop) => {
      await patchConnection(shop, { suspend: true });
      await ended(shop);
      await until('ConnectionSuspended')(shop);
    },
  },
  'being deleted, and Criteo does not answer': {
    before: async (shop) => {
      await ranOnce(shop, { ...mirror, export: { deletionPolicy: 'Empty' } });
      shop.sandbox.addFault({ kind: 'delay', milliseconds: 150_000, path: '/contact-list$' });
    },
    reach: async (shop) => {
      await shop.delete('CriteoSegmentExport', exportName);
      await shop.untilExport('the Job that retires', ({ status }) => status?.activeRun !== undefined);
    },
  },
};
