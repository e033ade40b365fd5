import { describe, expect, test } from 'vitest';
import type { ObservedExport } from './export.ts';
import type { Job } from './kubernetes.ts';
import { exportJob, requested, segmentExport, timeAt } from './testkit/objects.ts';
import { actionLines, eventLines, exportPlan, observedExport } from './testkit/plans.ts';

/** What docs/schedule.md says of a controller that was away, and of clocks that jump. */

const schedule = { cron: '0 * * * *', timeZone: 'Etc/UTC', jitterSeconds: 0, startingDeadlineSeconds: 3600 };
const since = { hash: '', effectiveSince: timeAt(-3600), suspended: false };
const hourly = segmentExport({ spec: { schedule } });
const status = {
  schedule: { ...since, hash: exportPlan(observedExport({ export: hourly }), 0).status.schedule?.hash ?? '' },
};

function seeing(jobs: readonly Job[], changes: object = {}): ObservedExport {
  return observedExport({
    export: segmentExport({ spec: { schedule }, status: { ...status, ...changes } }),
    jobs,
  });
}

const scheduled = (seconds: number, name = `at-${seconds}`): Job =>
  exportJob({ name, scheduled: seconds, created: seconds, export: hourly });

const jobLines = (plan: Parameters<typeof actionLines>[0]) =>
  actionLines(plan).filter((line) => !line.includes('CronJob'));

describe('a controller that was away for three schedules', () => {
  test('starts the one that is within the starting deadline, and skips the others with an event each', () => {
    const plan = exportPlan(seeing([scheduled(0), scheduled(3600), scheduled(7200)]), 9000);
    expect(jobLines(plan)).toEqual(['DeleteJob at-0', 'DeleteJob at-3600', 'ReleaseJob at-7200']);
    const skips = plan.actions.flatMap((action) => ('event' in action && action.event ? [action.event] : []));
    expect(skips.map(({ reason, note }) => [reason, note?.includes('StartingDeadlineExceeded')])).toEqual([
      ['RunSkipped', true],
      ['RunSkipped', true],
    ]);
  });

  test('starts none where all are past it', () => {
    const plan = exportPlan(seeing([scheduled(0), scheduled(3600), scheduled(7200)]), 11_000);
    expect(jobLines(plan)).toEqual(['DeleteJob at-0', 'DeleteJob at-3600', 'DeleteJob at-7200']);
  });
});

describe('a clock that jumps', () => {
  test('back: a run that waits for its jitter still waits, and is looked at again', () => {
    const plan = exportPlan(seeing([scheduled(0)]), -600);
    expect(jobLines(plan)).toEqual([]);
    expect(plan.status.waitingRuns).toBe(1);
    expect(plan.lookAgainAfterMs).toBe(600_000);
  });

  test('back: a request that was handled starts nothing again, and no event is told', () => {
    const value = timeAt(0);
    const metadata = requested(value);
    const resource = segmentExport({ metadata, status: { lastHandledRequestedAt: value } });
    const settled = exportPlan(observedExport({ export: resource }), 60).status;
    const plan = exportPlan(observedExport({ export: { ...resource, status: settled } }), -1800);
    expect(jobLines(plan)).toEqual([]);
    expect(eventLines(plan)).toEqual([]);
  });

  test('back: the run at work stays the one at work', () => {
    const job = exportJob({ name: 'run', state: 'live', created: 0, export: hourly });
    const activeRun = {
      jobName: 'run',
      jobUID: 'uid-of-run',
      trigger: 'Manual' as const,
      startedAt: timeAt(0),
    };
    const plan = exportPlan(seeing([job], { activeRun }), -3000);
    expect(plan.status.activeRun).toEqual(activeRun);
    expect(jobLines(plan)).toEqual([]);
  });

  test('forward, and back again: what waited is told to be skipped, once, or runs; it is not lost in silence', () => {
    const ahead = exportPlan(seeing([scheduled(0)]), 4000);
    expect(jobLines(ahead)).toEqual(['DeleteJob at-0']);
    const back = exportPlan(observedExport({ export: { ...hourly, status: ahead.status } }), 10);
    expect(jobLines(back)).toEqual([]);
    const intact = exportPlan(seeing([scheduled(0)]), 10);
    expect(jobLines(intact)).toEqual(['ReleaseJob at-0']);
  });

  test('either way the next run is told by the clock as it is', () => {
    const ahead = exportPlan(seeing([]), 86_400).status;
    expect(ahead.nextRunTime).toBe(timeAt(90_000));
    const back = exportPlan(observedExport({ export: { ...hourly, status: ahead } }), 0);
    expect(back.status.nextRunTime).toBe(timeAt(3600));
  });
});
