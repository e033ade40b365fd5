import { describe, expect, test } from 'vitest';
import { annotations } from '../../api/names.ts';
import type { Report, SegmentReport } from '../../api/report.ts';
import { documentOf } from './jobdocument.ts';
import {
  at,
  connection,
  exportJob,
  podOf,
  report,
  segmentExport,
  timeAt,
  withLedger,
} from './testkit/objects.ts';
import { actionLines, eventLines, exportPlan, observedExport, readyLine } from './testkit/plans.ts';

const used = connection({ spec: withLedger });
const value = timeAt(-5);
const asked = (status: object = {}) =>
  segmentExport({ metadata: { annotations: { [annotations.planRequestedAt]: value } }, status });
const held = exportJob({ name: 'plan', plan: value, connection: used });
const active = {
  jobName: 'plan',
  jobUID: 'uid-of-plan',
  trigger: 'Plan' as const,
  requestedAt: value,
  generation: 1,
  startedAt: timeAt(0),
};
const lastRun = {
  jobName: 'before',
  outcome: 'Succeeded' as const,
  reason: 'Succeeded',
  generation: 1,
  message: 'All went well.',
};

/** The plan of an export whose plan has ended. */
function ended(end: Partial<Report>, lines: Partial<SegmentReport>[], status: object = {}) {
  const state = end.reason === undefined ? 'succeeded' : 'failed';
  const job = exportJob({ name: 'plan', plan: value, connection: used, state });
  const before = { activeRun: active, lastHandledPlanRequestedAt: value, ...status };
  const pods = [podOf(job, report({ plan: true, ...end }, ...lines))];
  return exportPlan(observedExport({ export: asked(before), connection: used, jobs: [job], pods }), 90);
}

describe('a request for a plan', () => {
  test('makes one held Job, whose pod is told to send nothing', () => {
    const plan = exportPlan(observedExport({ export: asked(), connection: used }));
    const create = plan.actions.find((action) => action.kind === 'CreateJob');
    expect(create?.job.spec.suspend).toBe(true);
    expect(create && documentOf(create.job)).toMatchObject({ kind: 'Export', plan: true, mode: 'Mirror' });
    expect(create?.job.metadata.annotations).toMatchObject({
      [annotations.planRequest]: value,
      [annotations.templateHash]: held.metadata.annotations?.[annotations.templateHash],
    });
  });

  test('is handled when its Job is claimed, and remembers no ledger: it writes to none', () => {
    const plan = exportPlan(observedExport({ export: asked(), connection: used, jobs: [held] }));
    expect(plan.status).toMatchObject({
      lastHandledPlanRequestedAt: value,
      activeRun: { trigger: 'Plan', requestedAt: value },
    });
    expect(plan.status).not.toHaveProperty('lastHandledRequestedAt');
    expect(plan.status).not.toHaveProperty('ledgers');
    expect(eventLines(plan)).toContain('Normal PlanStarted');
  });

  test('takes its turn: no plan runs beside a run', () => {
    const run = exportJob({ name: 'run', state: 'live', connection: used });
    const plan = exportPlan(observedExport({ export: asked(), connection: used, jobs: [held, run] }));
    expect(actionLines(plan)).not.toContain('ReleaseJob plan');
    expect(plan.status.waitingRuns).toBe(1);
  });

  test('that is refused says so', () => {
    const metadata = { annotations: { [annotations.planRequestedAt]: 'soon' } };
    const plan = exportPlan(observedExport({ export: segmentExport({ metadata }), connection: used }));
    expect(plan.status.lastIgnoredPlanRequestedAt).toBe('soon');
    expect(plan.events.at(-1)?.note).toContain(annotations.planRequestedAt);
  });

  test('is answered by a later one: the earlier is dropped, and is not made again', () => {
    const later = exportJob({ name: 'later', plan: timeAt(-1), connection: used });
    const run = exportJob({ name: 'run', state: 'live', connection: used });
    const seen = observedExport({ export: asked(), connection: used, jobs: [held, later, run] });
    const plan = exportPlan(seen);
    expect(actionLines(plan)).toContain('DeleteJob plan');
    const after = { ...seen, export: { ...asked(), status: plan.status }, jobs: [later, run] };
    expect(actionLines(exportPlan(after))).not.toContainEqual(expect.stringContaining('CreateJob'));
  });

  test('by a Job whose pod would send is no plan', () => {
    const run = exportJob({ name: 'run', connection: used });
    run.metadata.annotations = { ...run.metadata.annotations, [annotations.planRequest]: value };
    const plan = exportPlan(observedExport({ connection: used, jobs: [run] }));
    expect(plan.status.activeRun).toMatchObject({ trigger: 'Manual' });
  });
});

