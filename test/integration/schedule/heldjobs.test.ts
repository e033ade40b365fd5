import { afterAll, beforeAll, expect, test } from 'vitest';
import { annotations } from '../../../api/names.ts';
import { cronJob } from '../../../controller/plan/cronjob.ts';
import { exportTemplate } from '../../../controller/plan/exporttemplate.ts';
import { finished, type Job } from '../../../controller/plan/kubernetes.ts';
import { connection, segmentExport, settings } from '../../../controller/plan/testkit/objects.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { waitFor } from '../../cluster/wait.ts';
import { ApiServer } from '../../support/apiserver.ts';
import { exportName, type Shop } from '../controller/shop.ts';
import { startWorld, type World } from '../controller/world.ts';

/** What docs/schedule.md, and CronScene of the unit tests, say of the held Jobs of a CronJob while no controller is there. */

let controlPlane: ControlPlane;
let server: ApiServer;
let world: World;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  server = new ApiServer(controlPlane);
  world = await startWorld();
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await controlPlane?.stop();
  await world?.[Symbol.asyncDispose]();
});

const jobsPath = '/apis/batch/v1/namespaces/default/jobs';
const cronJobsPath = '/apis/batch/v1/namespaces/default/cronjobs';

async function post(path: string, body: object): Promise<void> {
  const reply = await server.call(path, { method: 'POST', body });
  expect(reply.body.message).toBeUndefined();
}

async function jobsInOrder(): Promise<Job[]> {
  const { body } = await server.call(jobsPath);
  return (body.items as Job[]).toSorted((a, b) => scheduledFor(a) - scheduledFor(b));
}

/** Milliseconds since the epoch. */
function scheduledFor({ metadata }: { metadata: Pick<Job['metadata'], 'annotations'> }): number {
  return Date.parse(metadata.annotations?.[annotations.scheduledTimestamp] ?? '');
}

const jobCount = (count: number) => async () => {
  const jobs = await jobsInOrder();
  return jobs.length === count ? jobs : undefined;
};

const periodMs = 30_000;

/** When Kubernetes last passed over a time of a shop's CronJob, because a Job of it was there. */
async function passedOver({ namespace }: Shop): Promise<number> {
  const path = `/api/v1/namespaces/${namespace}/events`;
  const { body } = await world.api.call(path, { query: { fieldSelector: 'reason=JobAlreadyActive' } });
  const events = body.items as { lastTimestamp: string }[];
  return Math.max(...events.map(({ lastTimestamp }) => Date.parse(lastTimestamp)));
}

// Both are mostly waiting: they do so side by side.
test.concurrent('one waits at a time, that of the last time missed follows it, and all go with their CronJob', {
  timeout: 300_000,
}, async () => {
  const schedule = { cron: '@every 30s', timeZone: 'Etc/UTC', startingDeadlineSeconds: 3600 };
  const resource = segmentExport({ spec: { schedule: { ...schedule, jitterSeconds: 0 } } });
  const template = exportTemplate(
    { export: resource, connection: connection(), claimExists: true },
    settings,
  );
  if (!template) throw new Error('the definition has no template');
  // There is no node: one that is released ends by its deadline.
  const spec = { ...template.spec, activeDeadlineSeconds: 1 };
  const { metadata, ...made } = cronJob(resource, { ...template, spec }, false);
  const { name = '', labels = {} } = metadata;
  // Its owner is not there, and the garbage collector would take it away.
  await post(cronJobsPath, { ...made, metadata: { name, labels } });

  const [first] = await waitFor('the first Job', 120_000, jobCount(1));
  if (!first) throw new Error('no Job');
  const missed = [1, 2].map((times) => scheduledFor(first) + times * periodMs);
  await waitFor('two more times', 120_000, () => (Date.now() > (missed[1] ?? 0) + 1000 ? true : undefined));
  expect((await jobsInOrder()).map(scheduledFor)).toEqual([scheduledFor(first)]);

  const patch = { spec: { suspend: false } };
  await server.call(`${jobsPath}/${first.metadata.name}`, {
    method: 'PATCH',
    contentType: 'application/merge-patch+json',
    body: patch,
  });
  const [over, second] = await waitFor('the next Job', 120_000, jobCount(2));
  if (!over || !second) throw new Error('no two Jobs');
  expect(finished(over)).toBeDefined();
  expect(scheduledFor(second)).toBeGreaterThanOrEqual(missed[1] ?? 0);
  expect(second.spec.suspend).toBe(true);

  await server.call(`${cronJobsPath}/${name}`, {
    method: 'DELETE',
    query: { propagationPolicy: 'Background' },
  });
  await waitFor('no Job', 60_000, jobCount(0));
});

test.concurrent('three times that were missed are one run, and what Kubernetes makes later for the last of them is skipped', {
  timeout: 400_000,
}, async () => {
  const minuteMs = 60_000;
  const shop = await world.shop();
  const controller = await shop.startController();
  await shop.settle({ export: { schedule: { cron: '* * * * *' } } });
  await shop.cronJobName();
  await controller.kill();
  const waits = await waitFor('a Job that is held', 150_000, async () =>
    (await shop.jobs()).find(({ spec }) => spec?.suspend === true),
  );
  const first = scheduledFor(waits);
  const last = first + 2 * minuteMs;
  await waitFor('two more times', 150_000, async () => ((await passedOver(shop)) >= last ? true : undefined));
  expect(await shop.heldJobs()).toEqual([waits.metadata.name]);

  await shop.startController();
  const timeOf = (run: { scheduledFor?: string | undefined }): number => Date.parse(run.scheduledFor ?? '');
  const { status } = await shop.untilExport(
    'the end of the run, and what came of the Job that was made after it',
    ({ status }) => {
      const { history = [], activeRun, lastSkippedRun } = status ?? {};
      const others = [...history, activeRun ?? {}, lastSkippedRun ?? {}];
      return history.some((run) => timeOf(run) === first) && others.some((other) => timeOf(other) >= last);
    },
    exportName,
    150_000,
  );
  const { history = [], activeRun } = status ?? {};
  const runs = [...history, ...(activeRun ? [activeRun] : [])];
  const missed = runs.filter((run) => timeOf(run) >= first && timeOf(run) <= last);
  expect(missed).toMatchObject([{ jobName: waits.metadata.name, trigger: 'Schedule', outcome: 'Succeeded' }]);
  // Where the run ends after another full minute, Kubernetes makes the Job of that one: an ordinary run.
  const skipped = status?.lastSkippedRun;
  if (skipped) {
    expect(skipped.reason).toBe('AnsweredByLastRun');
    expect(timeOf(skipped)).toBeGreaterThanOrEqual(last);
  }
  // Kubernetes names a Job after the minute that it is for.
  const minutes = shop.exporters().map(({ jobName }) => Number(jobName.split('-').at(-1)) * minuteMs);
  expect(new Set(minutes.filter((minute) => minute >= first && minute <= last))).toEqual(new Set([first]));
});
