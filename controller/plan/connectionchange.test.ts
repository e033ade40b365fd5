import { describe, expect, test } from 'vitest';
import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { annotations } from '../../api/names.ts';
import { exitCodeOf, type Report } from '../../api/report.ts';
import type { ObservedExport } from './export.ts';
import { documentOf } from './jobdocument.ts';
import {
  connection,
  exportJob,
  podOf,
  report,
  retirementJob,
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

const old = connection({ spec: withLedger });
const now = connection({ metadata: { name: 'baltic', uid: 'baltic-uid' }, spec: withLedger });
const filled = [{ criteoSegmentId: '1001', criteoName: 'Readers', advertiserId: '12345' }];
const ledgers = [{ connection: 'nordic', connectionUID: 'connection-uid', segments: filled }];

type Spec = Partial<CriteoSegmentExport['spec']>;

/** An export that names `baltic` now, and was filled by `nordic`. */
const moved = (status: object = {}, spec: Spec = {}, metadata: object = {}) =>
  segmentExport({
    metadata: { finalizers: ['segmentexport.io/retire'], ...metadata },
    spec: { connectionRef: { name: 'baltic' }, deletionPolicy: 'Empty', ...spec },
    status: { ledgers, ...status },
  });
const run = (object = moved()) => exportJob({ name: 'run', created: 10, export: object, connection: now });

function see(
  object: CriteoSegmentExport,
  more: Partial<ObservedExport> = {},
  nordic: CriteoConnection = old,
): ObservedExport {
  const remembered = new Map([
    ['nordic', { connection: nordic, otherRuns: 0 }],
    ['baltic', { connection: now, otherRuns: 0 }],
  ]);
  return observedExport({
    export: object,
    connection: now,
    connectionsOfJobs: [now, nordic],
    remembered,
    ...more,
  });
}

/** The attempt's Job, ended. */
function ended(end: Partial<Report>, object = moved()) {
  const told = report({ kind: 'Retire', ...end });
  const state = exitCodeOf(told) === 0 ? 'succeeded' : 'failed';
  const job = retirementJob({ connection: old, export: object, state, created: 20 });
  const activeRun = {
    jobName: job.metadata.name ?? '',
    jobUID: 'uid-of-retirement',
    trigger: 'Retire' as const,
    connection: 'nordic',
    startedAt: timeAt(20),
  };
  const entry = {
    connection: 'nordic',
    deletionPolicy: 'Empty' as const,
    attempts: 1,
    jobName: activeRun.jobName,
    startedAt: timeAt(20),
    outcome: 'Running' as const,
    reason: 'Running',
  };
  const status = { ...object.status, activeRun, retirements: [entry] };
  const seen = see({ ...object, status }, { jobs: [job, run(object)], pods: [podOf(job, told)] });
  return { plan: exportPlan(seen, 90), seen };
}

const emptied = {
  total: 1,
  list: [
    {
      reason: 'Succeeded' as const,
      policy: 'Empty' as const,
      advertiserId: '12345',
      criteoSegmentId: '1001',
      removed: 9,
      held: 0,
    },
  ],
};

test('a run remembers its connection before it starts, and gets the export its finalizer', () => {
  const object = segmentExport({ spec: { deletionPolicy: 'Delete' } });
  const job = exportJob({ name: 'run', export: object, connection: old });
  const plan = exportPlan(observedExport({ export: object, connection: old, jobs: [job] }));
  expect(plan.status.ledgers).toEqual([{ connection: 'nordic', connectionUID: 'connection-uid' }]);
  expect(actionLines(plan).slice(0, 2)).toEqual(['AddFinalizer', 'ReleaseJob run']);
});

test('with Retain a run gets the export no finalizer, and one that it had goes', () => {
  const had = segmentExport({ metadata: { finalizers: ['segmentexport.io/retire'] }, status: { ledgers } });
  expect(actionLines(exportPlan(observedExport({ export: had, connection: old })))).toContain(
    'RemoveFinalizer',
  );
  const job = exportJob({ name: 'run', connection: old });
  const plan = exportPlan(observedExport({ connection: old, jobs: [job] }));
  expect(actionLines(plan)).not.toContain('AddFinalizer');
});

test('what a run told of its segments is remembered with the connection', () => {
  const job = exportJob({ name: 'run', connection: old, state: 'succeeded' });
  const activeRun = { jobName: 'run', jobUID: 'uid-of-run', trigger: 'Manual' as const };
  const told = report({}, { criteoSegmentId: '1001' }, { criteoSegmentId: '1002' });
  const status = { activeRun, ledgers: [{ connection: 'nordic' }] };
  const seen = observedExport({
    export: segmentExport({ status }),
    connection: old,
    jobs: [job],
    pods: [podOf(job, told)],
  });
  expect(exportPlan(seen, 90).status.ledgers?.[0]?.segments).toEqual([
    { criteoSegmentId: '1001', criteoName: 'readers', advertiserId: '12345' },
    { criteoSegmentId: '1002', criteoName: 'lapsed', advertiserId: '12345' },
  ]);
});

describe('another connection', () => {
  test('starts nothing by itself, and status says what will be', () => {
    const plan = exportPlan(see(moved()));
    expect(actionLines(plan).filter((line) => !line.includes('CronJob'))).toEqual([]);
    expect(plan.status.retirements).toMatchObject([
      { connection: 'nordic', outcome: 'Waiting', message: 'It is dealt with before the next run.' },
    ]);
    expect(readyLine(plan.status)).toBe('True AwaitingRun');
  });

  test('has what the first one sent dealt with before the next run, by the first one', () => {
    const plan = exportPlan(see(moved(), { jobs: [run()] }), 15);
    const create = plan.actions.find((action) => action.kind === 'CreateJob');
    expect(create && documentOf(create.job)).toMatchObject({
      kind: 'Retire',
      connection: { name: 'nordic' },
      deletionPolicy: 'Empty',
      removalGuard: { maxPercent: 30 },
      ledger: { volume: {} },
    });
    expect(create?.job.spec.suspend).toBe(true);
    expect(actionLines(plan)).not.toContain('ReleaseJob run');
    expect(readyMessage(plan.status)).toContain(
      'A run waits: What was sent by the connection "nordic" is dealt with first.',
    );
  });

  test('lets a plan go at once, which says what it does not count', () => {
    const plan = exportJob({ name: 'plan', plan: timeAt(10), created: 10, export: moved(), connection: now });
    expect(actionLines(exportPlan(see(moved(), { jobs: [plan] }), 15))).toContain('ReleaseJob plan');
    const over = exportJob({
      name: 'plan',
      plan: timeAt(10),
      export: moved(),
      connection: now,
      state: 'succeeded',
    });
    const activeRun = { jobName: 'plan', jobUID: 'uid-of-plan', trigger: 'Plan' as const };
    const seen = see(moved({ activeRun }), {
      jobs: [over],
      pods: [podOf(over, report({ plan: true }, {}, {}))],
    });
    expect(exportPlan(seen, 90).status.plan?.message).toContain(
      'what was sent by the connection "nordic" is dealt with too',
    );
  });

  test('claims the Job that does it, and the run waits for its end', () => {
    const job = retirementJob({ connection: old, export: moved(), created: 15 });
    const plan = exportPlan(see(moved(), { jobs: [run(), job] }), 20);
    expect(plan.status).toMatchObject({
      activeRun: { trigger: 'Retire', connection: 'nordic', jobName: job.metadata.name },
      retirements: [{ connection: 'nordic', outcome: 'Running', attempts: 1, startedAt: timeAt(20) }],
      ledgers,
    });
    expect(actionLines(plan)).toContain(`ReleaseJob ${job.metadata.name}`);
    const claimed = see({ ...moved(), status: plan.status }, { jobs: [run(), job] });
    const after = exportPlan(claimed, 25);
    expect(after.status).toEqual(plan.status);
    expect(actionLines(after)).toContain(`ReleaseJob ${job.metadata.name}`);
  });

  test('is done when Criteo acknowledged it: it is forgotten, told, and the run starts', () => {
    const { plan } = ended({ retired: emptied });
    expect(plan.status.ledgers).toEqual([{ connection: 'baltic', connectionUID: 'baltic-uid' }]);
    expect(plan.status.retirements).toMatchObject([
      {
        connection: 'nordic',
        outcome: 'Succeeded',
        message: '1 segment was dealt with; Criteo acknowledged 9 identifiers as removed.',
        segments: [{ criteoSegmentId: '1001', criteoName: 'Readers', removed: 9 }],
      },
    ]);
    expect(actionLines(plan)).toContain('ReleaseJob run');
    expect(eventLines(plan)).toContain('Normal SegmentsRetired');
    expect(plan.status).not.toHaveProperty('lastRun');
  });

  test('that could not be dealt with is told, does not keep the run, and is tried before the next one', () => {
    const { plan, seen } = ended({ reason: 'CredentialsRefused' });
    expect(plan.status).toMatchObject({ ledgers: [{ connection: 'baltic' }, ...ledgers] });
    expect(plan.status.retirements).toMatchObject([{ outcome: 'Failed', reason: 'CredentialsRefused' }]);
    expect(actionLines(plan)).toContain('ReleaseJob run');
    expect(eventLines(plan)).toContain('Warning CredentialsRefused');
    expect(readyLine(plan.status)).toBe('True AwaitingRun');
    expect(readyMessage(plan.status)).toContain('could not be dealt with at Criteo: Criteo refused');

    const { activeRun: _, ...status } = plan.status;
    const next = exportJob({ name: 'next', created: 100, export: moved(), connection: now });
    const again = exportPlan({ ...seen, export: { ...seen.export, status }, jobs: [next] }, 120);
    expect(actionLines(again)).toContainEqual(expect.stringContaining('CreateJob newsletter-retire'));
  });

  test('that was tried, taken back and left again is tried again, though the Job of then is still there', () => {
    const then = retirementJob({ connection: old, export: moved(), state: 'failed', created: -50 });
    const plan = exportPlan(see(moved(), { jobs: [then, run()] }), 15);
    const create = plan.actions.find((action) => action.kind === 'CreateJob');
    expect(create && documentOf(create.job)).toMatchObject({ kind: 'Retire' });
    expect(create?.job.metadata.name).not.toBe(then.metadata.name);
  });

  test('that is suspended keeps no run: status says what it waits for', () => {
    const suspended = connection({ spec: { ...withLedger, suspend: true } });
    const plan = exportPlan(see(moved(), { jobs: [run()] }, suspended), 15);
    expect(actionLines(plan)).toContain('ReleaseJob run');
    expect(plan.status.retirements?.[0]?.message).toContain('is suspended');
  });

  test('that is gone leaves its segments behind, which an event names', () => {
    const gone = { ...see(moved(), { jobs: [run()] }), remembered: new Map() };
    const event = exportPlan(gone, 15).events.find(({ reason }) => reason === 'LeftAtCriteo');
    expect(event).toMatchObject({ type: 'Warning', logged: true });
    expect(event?.note).toContain(
      'the connection "nordic" is gone. Segments: 1001 "Readers" of advertiser 12345.',
    );
    expect(exportPlan(gone, 15).status).not.toHaveProperty('ledgers');
  });

  test('with Retain leaves its segments, and an event says so', () => {
    const plan = exportPlan(see(moved({}, { deletionPolicy: 'Retain' })));
    expect(plan.status).not.toHaveProperty('ledgers');
    expect(plan.events.find(({ reason }) => reason === 'SegmentsRetained')?.note).toContain('1001 "Readers"');
    expect(plan.status.retirements).toMatchObject([{ outcome: 'LeftAtCriteo', deletionPolicy: 'Retain' }]);
  });

  test('that does not exist is a slip of the pen: nothing is forgotten', () => {
    const seen = { ...see(moved({}, { deletionPolicy: 'Retain' })), connection: undefined };
    expect(exportPlan(seen).status.ledgers).toEqual(ledgers);
  });

  test('is taken back: there is nothing to be dealt with', () => {
    const back = segmentExport({
      spec: { deletionPolicy: 'Empty' },
      status: {
        ledgers,
        retirements: [
          { connection: 'nordic', deletionPolicy: 'Empty', outcome: 'Waiting', reason: 'Waiting' },
        ],
      },
    });
    const job = retirementJob({ connection: old, export: back });
    const plan = exportPlan(observedExport({ export: back, connection: old, jobs: [job] }));
    expect(plan.status).not.toHaveProperty('retirements');
    expect(actionLines(plan)).toContain(`DeleteJob ${job.metadata.name}`);
    expect(plan.status.ledgers).toEqual(ledgers);
  });
});

describe('a retirement that the guard stopped', () => {
  const guarded: Partial<Report> = {
    reason: 'SegmentsFailed',
    approval: token,
    retired: {
      total: 1,
      list: [{ ...emptied.list[0], reason: 'RemovalGuard', removed: 0, held: 9 }] as never,
    },
  };

  test('waits for a person, does not keep the run, and is not tried again meanwhile', () => {
    const { plan, seen } = ended(guarded);
    const { jobName } = seen.export.status?.activeRun ?? {};
    expect(readyLine(plan.status)).toBe('False RemovalGuard Stalled');
    expect(readyMessage(plan.status)).toContain(
      '9 of 9 identifiers would be removed from the segment "Readers"',
    );
    expect(readyMessage(plan.status)).toContain(`segmentexport.io/approvedRun=${jobName}\``);
    expect(actionLines(plan)).toContain('ReleaseJob run');
    const { activeRun: _, ...status } = plan.status;
    const next = exportJob({ name: 'next', created: 100, export: moved(), connection: now });
    const after = exportPlan({ ...seen, export: { ...seen.export, status }, jobs: [next] }, 120);
    expect(actionLines(after)).toContain('ReleaseJob next');
  });

  test('approved is carried out with the token, before anything else', () => {
    const { plan, seen } = ended(guarded);
    const { activeRun, ...status } = plan.status;
    const runName = seen.export.status?.activeRun?.jobName ?? '';
    expect(activeRun?.jobName).toBe('run');
    const approving = moved(status, {}, { annotations: { [annotations.approvedRun]: runName } });
    const asked = exportPlan(see(approving), 120);
    const create = asked.actions.find((action) => action.kind === 'CreateJob');
    expect(create && documentOf(create.job)).toMatchObject({ kind: 'Retire', approval: token });

    const job = retirementJob({
      connection: old,
      export: approving,
      attempt: 2,
      approved: runName,
      created: 125,
    });
    const busy = exportJob({ name: 'busy', state: 'live', export: approving, connection: now });
    expect(actionLines(exportPlan(see(approving, { jobs: [job, busy] }), 130))).not.toContainEqual(
      expect.stringMatching(/^(Release|Delete)Job newsletter-retire/),
    );
    const claimed = exportPlan(see(approving, { jobs: [job, run()] }), 130);
    expect(actionLines(claimed)).toContain(`ReleaseJob ${job.metadata.name}`);
    expect(claimed.status).toMatchObject({
      activeRun: { trigger: 'Retire', approvedRun: runName },
      lastHandledApprovedRun: runName,
      retirements: [{ outcome: 'Running', attempts: 2 }],
    });
    expect(claimed.status.retirements?.[0]).not.toHaveProperty('pendingApproval');
  });
});