test('a held plan of an older definition is replaced by a plan', () => {
  const old = exportJob({ name: 'plan', plan: value, connection: used, outdated: true });
  const plan = exportPlan(observedExport({ export: asked(), connection: used, jobs: [old] }));
  const create = plan.actions.find((action) => action.kind === 'CreateJob');
  expect(create && documentOf(create.job)).toMatchObject({ plan: true });
  expect(create?.job.metadata.annotations?.[annotations.planRequest]).toBe(value);
});

describe('the end of a plan', () => {
  const fine: Partial<SegmentReport>[] = [
    { uploaded: 12, removed: 3, selected: 900, withoutConsent: 4, action: 'None', criteoSegmentId: '1001' },
    { uploaded: 50, selected: 50, action: 'Create' },
  ];

  test('tells when the source was written, and what of it could not be read', () => {
    const line = { read: 3, malformed: 2, selected: 1, sourceWrittenAt: at(-60) };
    const { plan } = ended({ malformed: 5 }, [line, { read: 1, selected: 1 }], {}).status;
    expect(plan?.segments).toMatchObject([{ malformed: 2, sourceWrittenAt: timeAt(-60) }, { malformed: 0 }]);
    expect(plan?.segments?.[1]).not.toHaveProperty('sourceWrittenAt');
    expect(plan?.profiles).toMatchObject({ read: 9, malformed: 7, selected: 2 });
  });

  test('tells what a run would do, and is nothing to the runs', () => {
    const plan = ended({}, fine, { lastRun, consecutiveFailures: 2 });
    expect(plan.status.plan).toMatchObject({
      requestedAt: value,
      jobName: 'plan',
      outcome: 'Succeeded',
      needsApproval: false,
      profiles: { add: 62, remove: 3, withoutConsent: 4 },
      segments: [
        { name: 'readers', add: 12, remove: 3, action: 'None', criteoSegmentId: '1001' },
        { name: 'lapsed', add: 50, remove: 0, action: 'Create' },
      ],
    });
    expect(plan.status.plan?.message).toContain('A run would add 62 and remove 3 identifiers in 2 segments.');
    expect(plan.status.plan?.message).toContain('It would make 1 segment at Criteo.');
    expect(plan.status).toMatchObject({ lastRun, consecutiveFailures: 2 });
    expect(plan.status).not.toHaveProperty('history');
    expect(plan.status.conditions?.find(({ type }) => type === 'LastRunSucceeded')?.status).toBe('True');
    expect(plan.events).toContainEqual(
      expect.objectContaining({
        reason: 'PlanFinished',
        note: expect.stringContaining('add 62 and remove 3'),
      }),
    );
    expect(plan.status.activeRun).toBeUndefined();
  });

  test('never shows as none what was not found out', () => {
    const lines: Partial<SegmentReport>[] = [fine[0] ?? {}, { reason: 'SegmentNotOurs', selected: 7 }];
    const { status } = ended({ reason: 'SegmentsFailed' }, lines);
    expect(status.plan?.segments?.[1]).toMatchObject({ outcome: 'Failed', selected: 7 });
    expect(status.plan?.segments?.[1]).not.toHaveProperty('add');
    expect(status.plan?.profiles).not.toHaveProperty('add');
    expect(status.plan?.profiles).toMatchObject({ selected: 907 });
    const untold = ended({ reason: 'SourceNotFound' }, [{ reason: 'NotRun' }, { reason: 'NotRun' }]);
    expect(untold.status.plan?.profiles).toEqual({});
    expect(untold.status.plan?.segments?.[0]).not.toHaveProperty('read');
  });

  test('that failed is told by an event and leaves Ready alone', () => {
    const plan = ended({ reason: 'SourceNotFound' }, [{ reason: 'NotRun' }, { reason: 'NotRun' }], {
      lastRun,
    });
    expect(readyLine(plan.status)).toBe('True RunSucceeded');
    expect(eventLines(plan)).toContain('Warning SourceNotFound');
    expect(plan.status.plan).toMatchObject({ outcome: 'Failed', reason: 'SourceNotFound' });
  });

  test('without a report is unknown', () => {
    const job = exportJob({ name: 'plan', plan: value, connection: used, state: 'failed' });
    const seen = observedExport({ export: asked({ activeRun: active }), connection: used, jobs: [job] });
    const { status } = exportPlan(seen, 90);
    expect(status.plan).toMatchObject({ outcome: 'Unknown', reason: 'ReportMissing' });
    expect(status.plan).not.toHaveProperty('segments');
    expect(status).not.toHaveProperty('lastRun');
  });

  test('that shows what the guard would stop can be approved, and does not touch Ready', () => {
    const guarded: Partial<SegmentReport>[] = [
      { reason: 'RemovalGuard', uploaded: 1, removed: 9, details: { count: 9, total: 10 } },
      {},
    ];
    const end = { reason: 'SegmentsFailed' as const, approval: '0123456789abcdef' };
    const plan = ended(end, guarded, { lastRun });
    expect(plan.status.plan).toMatchObject({
      needsApproval: true,
      segments: [
        { add: 1, remove: 9 },
        { add: 0, remove: 0 },
      ],
      profiles: { add: 1, remove: 9 },
    });
    expect(plan.status.pendingApproval).toMatchObject({ runName: 'plan', token: '0123456789abcdef' });
    expect(plan.status.pendingApproval?.message).toContain(
      'kubectl annotate criteosegmentexport newsletter --namespace shop --overwrite segmentexport.io/approvedRun=plan`',
    );
    expect(readyLine(plan.status)).toBe('True RunSucceeded');
    // The same removals wait already: the run that people were told to approve stays the one.
    const pendingApproval = { ...plan.status.pendingApproval, runName: 'before' };
    const again = ended(end, guarded, { pendingApproval }).status;
    expect(again.pendingApproval?.runName).toBe('before');
    expect(again.plan?.segments?.[0]?.message).toContain('segmentexport.io/approvedRun=before`');
  });

  test('is the one to approve where a run was stopped from something else, and that run is told by Ready still', () => {
    const stopped = { jobName: 'run', outcome: 'Failed' as const, generation: 1, finishedAt: timeAt(-60) };
    const status = {
      lastRun: { ...stopped, reason: 'CriteoUnavailable', message: 'Criteo is down.' },
      history: [{ ...stopped, reason: 'SegmentsFailed' }],
      pendingApproval: {
        runName: 'run',
        token: 'fedcba9876543210',
        message: 'Three would go.',
        since: timeAt(-60),
        generation: 1,
      },
    };
    const line = { reason: 'RemovalGuard' as const, removed: 9, details: { count: 9, total: 10 } };
    const plan = ended({ reason: 'SegmentsFailed', approval: '0123456789abcdef' }, [line, {}], status);
    expect(plan.status.pendingApproval).toMatchObject({ runName: 'plan', since: timeAt(-60) });
    expect(readyLine(plan.status)).toBe('False RemovalGuard Stalled');
  });

  test('tells what would become of segments that left the export', () => {
    const line = { policy: 'Empty' as const, advertiserId: '12345', held: 0 };
    const retired = {
      total: 12,
      list: [
        { ...line, reason: 'Succeeded' as const, criteoSegmentId: '1001', removed: 30 },
        { ...line, reason: 'CriteoUnavailable' as const, criteoSegmentId: '1002', removed: 0 },
      ],
    };
    const segments = [
      {
        name: 'gone',
        criteoName: 'Gone',
        criteoSegmentId: '1001',
        outcome: 'Succeeded',
        reason: 'Succeeded',
      },
    ];
    const { plan } = ended({ retired }, fine, { segments }).status;
    expect(plan).toMatchObject({
      retiredCount: 12,
      retired: [
        { criteoSegmentId: '1001', criteoName: 'Gone', outcome: 'Succeeded', removed: 30 },
        { criteoSegmentId: '1002', outcome: 'Failed', reason: 'CriteoUnavailable' },
      ],
    });
    expect(plan?.retired?.[0]?.message).toContain('would be emptied: 30 identifiers');
    expect(plan?.retired?.[1]).not.toHaveProperty('removed');
  });
});
