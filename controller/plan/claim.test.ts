import { describe, expect, test } from 'vitest';
import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { annotations } from '../../api/names.ts';
import type { Job } from './kubernetes.ts';
import {
  connection,
  exportJob,
  podOf,
  report,
  retirementJob,
  segmentExport,
  timeAt,
  withLedger,
} from './testkit/objects.ts';
import { actionLines, eventLines, exportPlan, observedExport } from './testkit/plans.ts';

/** The API server dates a Job; the controller, whose clock is behind, claims it a moment later. */
describe.each([
  ['a second', 1],
  ['an hour', 3600],
])('where the controller’s clock is %s behind', (_, behind) => {
  const live = exportJob({ name: 'run', state: 'live', created: 0 });
  const jobLines = (plan: Parameters<typeof actionLines>[0]) =>
    actionLines(plan).filter((line) => !line.includes('CronJob'));
  const see = (object: CriteoSegmentExport, jobs: Job[]) => observedExport({ export: object, jobs });

  /** The run was claimed, and a person cancels it at once. */
  function cancelled() {
    const claimed = exportPlan(see(segmentExport(), [exportJob({ name: 'run' })]), -behind).status;
    const object = segmentExport({
      metadata: { annotations: { [annotations.cancelledRun]: 'run' } },
      status: claimed,
    });
    const plan = exportPlan(see(object, [live]), 5 - behind);
    expect(eventLines(plan)).toContain('Normal RunCancelled');
    return { ...object, status: plan.status };
  }

  test('a run did not start before its Job was made', () => {
    const plan = exportPlan(see(segmentExport(), [exportJob({ name: 'run' })]), -behind);
    expect(plan.status.activeRun?.startedAt).toBe(timeAt(0));
  });

  test('one that was cancelled is not taken up again, and ends after a crash too', () => {
    const again = exportPlan(see(cancelled(), [live]), 6 - behind);
    expect(again.status.activeRun).toBeUndefined();
    expect(again.events).toEqual([]);
    expect(jobLines(again)).toEqual(['DeleteJob run']);
  });

  test('its end is told once, and not as that of a Job that somebody deleted', () => {
    const object = cancelled();
    const late = { ...object, status: exportPlan(see(object, [live]), 6 - behind).status };
    const gone = exportPlan(see(late, []), 7 - behind);
    expect(gone.events).toEqual([]);
    expect(gone.status.history?.map(({ reason }) => reason)).toEqual(['Cancelled']);
  });

  test('what another connection sent is tried once before a run, and then the run starts', () => {
    const nordic = connection({ spec: withLedger });
    const baltic = connection({ metadata: { name: 'baltic', uid: 'baltic-uid' }, spec: withLedger });
    const object = segmentExport({
      metadata: { finalizers: ['segmentexport.io/retire'] },
      spec: { connectionRef: { name: 'baltic' }, deletionPolicy: 'Empty' },
      status: { ledgers: [{ connection: 'nordic' }] },
    });
    const seeing = (status: CriteoSegmentExport['status'], attempt: Job, state: Partial<Job> = {}) =>
      observedExport({
        export: { ...object, ...(status === undefined ? {} : { status }) },
        connection: baltic,
        connectionsOfJobs: [nordic, baltic],
        remembered: new Map([
          ['nordic', { connection: nordic, otherRuns: 0 }],
          ['baltic', { connection: baltic, otherRuns: 0 }],
        ]),
        jobs: [exportJob({ name: 'run', export: object, connection: baltic }), { ...attempt, ...state }],
        pods: state.status ? [podOf(attempt, report({ kind: 'Retire', reason: 'CriteoUnavailable' }))] : [],
      });
    const held = retirementJob({ connection: nordic, export: object, created: 0 });
    const failed = retirementJob({ connection: nordic, export: object, created: 0, state: 'failed' });
    const claimed = exportPlan(seeing(object.status, held), -behind);
    expect(claimed.status.activeRun?.trigger).toBe('Retire');
    const after = exportPlan(seeing(claimed.status, failed, failed), 60 - behind);
    expect(jobLines(after)).toContain('ReleaseJob run');
  });
});

test('a run that a person released while the controller was away began when it did, not when the controller came back', () => {
  const live = exportJob({ name: 'by-hand', state: 'live', created: 0 });
  const seen = observedExport({ jobs: [{ ...live, status: { ...live.status, startTime: timeAt(5) } }] });
  expect(exportPlan(seen, 3600).status.activeRun).toMatchObject({
    jobName: 'by-hand',
    startedAt: timeAt(5),
  });
});
