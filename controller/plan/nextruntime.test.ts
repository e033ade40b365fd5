import { describe, expect, test } from 'vitest';
import type { CriteoSegmentExportSpec } from '../../api/generated/criteosegmentexport.ts';
import { cronJob } from './cronjob.ts';
import { exportTemplate } from './exporttemplate.ts';
import type { CronJob } from './kubernetes.ts';
import { nextRunTime } from './nextruntime.ts';
import { jitterMs } from './schedule.ts';
import { applied, at, connection, segmentExport, settings, timeAt } from './testkit/objects.ts';
import { exportPlan, observedExport, readyLine, readyMessage } from './testkit/plans.ts';

const defaults = { timeZone: 'Etc/UTC', jitterSeconds: 0, startingDeadlineSeconds: 3600 };
const daily = { ...defaults, cron: '0 4 * * *', timeZone: 'Europe/Oslo' };

function planned(spec: Partial<CriteoSegmentExportSpec>, changes: object = {}) {
  return exportPlan(observedExport({ export: segmentExport({ spec }), ...changes }));
}

function cronJobOf(
  spec: Partial<CriteoSegmentExportSpec>,
  changes: Partial<CronJob['metadata']>,
  status?: CronJob['status'],
): CronJob {
  const resource = segmentExport({ spec });
  const template = exportTemplate(
    { export: resource, connection: connection(), claimExists: true },
    settings,
  );
  if (!template) throw new Error('the definition has no template');
  const made = applied(cronJob(resource, template, false));
  return { ...made, metadata: { ...made.metadata, ...changes }, ...(status ? { status } : {}) };
}

describe('status.nextRunTime', () => {
  test('is the schedule by its zone, and is looked at again when it has passed', () => {
    const plan = planned({ schedule: daily });
    expect(plan.status.nextRunTime).toBe('2026-11-23T03:00:00Z');
    expect(plan.lookAgainAfterMs).toBe(23 * 3_600_000 + 1000);
    const then = exportPlan(
      observedExport({ export: segmentExport({ spec: { schedule: daily } }) }),
      23 * 3600 + 1,
    );
    expect(then.status.nextRunTime).toBe('2026-11-24T03:00:00Z');
    expect(then.lookAgainAfterMs).toBe(86_400_000);
  });

  test('has the jitter of this export, and is a run whose time has come but for the jitter', () => {
    const schedule = { ...defaults, cron: '0 4 * * *', jitterSeconds: 3600 };
    const jitter = jitterMs(segmentExport({ spec: { schedule } }));
    expect(jitter).toBeGreaterThan(10_000);
    const { status } = exportPlan(observedExport({ export: segmentExport({ spec: { schedule } }) }), -60);
    const seen = observedExport({ export: segmentExport({ spec: { schedule }, status }) });
    expect(exportPlan(seen, 5).status.nextRunTime).toBe(timeAt(jitter / 1000));
    expect(exportPlan(seen, jitter / 1000).status.nextRunTime).toBe(timeAt(86_400 + jitter / 1000));
  });

  test('is none of a time that lay before the export was applied, though its jitter is not over', () => {
    const schedule = { ...defaults, cron: '0 4 * * *', jitterSeconds: 3600 };
    const resource = segmentExport({ spec: { schedule } });
    const jitter = jitterMs(resource) / 1000;
    expect(exportPlan(observedExport({ export: resource }), 5).status.nextRunTime).toBe(
      timeAt(86_400 + jitter),
    );
  });

  test.each<[string, Partial<CriteoSegmentExportSpec>, object]>([
    ['without a schedule', {}, {}],
    ['while the export is suspended', { schedule: daily, suspend: true }, {}],
    ['while its connection is', { schedule: daily }, { connection: connection({ spec: { suspend: true } }) }],
    ['with a fault of the definition', { schedule: daily, mode: 'Mirror' }, {}],
  ])('is absent %s', (_, spec, changes) => {
    expect(planned(spec, changes).status).not.toHaveProperty('nextRunTime');
  });

  test('goes when the export is suspended', () => {
    const spec = { schedule: daily, suspend: true };
    const status = { nextRunTime: '2026-11-23T03:00:00Z' };
    const plan = exportPlan(observedExport({ export: segmentExport({ spec, status }) }));
    expect(plan.status).not.toHaveProperty('nextRunTime');
  });

  test('of a zone that this runtime does not know is not told, and nothing breaks', () => {
    const resource = segmentExport({ spec: { schedule: { ...daily, timeZone: 'Mars/Olympus' } } });
    expect(nextRunTime(resource, undefined, at(0))).toEqual({});
  });

  test('of a period counts from the last run that the CronJob made, or from the CronJob itself', () => {
    const spec = { schedule: { ...defaults, cron: '@every 30m' } };
    const told = (job: CronJob | undefined) => nextRunTime(segmentExport({ spec }), job, at(0)).nextRunTime;
    expect(told(undefined)).toBeUndefined();
    const made = { creationTimestamp: timeAt(-2000) };
    expect(told(cronJobOf(spec, made))).toBe(timeAt(1600));
    expect(told(cronJobOf(spec, made, { lastScheduleTime: timeAt(-60) }))).toBe(timeAt(1740));
  });
});

describe('a schedule that never fires', () => {
  test.each([
    ['a day that does not exist', { ...defaults, cron: '0 0 30 2 *' }, 'names a day that no month of it has'],
    // Kubernetes counts it from no earlier than the deadline allows.
    ['a period longer than the starting deadline', { ...defaults, cron: '@every 6h' }, 'is not shorter than'],
  ])('%s is told', (_, schedule, message) => {
    const plan = planned({ schedule });
    expect(readyLine(plan.status)).toBe('False ScheduleNeverFires Stalled');
    expect(readyMessage(plan.status)).toMatch(/^spec\.schedule\.cron: /);
    expect(readyMessage(plan.status)).toContain(message);
  });

  test('a period within the deadline is none', () => {
    const schedule = { ...defaults, cron: '@every 6h', startingDeadlineSeconds: 86_400 };
    expect(readyLine(planned({ schedule }).status)).toBe('True AwaitingRun');
  });
});

test('the jitter is the same after the object was made anew', () => {
  const spec = { schedule: { ...daily, jitterSeconds: 600 } };
  const [one, other] = ['one', 'other'].map((uid) => jitterMs(segmentExport({ metadata: { uid }, spec })));
  expect(one).toBe(other);
});
