import { describe, expect, test } from 'vitest';
import type { CriteoSegmentExportStatus } from '../../api/generated/criteosegmentexport.ts';
import { annotations } from '../../api/names.ts';
import type { ObservedExport } from './export.ts';
import type { Job } from './kubernetes.ts';
import { connection, exportJob, podOf, report, segmentExport, timeAt } from './testkit/objects.ts';
import { actionLines, exportPlan, observedExport, readyLine, readyMessage } from './testkit/plans.ts';

const schedule = { cron: '0 * * * *', timeZone: 'Etc/UTC', jitterSeconds: 0, startingDeadlineSeconds: 3600 };
const nightly = segmentExport({ spec: { schedule } });
const settled = exportPlan(observedExport({ export: nightly }), -1).status;

function seeing(status: CriteoSegmentExportStatus, changes: Partial<ObservedExport> = {}): ObservedExport {
  return observedExport({ export: { ...nightly, status }, ...changes });
}

const scheduled = (name = 'newsletter-0'): Job =>
  exportJob({ name, scheduled: 0, created: 0, export: nightly });

/** The night of a run whose connection was not ready. */
function skipped(seconds = 3601): CriteoSegmentExportStatus {
  return exportPlan(seeing(settled, { jobs: [scheduled()] }), seconds).status;
}

describe('the morning after a run was skipped, when its event is gone', () => {
  test('status tells which it was, of when, and why', () => {
    expect(skipped().lastSkippedRun).toEqual({
      jobName: 'newsletter-0',
      jobUID: 'uid-of-newsletter-0',
      trigger: 'Schedule',
      scheduledFor: timeAt(0),
      skippedAt: timeAt(3601),
      reason: 'StartingDeadlineExceeded',
      message:
        'The run newsletter-0 was skipped: it could not start within spec.schedule.startingDeadlineSeconds (3600).',
    });
  });

  test('the column STATUS says so, and the export stays Ready', () => {
    const status = skipped();
    expect(readyLine(status)).toBe('True AwaitingRun');
    expect(readyMessage(status)).toContain('The run newsletter-0 was skipped: it could not start');
  });

  test('the column says it no more when a run has ended that began later; what was skipped stays in status', () => {
    const before = skipped();
    const job = exportJob({ name: 'newsletter-1', scheduled: 3600, created: 3602, export: nightly });
    const claimed = exportPlan(seeing(before, { jobs: [job] }), 3602).status;
    expect(readyMessage(claimed)).toContain('newsletter-0 was skipped');
    const over = exportJob({ name: 'newsletter-1', state: 'succeeded', created: 3602, export: nightly });
    const after = exportPlan(
      seeing(claimed, { jobs: [over], pods: [podOf(over, report({}, {}, {}))] }),
      3700,
    );
    expect(after.status.lastRun?.jobName).toBe('newsletter-1');
    expect(readyMessage(after.status)).not.toContain('skipped');
    expect(after.status.lastSkippedRun).toEqual(before.lastSkippedRun);
  });

  test('by a clock that was a month ahead, it is no later than the present when the clock is back', () => {
    const back = exportPlan(seeing(skipped(30 * 86_400)), 3700).status;
    expect(back.lastSkippedRun?.skippedAt).toBe(timeAt(3700));
    expect(exportPlan(seeing(back), 3800).status.lastSkippedRun).toEqual(back.lastSkippedRun);
  });

  test('what a person drops meanwhile, or at the same time, does not hide it', () => {
    const byHand = exportJob({ name: 'by-hand', created: 3650, export: nightly });
    const live = exportJob({ name: 'other', state: 'live', created: 3640, export: nightly });
    const metadata = { ...nightly.metadata, annotations: { [annotations.cancelledRun]: 'by-hand' } };
    const seen = seeing(skipped(), { jobs: [live, byHand] });
    const cancelled = exportPlan({ ...seen, export: { ...seen.export, metadata } }, 3700);
    expect(actionLines(cancelled)).toContain('DeleteJob by-hand');
    expect(cancelled.status.lastSkippedRun?.jobName).toBe('newsletter-0');
    const both = seeing(settled, { jobs: [scheduled(), live, byHand] });
    const { status } = exportPlan({ ...both, export: { ...both.export, metadata } }, 3700);
    expect(status.lastSkippedRun?.jobName).toBe('newsletter-0');
    expect(readyMessage(status)).toContain('newsletter-0 was skipped');
  });

  test('a run that had begun before it does not make up for it', () => {
    const lastRun = {
      jobName: 'by-hand',
      outcome: 'Succeeded',
      reason: 'Succeeded',
      message: 'It went well.',
    } as const;
    const times = { startedAt: timeAt(-60), finishedAt: timeAt(3700) };
    const status = exportPlan(seeing({ ...skipped(), lastRun: { ...lastRun, ...times } }), 3800).status;
    expect(readyMessage(status)).toContain('newsletter-0 was skipped');
  });
});

