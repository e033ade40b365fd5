import { describe, expect, test } from 'vitest';
import type { CriteoSegmentExportStatus } from '../../api/generated/criteosegmentexport.ts';
import { annotations } from '../../api/names.ts';
import type { ObservedExport } from './export.ts';
import type { Job } from './kubernetes.ts';
import {
  connection,
  exportJob,
  requested,
  retirementJob,
  segmentExport,
  timeAt,
  withLedger,
} from './testkit/objects.ts';
import {
  actionLines,
  eventLines,
  exportPlan,
  observedExport,
  readyLine,
  readyMessage,
} from './testkit/plans.ts';

const active = {
  jobName: 'run',
  jobUID: 'uid-of-run',
  trigger: 'Manual' as const,
  generation: 1,
  startedAt: timeAt(0),
};

function cancelling(
  runName: string,
  jobs: Job[],
  status: Partial<CriteoSegmentExportStatus> = {},
  more: object = {},
): ObservedExport {
  const metadata = { annotations: { [annotations.cancelledRun]: runName, ...more } };
  return observedExport({ export: segmentExport({ metadata, status }), jobs });
}

/** The same, after the plan's status was written. */
function written(seen: ObservedExport, jobs: readonly Job[] = seen.jobs, seconds = 60): ObservedExport {
  return { ...seen, jobs, export: { ...seen.export, status: exportPlan(seen, seconds).status } };
}

const jobLines = (plan: Parameters<typeof actionLines>[0]) =>
  actionLines(plan).filter((line) => !line.includes('CronJob'));

describe('a run at work', () => {
  const seen = cancelling('run', [exportJob({ name: 'run', state: 'live' })], {
    activeRun: active,
    consecutiveFailures: 2,
  });

  test('ends, is told once as cancelled, and counts as no failure', () => {
    const plan = exportPlan(seen, 60);
    expect(jobLines(plan)).toEqual(['DeleteJob run']);
    expect(plan.status).toMatchObject({
      lastRun: {
        outcome: 'Cancelled',
        reason: 'Cancelled',
        message: expect.stringContaining('cancelledRun'),
      },
      consecutiveFailures: 2,
      lastHandledCancelledRun: 'run',
    });
    expect(plan.status.activeRun).toBeUndefined();
    expect(readyLine(plan.status)).toBe('True AwaitingRun');
    expect(readyMessage(plan.status)).toContain('The run was cancelled');
    expect(plan.status.conditions).toContainEqual(
      expect.objectContaining({ type: 'LastRunSucceeded', status: 'False', reason: 'Cancelled' }),
    );
    expect(eventLines(plan)).toEqual(['Normal RunCancelled']);
  });

  describe('leaves Ready as the runs before it did:', () => {
    const failure = {
      jobName: 'before',
      outcome: 'Failed' as const,
      generation: 1,
      finishedAt: timeAt(-60),
      message: 'Put it back.',
    };
    const { message: _, ...line } = failure;
    const failed = (reason: string, failures: number, more: Partial<CriteoSegmentExportStatus> = {}) => ({
      ...seen,
      export: {
        ...seen.export,
        status: {
          ...seen.export.status,
          lastRun: { ...failure, reason },
          history: [{ ...line, reason }],
          consecutiveFailures: failures,
          ...more,
        },
      },
    });

    test.each([
      ['SourceNotFound', 1, 'False SourceNotFound Stalled', 'Put it back.'],
      ['CriteoUnavailable', 3, 'False RunsFailing Stalled', '3 runs in a row failed. The last: Put it back.'],
      ['CriteoUnavailable', 2, 'True AwaitingRun', 'The run was cancelled'],
    ])('%s, %i in a row', (reason, failures, line, words) => {
      // As the plan before the cancel told it.
      const before = { ...failed(reason, failures), jobs: seen.jobs };
      const { metadata } = segmentExport();
      const told = exportPlan({ ...before, export: { ...before.export, metadata } }, 30).status;
      const cancelled = exportPlan(failed(reason, failures, { conditions: told.conditions ?? [] }), 60);
      expect(readyLine(cancelled.status)).toBe(line);
      expect(readyMessage(cancelled.status)).toContain(words);
      expect(eventLines(cancelled)).toEqual(['Normal RunCancelled']);
    });

    test('also after a suspension, which had its own word', () => {
      const { status } = exportPlan(failed('SourceNotFound', 1), 60);
      expect(readyLine(status)).toBe('False SourceNotFound Stalled');
      expect(readyMessage(status)).toBe('The run before ended: SourceNotFound.');
    });

    test('but not what runs by another definition did', () => {
      const old = failed('CriteoUnavailable', 3);
      const plan = exportPlan(
        {
          ...old,
          export: {
            ...old.export,
            metadata: { ...old.export.metadata, generation: 2 },
            status: { ...old.export.status, activeRun: { ...active, generation: 2 } },
          },
        },
        60,
      );
      expect(readyLine(plan.status)).toBe('True AwaitingRun');
    });
  });

  test('ends after a crash and by a late watch too, and is told no second time', () => {
    const again = exportPlan(written(seen), 61);
    expect(jobLines(again)).toEqual(['DeleteJob run']);
    expect(again.events).toEqual([]);
    expect(again.status.history).toHaveLength(1);
    const gone = exportPlan(written(seen, []), 62);
    expect(gone.events).toEqual([]);
    expect(jobLines(gone)).toEqual([]);
  });

  test('that the watch still shows as held is left until it is seen at work', () => {
    const held = cancelling('run', [exportJob({ name: 'run' })], { activeRun: active });
    const plan = exportPlan(held, 1);
    expect(plan.status).not.toHaveProperty('lastHandledCancelledRun');
    expect(jobLines(plan)).toEqual(['ReleaseJob run']);
  });
});

