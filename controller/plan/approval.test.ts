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
  const name = 'lastRun' in status ? 'later' : 'run';
  const job = exportJob({
    name,
    connection: used,
    state: exitCodeOf(told) === 0 ? 'succeeded' : 'failed',
  });
  const active = { jobName: name, jobUID: `uid-of-${name}`, trigger: 'Manual' as const, generation: 1 };
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

  test('waits no more when a later one needs no approval', () => {
    const plan = ended({}, [{}, {}], stopped);
    expect(plan.status).not.toHaveProperty('pendingApproval');
    expect(readyLine(plan.status)).toBe('True RunSucceeded');
  });

  test('waits no more when a later one dealt with that segment, whatever failed beside it', () => {
    const lines = [{ ...guarded[0], criteoSegmentId: '1001' }, {}];
    const { status } = ended({ reason: 'SegmentsFailed', approval: token }, lines);
    const then = (one: Partial<SegmentReport>, other: Partial<SegmentReport>) =>
      ended({ reason: 'SegmentsFailed' }, [{ ...one, criteoSegmentId: '1001' }, other], status).status;
    expect(then({}, { reason: 'CriteoReplyInvalid' })).not.toHaveProperty('pendingApproval');
    const undecided = then({ reason: 'CriteoReplyInvalid' }, {});
    expect(undecided.pendingApproval).toEqual(status.pendingApproval);
    expect(readyLine(undecided)).toBe('False RemovalGuard Stalled');
  });

  test.each<[string, Partial<Report>]>([
    ['Criteo was down', { reason: 'CriteoUnavailable' }],
    ['its source was busy', { reason: 'SourceChanged' }],
  ])('is not hidden by a later one that decided nothing: %s', (_, end) => {
    const first = ended({ reason: 'SegmentsFailed', approval: token }, guarded).status;
    const later = ended(end, [{ reason: 'NotRun' }, { reason: 'NotRun' }], first);
    expect(later.status.pendingApproval).toEqual(first.pendingApproval);
    expect(readyLine(later.status)).toBe('False RemovalGuard Stalled');
    expect(readyMessage(later.status)).toContain('segmentexport.io/approvedRun=run`');
    expect(eventLines(later)).toEqual([`Warning ${end.reason}`]);
  });

  test('beside a later fault that a person must mend says that fault, and can be approved still', () => {
    const first = ended({ reason: 'SegmentsFailed', approval: token }, guarded).status;
    const { status } = ended({ reason: 'SourceNotFound' }, [], first);
    expect(readyLine(status)).toBe('False SourceNotFound Stalled');
    expect(status.pendingApproval).toEqual(first.pendingApproval);
  });

  test('is one event, with the command', () => {
    const plan = ended({ reason: 'SegmentsFailed', approval: token }, guarded);
    expect(eventLines(plan)).toEqual(['Warning RemovalGuard']);
    expect(plan.events[0]?.note).toContain('The run run ended: PartiallySucceeded. 900 of 1000');
    expect(plan.events[0]?.note).toContain('segmentexport.io/approvedRun=run`');
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
    expect(readyLine(plan.status)).toBe('False RemovalGuard Stalled');
    expect(readyMessage(plan.status)).toBe(
      'What the run run was stopped from was approved; the run approved is at it.',
    );
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

  test('of a definition that cannot run is refused; taken away and set again, it counts', () => {
    const plan = exportPlan(see(approving('run', stopped), { connection: undefined }));
    const note = plan.events.find(({ reason }) => reason === 'ApprovalRefused')?.note;
    expect(note).toContain('cannot be acted on: spec.connectionRef');
    const mended = exportPlan(see(approving('run', plan.status)), 60);
    expect(actionLines(mended)).not.toContainEqual(expect.stringContaining('CreateJob'));
    expect(readyMessage(mended.status)).toContain('take the annotation away first');
    const away = exportPlan(see(segmentExport({ status: mended.status })), 61);
    expect(readyMessage(away.status)).toBe(pending.message);
    expect(actionLines(exportPlan(see(approving('run', away.status)), 62))).toContainEqual(
      expect.stringContaining('CreateJob'),
    );
  });

  /** As a run leaves it that the guard stopped. */
  const waiting = () => {
    const guardedLine = { reason: 'RemovalGuard' as const, details: { count: 900, total: 1000 } };
    return ended({ reason: 'SegmentsFailed', approval: token }, [guardedLine, {}]).status;
  };
  const approvedRun = () => {
    const job = exportJob({ name: 'approved', approved: 'run', connection: used, created: 100 });
    const claimed = exportPlan(see(approving('run', waiting()), { jobs: [job] }), 100);
    return { job, status: claimed.status };
  };
  const expectWaitsAnew = (status: ReturnType<typeof exportPlan>['status']) => {
    expect(status.pendingApproval).toMatchObject({ runName: 'approved', token });
    expect(readyLine(status)).toBe('False RemovalGuard Stalled');
    expect(readyMessage(status)).toContain('900 of 1000');
    expect(readyMessage(status)).toContain('segmentexport.io/approvedRun=approved`');
    // The annotation as it stands does nothing; the command that status has now does.
    expect(actionLines(exportPlan(see(approving('run', status)), 9000)).join()).not.toContain('CreateJob');
    expect(actionLines(exportPlan(see(approving('approved', status)), 9000)).join()).toContain('CreateJob');
  };

  test('whose run met a Criteo that was down can be given again, by the name that Ready says', () => {
    const { job, status } = approvedRun();
    const over = exportJob({
      name: 'approved',
      approved: 'run',
      connection: used,
      created: 100,
      state: 'failed',
    });
    expect(job.metadata.uid).toBe(over.metadata.uid);
    const pods = [podOf(over, report({ reason: 'CriteoUnavailable' }))];
    expectWaitsAnew(exportPlan(see(approving('run', status), { jobs: [over], pods }), 200).status);
  });

  test('whose Job a person deleted can be given again', () => {
    const { status } = approvedRun();
    expectWaitsAnew(exportPlan(see(approving('run', status)), 200).status);
  });

  test('whose Job could not start in time can be given again, and the event says so', () => {
    const job = exportJob({ name: 'approved', approved: 'run', connection: used, created: 100 });
    const live = exportJob({ name: 'other', state: 'live', connection: used });
    const plan = exportPlan(see(approving('run', waiting()), { jobs: [live, job] }), 5000);
    expect(plan.actions).toContainEqual({
      kind: 'DeleteJob',
      job,
      event: expect.objectContaining({
        note: expect.stringMatching(
          /StartingDeadlineExceeded.*approve the run that status.pendingApproval names/,
        ),
      }),
    });
    const { activeRun: _, ...status } = plan.status;
    expectWaitsAnew(status);
  });

  test('whose run asks again, of other numbers or the same, is asked for by a name that is new', () => {
    const { status } = approvedRun();
    const over = exportJob({
      name: 'approved',
      approved: 'run',
      connection: used,
      created: 100,
      state: 'failed',
    });
    const line = { reason: 'RemovalGuard' as const, details: { count: 9, total: 10 } };
    const pods = [podOf(over, report({ reason: 'SegmentsFailed', approval: token }, line, {}))];
    const plan = exportPlan(see(approving('run', status), { jobs: [over], pods }), 200);
    expect(plan.status.pendingApproval?.runName).toBe('approved');
    expect(readyMessage(plan.status)).toContain('segmentexport.io/approvedRun=approved`');
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