test('it is written before the Job is deleted: after a crash in between it is the same, and the Job goes', () => {
  const before = skipped();
  const again = exportPlan(seeing(before, { jobs: [scheduled()] }), 3700);
  expect(again.status.lastSkippedRun).toEqual(before.lastSkippedRun);
  expect(actionLines(again)).toContain('DeleteJob newsletter-0');
});

test('a Job that a person makes once more by the same name, and that is skipped once more, is another', () => {
  const byHand = (uid: string) => exportJob({ name: 'by-hand', uid, export: nightly });
  const first = exportPlan(seeing(settled, { jobs: [byHand('one')] }), 3601).status;
  const second = exportPlan(seeing(first, { jobs: [byHand('two')] }), 7200).status;
  expect(second.lastSkippedRun).toMatchObject({ jobUID: 'two', skippedAt: timeAt(7200) });
});

test('of several that are skipped at once the newest is kept', () => {
  const jobs = [scheduled(), exportJob({ name: 'by-hand', created: 60, export: nightly })];
  expect(exportPlan(seeing(settled, { jobs }), 9000).status.lastSkippedRun?.jobName).toBe('by-hand');
});

test('it says what the run had waited for', () => {
  const used = connection({ status: {} });
  const { lastSkippedRun } = exportPlan(
    seeing(settled, { jobs: [scheduled()], connection: used }),
    3601,
  ).status;
  expect(lastSkippedRun?.message).toContain('The connection "nordic" has not been checked yet');
});

const request = timeAt(30);
test.each<[string, Parameters<typeof exportJob>[0], object]>([
  ['asked for', { request }, { trigger: 'Request', requestedAt: request }],
  ['made by hand', {}, { trigger: 'Manual' }],
  ['approved', { approved: 'run-1' }, { trigger: 'Approval', approvedRun: 'run-1' }],
  ['planned', { plan: request }, { trigger: 'Plan', requestedAt: request }],
])('one that was %s tells by what', (_, options, told) => {
  const job = exportJob({ name: 'job', created: 30, ...options, export: nightly });
  const { lastSkippedRun } = exportPlan(seeing(settled, { jobs: [job] }), 9000).status;
  expect(lastSkippedRun).toMatchObject({ jobName: 'job', reason: 'StartingDeadlineExceeded', ...told });
});

test.each([
  ['a plan: nothing was to be sent', exportJob({ name: 'job', plan: request, export: nightly }), {}],
  [
    'one that a person cancelled',
    scheduled('job'),
    { metadata: { ...nightly.metadata, annotations: { [annotations.cancelledRun]: 'job' } } },
  ],
])('%s is told in status alone', (_, job, changes) => {
  const seen = observedExport({ export: { ...nightly, ...changes, status: settled }, jobs: [job] });
  const { status } = exportPlan(seen, 'metadata' in changes ? 10 : 9000);
  expect(status.lastSkippedRun?.jobName).toBe('job');
  expect(readyMessage(status)).not.toContain('skipped');
});