test('a plan ends likewise', () => {
  const plan = exportPlan(
    cancelling('a-plan', [exportJob({ name: 'a-plan', state: 'live', plan: timeAt(0) })], {
      activeRun: {
        ...active,
        jobName: 'a-plan',
        jobUID: 'uid-of-a-plan',
        trigger: 'Plan',
        requestedAt: timeAt(0),
      },
    }),
    60,
  );
  expect(plan.status.plan).toMatchObject({ outcome: 'Cancelled', reason: 'Cancelled' });
  expect(eventLines(plan)).toContain('Normal RunCancelled');
});

describe('a run that waits', () => {
  const value = timeAt(5);
  const live = exportJob({ name: 'other', state: 'live' });
  const others = { activeRun: { ...active, jobName: 'other', jobUID: 'uid-of-other' } };
  const held = exportJob({ name: 'held', request: value, created: 5 });
  const seen = cancelling(
    'held',
    [live, held],
    others,
    (requested(value) as { annotations: object }).annotations,
  );

  test('does not start, and its request does not come back', () => {
    const plan = exportPlan(seen, 60);
    expect(jobLines(plan)).toEqual(['DeleteJob held']);
    expect(plan.actions.find(({ kind }) => kind === 'DeleteJob')).toMatchObject({
      event: { type: 'Normal', reason: 'RunCancelled', note: expect.stringContaining('held') },
    });
    expect(plan.status).toMatchObject({ lastHandledRequestedAt: value, lastHandledCancelledRun: 'held' });
    const gone = exportPlan(written(seen, [live]), 61);
    expect(jobLines(gone)).toEqual([]);
    expect(gone.events).toEqual([]);
  });

  test('does not start after a crash before its deletion either', () => {
    const idle = written(seen, [held]);
    delete idle.export.status?.activeRun;
    expect(jobLines(exportPlan(idle, 61))).toEqual(['DeleteJob held']);
  });

  test('takes with it what stands for the same asking', () => {
    const twin = exportJob({ name: 'held-1', request: value, created: 6, replacement: 1 });
    const plan = exportPlan({ ...seen, jobs: [live, held, twin] }, 60);
    expect(jobLines(plan)).toEqual(['DeleteJob held', 'DeleteJob held-1']);
  });
});

describe('a value that is no run at work or waiting', () => {
  const live = exportJob({ name: 'run', state: 'live' });

  test.each([
    ['names the one at work', cancelling('wrong', [live], { activeRun: active }), 'The one at work is run.'],
    ['says that none is', cancelling('wrong', []), 'None is at work, and none waits.'],
    [
      'is one that ended',
      cancelling('done', [exportJob({ name: 'done', state: 'succeeded' })]),
      'no run "done" is at work or waits',
    ],
  ])('%s: it is ignored, and told once', (_, seen, note) => {
    const plan = exportPlan(seen, 60);
    const events = plan.events.filter(({ reason }) => reason === 'CancelIgnored');
    expect(events).toEqual([
      expect.objectContaining({ type: 'Warning', note: expect.stringContaining(note) }),
    ]);
    expect(jobLines(plan)).toEqual([]);
    expect(eventLines(exportPlan(written(seen), 61))).not.toContain('Warning CancelIgnored');
  });

  test('is a retirement: what stops that is said', () => {
    const used = connection({ spec: withLedger });
    const retiring = retirementJob({ connection: used, state: 'live' });
    const name = retiring.metadata.name ?? '';
    const seen = { ...cancelling(name, [retiring]), connectionsOfJobs: [used], connection: used };
    const plan = exportPlan(seen, 60);
    expect(jobLines(plan)).not.toContain(`DeleteJob ${name}`);
    expect(plan.events).toContainEqual(
      expect.objectContaining({
        reason: 'CancelIgnored',
        note: expect.stringContaining('spec.deletionPolicy'),
      }),
    );
  });
});
