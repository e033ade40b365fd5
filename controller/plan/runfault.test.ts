import { describe, expect, test } from 'vitest';
import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { cronJobName } from './cronjob.ts';
import {
  connection,
  exportJob,
  podOf,
  readyStatus,
  report,
  segmentExport,
  timeAt,
} from './testkit/objects.ts';
import { actionLines, exportPlan, next, observedExport, readyLine } from './testkit/plans.ts';

/** What runs leave in Ready, and what ends that. */

const cronJob = cronJobName(segmentExport());

describe('three failures in a row', () => {
  const failing = (failures: number) =>
    segmentExport({
      status: {
        consecutiveFailures: failures,
        activeRun: { jobName: 'run', jobUID: 'uid-of-run', trigger: 'Manual', generation: 1 },
      },
    });
  const over = exportJob({ name: 'run', state: 'failed' });
  const busy = podOf(over, report({ reason: 'CriteoUnavailable' }));

  test.each([
    [0, 'True LastRunFailed'],
    [1, 'True LastRunFailed'],
    [2, 'False RunsFailing Stalled'],
    [7, 'False RunsFailing Stalled'],
  ])('turn Ready: after %i and one more it is %s', (failures, line) => {
    const plan = exportPlan(observedExport({ export: failing(failures), jobs: [over], pods: [busy] }));
    expect(readyLine(plan.status)).toBe(line);
    expect(plan.status.consecutiveFailures).toBe(failures + 1);
  });

  test('are forgotten by a success', () => {
    const well = exportJob({ name: 'run', state: 'succeeded' });
    const plan = exportPlan(
      observedExport({ export: failing(7), jobs: [well], pods: [podOf(well, report())] }),
    );
    expect(plan.status.consecutiveFailures).toBe(0);
    expect(readyLine(plan.status)).toBe('True RunSucceeded');
  });
});

describe('after a failure', () => {
  const over = exportJob({ name: 'run', state: 'failed' });
  const failed = (reason: 'SourceNotFound' | 'CredentialsRefused') => {
    const active = { jobName: 'run', jobUID: 'uid-of-run', trigger: 'Manual' as const, generation: 1 };
    const seen = observedExport({
      export: segmentExport({ status: { activeRun: active } }),
      jobs: [over],
      pods: [podOf(over, report({ reason }))],
    });
    return next(next(seen, 90), 90);
  };

  const edited = (object: CriteoSegmentExport, spec: object, generation: number) => ({
    ...object,
    metadata: { ...object.metadata, generation },
    spec: { ...object.spec, ...spec },
  });

  test('the mending commit turns Ready at once, and starts nothing', () => {
    const seen = failed('SourceNotFound');
    const plan = exportPlan({ ...seen, export: edited(seen.export, { name: 'Mended' }, 2) }, 120);
    expect(readyLine(plan.status)).toBe('True AwaitingRun');
    expect(actionLines(plan)).toEqual([`ApplyCronJob ${cronJob}`]);
  });

  test('a suspend and a resume, or another time, mend nothing', () => {
    let seen = failed('SourceNotFound');
    const schedule = {
      cron: '0 5 * * *',
      timeZone: 'Etc/UTC',
      jitterSeconds: 0,
      startingDeadlineSeconds: 60,
    };
    for (const [index, spec] of [{ suspend: true }, { suspend: false }, { schedule }].entries()) {
      seen = next({ ...seen, export: edited(seen.export, spec, index + 2) }, 120);
    }
    expect(readyLine(seen.export.status ?? {})).toBe('False SourceNotFound Stalled');
    expect(seen.export.status?.observedGeneration).toBe(4);
  });

  test('by the credentials, a check that began later and succeeded turns Ready', () => {
    const seen = failed('CredentialsRefused');
    const checked = (seconds: number) =>
      connection({
        status: {
          ...readyStatus(),
          lastCheck: {
            jobName: 'check',
            outcome: 'Succeeded',
            reason: 'Succeeded',
            startedAt: timeAt(seconds),
          },
        },
      });
    expect(readyLine(exportPlan({ ...seen, connection: checked(59) }, 120).status)).toBe(
      'False CredentialsRefused Stalled',
    );
    expect(readyLine(exportPlan({ ...seen, connection: checked(61) }, 120).status)).toBe(
      'True LastRunFailed',
    );
  });

  test('the next run may start', () => {
    const plan = exportPlan(
      { ...failed('SourceNotFound'), jobs: [over, exportJob({ name: 'next', created: 100 })] },
      120,
    );
    expect(actionLines(plan)).toEqual(['ReleaseJob next']);
  });
});
