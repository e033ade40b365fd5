import { describe, expect, test } from 'vitest';
import { annotations } from '../../api/names.ts';
import { exitCodeOf, type Report, type SegmentReport } from '../../api/report.ts';
import type { ObservedExport } from './export.ts';
import { documentOf } from './jobdocument.ts';
import {
  connection,
  exportJob,
  podOf,
  report,
  segmentExport,
  timeAt,
  token,
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

const used = connection({ spec: withLedger });
const approving = (value: string, status: object, metadata: object = {}) =>
  segmentExport({ metadata: { annotations: { [annotations.approvedRun]: value }, ...metadata }, status });
const pending = { runName: 'run', token, message: 'Nine would go.', since: timeAt(0), generation: 1 };
const stopped = {
  pendingApproval: pending,
  lastRun: {
    jobName: 'run',
    outcome: 'Failed' as const,
    reason: 'RemovalGuard',
    generation: 1,
    message: 'No.',
  },
};
const see = (object: ObservedExport['export'], more: Partial<ObservedExport> = {}) =>
  observedExport({ export: object, connection: used, ...more });

/** The plan of an export whose run has ended. */
function ended(end: Partial<Report>, lines: Partial<SegmentReport>[], status: object = {}) {
  const told = report(end, ...lines);
  const job = exportJob({
    name: 'run',
    connection: used,
    state: exitCodeOf(told) === 0 ? 'succeeded' : 'failed',
  });
  const active = { jobName: 'run', jobUID: 'uid-of-run', trigger: 'Manual' as const, generation: 1 };
  const object = segmentExport({ status: { activeRun: active, ...status } });
  return exportPlan(see(object, { jobs: [job], pods: [podOf(job, told)] }), 90);
}

describe('a run that the guard stopped', () => {
  const guarded: Partial<SegmentReport>[] = [
    { reason: 'RemovalGuard', details: { count: 900, total: 1000 }, held: 1000 },
    { uploaded: 3, held: 3 },
  ];

  test('waits for a person, and says how many would go, by which limit, and the command', () => {
    const plan = ended({ reason: 'SegmentsFailed', approval: token }, guarded);
    expect(readyLine(plan.status)).toBe('False RemovalGuard Stalled');
    const message = readyMessage(plan.status);
    expect(message).toContain('900 of 1000 identifiers would be removed from the segment "readers"');
    expect(message).toContain('spec.removalGuard.maxPercent (30)');
    expect(message).toContain(
      '`kubectl annotate criteosegmentexport newsletter --namespace shop --overwrite segmentexport.io/approvedRun=run`',
    );
    expect(plan.status.pendingApproval).toEqual({
      runName: 'run',
      token,
      message,
      since: timeAt(60),
      generation: 1,
    });
    expect(plan.status.lastRun?.outcome).toBe('PartiallySucceeded');
  });

  test('again in the same way keeps the name that people were told', () => {
    const end = { reason: 'SegmentsFailed' as const, approval: token };
    const before = { ...pending, runName: 'yesterday' };
    const { status } = ended(end, guarded, { pendingApproval: before });
    expect(status.pendingApproval).toMatchObject({ runName: 'yesterday', token, since: pending.since });
    expect(readyMessage(status)).toContain('segmentexport.io/approvedRun=yesterday`');
    expect(status.lastRun?.message).toContain('segmentexport.io/approvedRun=yesterday`');
    const other = { ...before, token: 'fedcba9876543210' };
    expect(ended(end, guarded, { pendingApproval: other }).status.pendingApproval?.runName).toBe('run');
  });

  test('beside a fault that a person must mend says the fault first', () => {
    const lines = [{ reason: 'SegmentNotFound' as const }, guarded[0] ?? {}];
    expect(readyLine(ended({ reason: 'SegmentsFailed', approval: token }, lines).status)).toBe(
      'False SegmentsFailed Stalled',
    );
  });

  test('waits no more when a later one needs no approval, however that ended', () => {
    expect(ended({}, [{}, {}], stopped).status).not.toHaveProperty('pendingApproval');
    expect(ended({ reason: 'CriteoUnavailable' }, [], stopped).status).not.toHaveProperty('pendingApproval');
  });

  test('waits no more when the definition was changed', () => {
    const plan = exportPlan(see(segmentExport({ metadata: { generation: 2 }, status: stopped })));
    expect(plan.status).not.toHaveProperty('pendingApproval');
    expect(readyLine(plan.status)).toBe('True AwaitingRun');
  });
});

describe('an approval', () => {
  test('makes one held Job with the token of what was seen', () => {
    const plan = exportPlan(see(approving('run', stopped)));
    const create = plan.actions.find((action) => action.kind === 'CreateJob');
    expect(create && documentOf(create.job)).toMatchObject({ kind: 'Export', approval: token });
    expect(create?.job.metadata.annotations).toMatchObject({
      [annotations.approved]: 'run',
      [annotations.approval]: token,
    });
    expect(actionLines(exportPlan(see(approving('run', stopped)), 9))).toEqual(actionLines(plan));
  });

  test('is used up when its Job is claimed', () => {
    const job = exportJob({ name: 'approved', approved: 'run', connection: used });
    const seen = see(approving('run', stopped), { jobs: [job] });
    const plan = exportPlan(seen);
    expect(plan.status).toMatchObject({
      activeRun: { trigger: 'Approval', approvedRun: 'run' },
      lastHandledApprovedRun: 'run',
    });
    expect(plan.status).not.toHaveProperty('pendingApproval');
    const gone = { ...seen, export: approving('run', plan.status), jobs: [] };
    expect(actionLines(exportPlan(gone, 60))).not.toContainEqual(expect.stringContaining('CreateJob'));
    expect(eventLines(exportPlan(gone, 60))).not.toContain('Warning ApprovalRefused');
  });

  test.each<[string, string, object, object, string]>([
    ['of a run that waits for nothing', 'other', stopped, {}, 'The one that waits is run'],
    ['where nothing waits', 'run', {}, {}, 'Nothing waits for an approval: ask for a plan'],
    [
      'of a definition that was changed since',
      'run',
      stopped,
      { generation: 2 },
      'the definition was changed',
    ],
    ['that is no name', 'Yes, please! '.repeat(9), stopped, {}, 'no run "Yes, please! '],
  ])('%s is refused, once, with what to do', (_, value, status, metadata, words) => {
    const object = approving(value, status, metadata);
    const plan = exportPlan(see(object));
    expect(plan.events.find(({ reason }) => reason === 'ApprovalRefused')?.note).toContain(words);
    expect(actionLines(plan)).not.toContainEqual(expect.stringContaining('CreateJob'));
    const again = exportPlan(see({ ...object, status: plan.status }), 60);
    expect(eventLines(again)).not.toContain('Warning ApprovalRefused');
  });

  test('of a definition that cannot run is refused', () => {
    const plan = exportPlan(see(approving('run', stopped), { connection: undefined }));
    const note = plan.events.find(({ reason }) => reason === 'ApprovalRefused')?.note;
    expect(note).toContain('cannot be acted on: spec.connectionRef');
  });

  test('whose Job is held when the definition changes starts nothing', () => {
    const job = exportJob({ name: 'approved', approved: 'run', connection: used });
    const object = approving('run', stopped, { generation: 2 });
    const plan = exportPlan(see(object, { jobs: [job] }));
    expect(plan.actions).toContainEqual({
      kind: 'DeleteJob',
      job,
      event: expect.objectContaining({ note: expect.stringContaining('DefinitionChanged') }),
    });
    expect(plan.status.lastHandledApprovedRun).toBe('run');
  });

  test('whose Job is of an older template is replaced by one of the same token', () => {
    const old = exportJob({ name: 'approved', approved: 'run', connection: used, outdated: true });
    const plan = exportPlan(see(approving('run', stopped), { jobs: [old] }));
    const create = plan.actions.find((action) => action.kind === 'CreateJob');
    expect(create && documentOf(create.job)).toMatchObject({ approval: token });
    expect(create?.job.metadata.annotations?.[annotations.approved]).toBe('run');
  });
});
