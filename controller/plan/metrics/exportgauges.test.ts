import { expect, test } from 'vitest';
import { segmentExport, start, timeAt } from '../testkit/objects.ts';
import { exportGaugesOf } from './exportgauges.ts';

const run = { jobName: 'newsletter-1', outcome: 'Succeeded', reason: 'Succeeded' } as const;
const failed = { ...run, jobName: 'newsletter-2', outcome: 'Failed', reason: 'SourceNotFound' } as const;
const approval = { runName: 'newsletter-2', token: '1', message: 'Approve it.', since: timeAt(0) };
const epoch = start / 1000;

test('an export that never ran has no times, no profiles, and zeros', () => {
  expect(exportGaugesOf(segmentExport({ metadata: { creationTimestamp: timeAt(-60) }, status: {} }))).toEqual(
    {
      created_timestamp_seconds: epoch - 60,
      consecutive_failures: 0,
      waiting_runs: 0,
      suspended: 0,
      pending_approval: 0,
    },
  );
});

test('tells of the last run, the last success, the run at work and the next one', () => {
  const object = segmentExport({
    status: {
      lastRun: { ...failed, startedAt: timeAt(100), finishedAt: timeAt(142) },
      lastSuccessfulRun: { ...run, startedAt: timeAt(10), finishedAt: timeAt(30) },
      activeRun: { jobName: 'newsletter-3', jobUID: 'u', trigger: 'Request', startedAt: timeAt(200) },
      nextRunTime: timeAt(3600),
      consecutiveFailures: 2,
      waitingRuns: 3,
    },
  });
  expect(exportGaugesOf(object)).toMatchObject({
    last_success_timestamp_seconds: epoch + 30,
    last_run_timestamp_seconds: epoch + 142,
    last_run_duration_seconds: 42,
    next_run_timestamp_seconds: epoch + 3600,
    active_run_start_timestamp_seconds: epoch + 200,
    consecutive_failures: 2,
    waiting_runs: 3,
  });
});

test('profiles are those that status tells of, also after a run that told nothing', () => {
  const lastRun = { ...run, outcome: 'Unknown', reason: 'ReportMissing' } as const;
  expect(exportGaugesOf(segmentExport({ status: { held: 19_835, lastRun } })).profiles).toBe(19_835);
});

test('an export that is suspended says so', () => {
  expect(exportGaugesOf(segmentExport({ spec: { suspend: true } })).suspended).toBe(1);
});

test.each([
  ['a run', { pendingApproval: approval }],
  [
    'a retirement',
    {
      retirements: [
        {
          connection: 'old',
          deletionPolicy: 'Empty' as const,
          outcome: 'Failed' as const,
          reason: 'RemovalGuard',
          pendingApproval: approval,
        },
      ],
    },
  ],
])('%s that waits for an approval shows', (_, status) => {
  expect(exportGaugesOf(segmentExport({ status })).pending_approval).toBe(1);
});

test('what was approved and is at work waits for nobody', () => {
  const activeRun = { jobName: 'j', jobUID: 'u', trigger: 'Approval', startedAt: timeAt(0) } as const;
  const of = (approvedRun: string) =>
    exportGaugesOf(
      segmentExport({ status: { pendingApproval: approval, activeRun: { ...activeRun, approvedRun } } }),
    ).pending_approval;
  expect(of('newsletter-2')).toBe(0);
  expect(of('newsletter-1')).toBe(1);
});

test('a run that ended before it began, by the clocks of two nodes, has no duration', () => {
  const lastRun = { ...run, startedAt: timeAt(10), finishedAt: timeAt(9) };
  expect(exportGaugesOf(segmentExport({ status: { lastRun } }))).not.toHaveProperty(
    'last_run_duration_seconds',
  );
});

test('what was stored under another version of the CRD shows what can be read', () => {
  const object = segmentExport();
  const stored = {
    ...object,
    spec: undefined,
    status: {
      lastRun: { finishedAt: { seconds: 5 }, startedAt: 7 },
      nextRunTime: 'tomorrow',
      consecutiveFailures: 'many',
      waitingRuns: -1,
      held: 'all',
      retirements: [null],
    },
  } as unknown as typeof object;
  expect(exportGaugesOf(stored)).toEqual({
    created_timestamp_seconds: epoch - 3600,
    suspended: 0,
    pending_approval: 0,
  });
});
