import { describe, expect, test } from 'vitest';
import { annotations } from '../../api/names.ts';
import { exitCodeOf, type Report, type SegmentReport } from '../../api/report.ts';
import type { ObservedExport } from './export.ts';
import { documentOf } from './jobdocument.ts';
import type { Job } from './kubernetes.ts';
import {
  at,
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
    const history = [{ jobName: 'yesterday', outcome: 'Failed', reason: 'SegmentsFailed', generation: 1 }];
    const { status } = ended(end, guarded, { pendingApproval: before, history });
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

  /** One run after the other, 100 seconds apart: their reports, each with its segments 1001, 1002 and so on. */
  function story(before: object, ...runs: [Partial<Report>, ...Partial<SegmentReport>[]][]) {
    let plan = exportPlan(see(segmentExport({ status: before })));
    for (const [index, [end, ...lines]] of runs.entries()) {
      const name = `r${index + 1}`;
      const finishedAt = at(index * 100 + 60);
      const ids = lines.map((line, place) =>
        line.action === 'Create' ? line : { criteoSegmentId: `${1001 + place}`, ...line },
      );
      const told = report({ reason: 'SegmentsFailed', finishedAt, ...end }, ...ids);
      const created = index * 100;
      const state = exitCodeOf(told) === 0 ? 'succeeded' : 'failed';
      const job = exportJob({ name, connection: used, created, state });
      const active = {
        jobName: name,
        jobUID: `uid-of-${name}`,
        trigger: 'Manual' as const,
        generation: 1,
        startedAt: timeAt(created),
      };
      const object = segmentExport({ status: { activeRun: active, ...plan.status } });
      plan = exportPlan(see(object, { jobs: [job], pods: [podOf(job, told)] }), created + 90);
    }
    return plan;
  }
  const failing = { reason: 'CriteoReplyInvalid' as const };
  const guardedLine = guarded[0] ?? {};
  const planned = { ...pending, runName: 'plan', since: timeAt(-50) };
  const stop: Parameters<typeof story>[1] = [{ approval: token }, guardedLine, {}];
  const down: typeof stop = [{ reason: 'CriteoUnavailable' }, { reason: 'NotRun' }, { reason: 'NotRun' }];

  test('waits no more when a later one dealt with that segment, though one between failed otherwise', () => {
    // What could not be made at Criteo has nobody to lose.
    const notMade = { ...failing, action: 'Create' as const };
    const undecided = story({}, stop, [{}, failing, notMade]);
    expect(undecided.status.pendingApproval?.runName).toBe('r1');
    const plan = story({}, stop, [{}, failing, notMade], [{}, {}, notMade]);
    expect(plan.status).not.toHaveProperty('pendingApproval');
    expect(readyLine(plan.status)).toBe('False RunsFailing Stalled');
  });

  test('where a plan had told of it is told still when Criteo is down later', () => {
    const { status } = story({ pendingApproval: planned }, stop, down);
    expect(status.pendingApproval).toMatchObject({ runName: 'plan', since: timeAt(60) });
    expect(readyLine(status)).toBe('False RemovalGuard Stalled');
  });

  test('more often than the history is long is told still when Criteo is down later', () => {
    const { status } = story({}, ...Array.from({ length: 12 }, () => stop), down);
    expect(status.pendingApproval).toMatchObject({ runName: 'r1', since: timeAt(60) });
    expect(readyLine(status)).toBe('False RemovalGuard Stalled');
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

  test('waits on through a suspend and a resume, and can be approved then', () => {
    let status: object = exportPlan(see(segmentExport({ status: stopped }))).status;
    for (const [suspend, generation] of [
      [true, 2],
      [false, 3],
    ] as const) {
      status = exportPlan(see(segmentExport({ metadata: { generation }, spec: { suspend }, status }))).status;
    }
    expect(readyLine(status)).toBe('False RemovalGuard Stalled');
    const approved = exportPlan(see(approving('run', status, { generation: 3 })));
    expect(actionLines(approved)).toContainEqual(expect.stringContaining('CreateJob'));
    const create = approved.actions.find((action) => action.kind === 'CreateJob');
    const held = { ...create?.job, metadata: { ...create?.job.metadata, uid: 'held' } } as Job;
    const resource = segmentExport({ metadata: { generation: 3 }, status: approved.status });
    const later = exportPlan(see(resource, { jobs: [held] }), 1);
    expect(later.status.activeRun).toMatchObject({ trigger: 'Approval', approvedRun: 'run' });
  });
});

describe('what only a plan has told', () => {
  const planned = { ...pending, runName: 'plan', since: timeAt(-50) };
  const line = {
    name: 'readers',
    outcome: 'Failed' as const,
    reason: 'RemovalGuard',
    criteoSegmentId: '1001',
  };
  const toldBy = {
    jobName: 'plan',
    outcome: 'Failed' as const,
    reason: 'SegmentsFailed',
    generation: 1,
    finishedAt: timeAt(-50),
    segments: [line],
  };
  const one = { criteoSegmentId: '1001' };
  const other = { criteoSegmentId: '1002' };
  const failing = { reason: 'CriteoReplyInvalid' as const };
  const laterRun = (...lines: Partial<SegmentReport>[]) =>
    ended({ reason: 'SegmentsFailed' }, lines, { pendingApproval: planned, plan: toldBy });

  test('is nothing to Ready, whatever fails of a later run', () => {
    const plan = laterRun({ ...one, ...failing }, other);
    expect(readyLine(plan.status)).toBe('True LastRunFailed');
    expect(eventLines(plan)).toEqual(['Warning SegmentsFailed']);
    expect(plan.status.pendingApproval).toEqual(planned);
  });

  test('waits no more when a run dealt with that segment, whatever failed beside it', () => {
    expect(laterRun(one, { ...other, ...failing }).status).not.toHaveProperty('pendingApproval');
  });

  test('and was approved waits no more when its run dealt with that segment, else by the name of that run', () => {
    const approvedRun = (...lines: Partial<SegmentReport>[]) => {
      const told = report({ reason: 'SegmentsFailed' }, ...lines);
      const job = exportJob({ name: 'approved', approved: 'plan', connection: used, state: 'failed' });
      const activeRun = {
        jobName: 'approved',
        jobUID: 'uid-of-approved',
        trigger: 'Approval' as const,
        approvedRun: 'plan',
        generation: 1,
      };
      const status = {
        pendingApproval: planned,
        plan: toldBy,
        lastHandledApprovedRun: 'plan',
        activeRun,
      };
      return exportPlan(see(approving('plan', status), { jobs: [job], pods: [podOf(job, told)] }), 90).status;
    };
    const done = approvedRun(one, { ...other, ...failing });
    expect(done).not.toHaveProperty('pendingApproval');
    expect(readyLine(done)).toBe('True LastRunFailed');
    const undone = approvedRun({ ...one, ...failing }, other);
    expect(undone.pendingApproval?.runName).toBe('approved');
    expect(readyLine(undone)).toBe('False RemovalGuard Stalled');
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

  test('whose Job a person deletes before it begins is not said to have been refused', () => {
    const claimed = exportPlan(
      see(approving('run', stopped), {
        jobs: [exportJob({ name: 'approved', approved: 'run', connection: used })],
      }),
    );
    const going = exportJob({ name: 'approved', approved: 'run', connection: used, deleting: true });
    const plan = exportPlan(see(approving('run', claimed.status), { jobs: [going] }), 60);
    expect(plan.status).not.toHaveProperty('activeRun');
    expect(readyMessage(plan.status)).toBe(
      `Its approval was acted on or refused already: to approve it again, take the annotation away first. ${pending.message}`,
    );
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

  const over = exportJob({
    name: 'approved',
    approved: 'run',
    connection: used,
    created: 100,
    state: 'failed',
  });

  test('whose run met a Criteo that was down can be given again, by the name that Ready says', () => {
    const { job, status } = approvedRun();
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
