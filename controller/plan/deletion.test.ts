import { describe, expect, test } from 'vitest';
import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { exitCodeOf, type Report } from '../../api/report.ts';
import { cronJob } from './cronjob.ts';
import type { ObservedExport } from './export.ts';
import { exportTemplate } from './exporttemplate.ts';
import { documentOf } from './jobdocument.ts';
import {
  applied,
  connection,
  exportJob,
  podOf,
  readyStatus,
  report,
  retirementJob,
  segmentExport,
  settings,
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

const used = connection({ spec: withLedger });
const segments = [{ criteoSegmentId: '1001', criteoName: 'Readers', advertiserId: '12345' }];
const ledgers = [{ connection: 'nordic', connectionUID: 'connection-uid', segments }];
const finalizers = ['segmentexport.io/retire'];

const deleted = (
  status: object = {},
  spec: Partial<CriteoSegmentExport['spec']> = {},
  metadata: object = {},
) =>
  segmentExport({
    metadata: { finalizers, deletionTimestamp: timeAt(0), ...metadata },
    spec: { deletionPolicy: 'Empty', ...spec },
    status: { ledgers, ...status },
  });

function see(
  object: CriteoSegmentExport = deleted(),
  more: Partial<ObservedExport> = {},
  nordic = used,
): ObservedExport {
  const others = more.otherRunsOfConnection ?? 0;
  return observedExport({
    export: object,
    connection: nordic,
    connectionsOfJobs: [nordic],
    remembered: new Map([['nordic', { connection: nordic, otherRuns: others }]]),
    ...more,
  });
}

const running = (job: { metadata: { name?: string } }) => ({
  activeRun: {
    jobName: job.metadata.name ?? '',
    jobUID: 'uid-of-retirement',
    trigger: 'Retire' as const,
    connection: 'nordic',
    startedAt: timeAt(10),
  },
  retirements: [
    {
      connection: 'nordic',
      deletionPolicy: 'Empty' as const,
      attempts: 1,
      jobName: job.metadata.name ?? '',
      startedAt: timeAt(10),
      outcome: 'Running' as const,
      reason: 'Running',
    },
  ],
  deletingSince: timeAt(1),
});

/** The attempt's Job, ended. */
function ended(end: Partial<Report>, seconds = 90) {
  const told = report({ kind: 'Retire', ...end });
  const state = exitCodeOf(told) === 0 ? 'succeeded' : 'failed';
  const job = retirementJob({ connection: used, export: deleted(), state, created: 5 });
  const seen = see(deleted(running(job)), { jobs: [job], pods: [podOf(job, told)] });
  return { plan: exportPlan(seen, seconds), seen };
}

describe('an export that is deleted', () => {
  test('ends its runs, drops what waits and starts nothing, before anything is dealt with', () => {
    const live = exportJob({ name: 'live', state: 'live', connection: used });
    const held = exportJob({ name: 'held', connection: used });
    const template = exportTemplate({ export: deleted(), connection: used, claimExists: true }, settings);
    const scheduled = segmentExport({
      spec: {
        schedule: { cron: '0 4 * * *', timeZone: 'Etc/UTC', jitterSeconds: 0, startingDeadlineSeconds: 60 },
      },
    });
    const child = template && applied(cronJob(scheduled, template, false));
    const activeRun = {
      jobName: 'live',
      jobUID: 'uid-of-live',
      trigger: 'Manual' as const,
      startedAt: timeAt(-5),
    };
    const plan = exportPlan(see(deleted({ activeRun }), { jobs: [live, held], cronJob: child }), 1);
    expect(actionLines(plan)).toEqual([
      `SuspendCronJob ${child?.metadata.name}`,
      'DeleteJob live',
      'DeleteJob held',
    ]);
    expect(plan.status.lastRun).toMatchObject({ reason: 'Stopped' });
    expect(readyLine(plan.status)).toBe('False Deleting Reconciling');
    expect(readyMessage(plan.status)).toContain('Its runs end first.');
    expect(eventLines(plan)).toContain('Normal Deleting');
  });

  test('waits for the pod of a run that was ended', () => {
    const pod = podOf(exportJob({ name: 'gone' }), { phase: 'Running' });
    expect(actionLines(exportPlan(see(deleted(), { pods: [pod] }), 1))).toEqual([]);
  });

  test('has what it sent dealt with, without the guard: deleting is a word already', () => {
    const plan = exportPlan(see(), 1);
    const create = plan.actions.find((action) => action.kind === 'CreateJob');
    const document = create && documentOf(create.job);
    expect(document).toMatchObject({
      kind: 'Retire',
      deletionPolicy: 'Empty',
      connection: { name: 'nordic' },
    });
    expect(document).not.toHaveProperty('removalGuard');
    expect(create?.job.spec).toMatchObject({ suspend: true, activeDeadlineSeconds: 3600 });
    // In a foreground deletion the collector would remove what blocks the owner.
    expect(create?.job.metadata.ownerReferences).toMatchObject([{ blockOwnerDeletion: false }]);
    expect(plan.status.deletingSince).toBe(timeAt(1));
    expect(actionLines(plan)).not.toContain('RemoveFinalizer');
  });

  test('claims that Job, and lets it start', () => {
    const job = retirementJob({ connection: used, export: deleted(), created: 5 });
    const plan = exportPlan(see(deleted(), { jobs: [job] }), 10);
    expect(plan.status).toMatchObject({
      activeRun: { trigger: 'Retire', connection: 'nordic' },
      retirements: [{ outcome: 'Running', attempts: 1 }],
    });
    expect(actionLines(plan)).toEqual([`ReleaseJob ${job.metadata.name}`]);
    expect(readyMessage(plan.status)).toContain(`The Job ${job.metadata.name} is at it. At ${timeAt(3610)}`);
  });

  test('goes when Criteo acknowledged it', () => {
    const list = [
      { reason: 'Succeeded' as const, policy: 'Empty' as const, advertiserId: '12345', removed: 9, held: 0 },
    ];
    const { plan } = ended({ retired: { total: 1, list } });
    expect(actionLines(plan)).toEqual(['RemoveFinalizer']);
    expect(eventLines(plan)).toContain('Normal SegmentsRetired');
    expect(eventLines(plan)).not.toContain('Warning LeftAtCriteo');
  });

  test('tries again after a failure, later each time, and says why', () => {
    const { plan, seen } = ended({ reason: 'CriteoUnavailable', details: { status: 503 } });
    expect(plan.status.retirements).toMatchObject([
      { outcome: 'Failed', reason: 'CriteoUnavailable', attempts: 1 },
    ]);
    expect(readyMessage(plan.status)).toContain('(HTTP 503)');
    expect(actionLines(plan)).toContainEqual(expect.stringContaining('CreateJob'));
    const soon = exportPlan({ ...seen, export: { ...seen.export, status: plan.status } }, 70);
    expect(actionLines(soon)).toEqual([]);
    expect(soon.lookAgainAfterMs).toBe(10_000);
    const many = plan.status.retirements?.map((entry) => ({ ...entry, attempts: 20 }));
    const later = { ...seen.export, status: { ...plan.status, retirements: many } } as CriteoSegmentExport;
    expect(exportPlan({ ...seen, export: later }, 70).lookAgainAfterMs).toBe(295_000);
  });
});

describe('a deleted export never waits for ever:', () => {
  const left = (plan: ReturnType<typeof exportPlan>) =>
    plan.events.find(({ reason }) => reason === 'LeftAtCriteo');

  test('the hour is over', () => {
    const { plan } = ended({ reason: 'CredentialsRefused' }, 3601);
    expect(actionLines(plan)).toEqual(['RemoveFinalizer']);
    expect(left(plan)).toMatchObject({ type: 'Warning', logged: true });
    expect(left(plan)?.note).toContain('could not be dealt with in time. Criteo refused the client id');
    expect(left(plan)?.note).toContain('Segments: 1001 "Readers" of advertiser 12345.');
  });

  test('the hour is over while a Job is at it: it ends', () => {
    const job = retirementJob({ connection: used, export: deleted(), state: 'live', created: 5 });
    const plan = exportPlan(see(deleted(running(job)), { jobs: [job] }), 3601);
    expect(actionLines(plan)).toEqual([`DeleteJob ${job.metadata.name}`, 'RemoveFinalizer']);
    expect(left(plan)).toBeDefined();
  });

  test('its connection is gone', () => {
    const gone = { ...see(), connection: undefined, remembered: new Map() };
    const plan = exportPlan(gone, 1);
    expect(actionLines(plan)).toEqual(['RemoveFinalizer']);
    expect(left(plan)?.note).toContain('the connection "nordic" is gone');
    // Killed between the status and the rest: it is told once more, and lets go.
    const again = exportPlan({ ...gone, export: { ...gone.export, status: plan.status } }, 2);
    expect(left(again)?.note).toBe(left(plan)?.note);
    expect(actionLines(again)).toEqual(['RemoveFinalizer']);
  });

  test('its namespace is being deleted, and takes no Jobs', () => {
    const refusal = { message: 'namespace shop is being terminated', namespaceTerminating: true };
    const plan = exportPlan(see(deleted(), { refusal }), 1);
    expect(actionLines(plan)).toEqual(['RemoveFinalizer']);
    expect(left(plan)?.note).toContain('the namespace is being deleted');
  });

  test('its policy becomes Retain', () => {
    const plan = exportPlan(see(deleted({}, { deletionPolicy: 'Retain' })), 1);
    expect(actionLines(plan)).toEqual(['RemoveFinalizer']);
    expect(eventLines(plan)).toContain('Normal SegmentsRetained');
    expect(left(plan)).toBeUndefined();
  });

  test('nothing was ever sent by a ledger', () => {
    expect(actionLines(exportPlan(see(deleted({ ledgers: [] })), 1))).toEqual(['RemoveFinalizer']);
  });
});

describe('a deleted export has its hour', () => {
  test.each([
    ['where the controller was away when it was deleted', 7200],
    ['by a clock that is ahead of the API server’s', 30 * 86_400],
  ])('%s: it is dealt with, and left to itself an hour later', (_, seconds) => {
    const plan = exportPlan(see(), seconds);
    expect(actionLines(plan)).toEqual([expect.stringContaining('CreateJob newsletter-retire')]);
    expect(readyMessage(plan.status)).toContain(`At ${timeAt(seconds + 3600)} it is left there`);
    const later = see(deleted(plan.status));
    expect(actionLines(exportPlan(later, seconds + 3599))).not.toContain('RemoveFinalizer');
    expect(actionLines(exportPlan(later, seconds + 3600))).toEqual(['RemoveFinalizer']);
  });

  test('and attempts in it, though the last one ended while the clock was ahead', () => {
    const month = 30 * 86_400;
    const job = retirementJob({ connection: used, export: deleted(), created: month });
    const claimed = exportPlan(see(deleted(), { jobs: [job] }), month);
    const failed = exportPlan(see(deleted(claimed.status)), month + 5);
    expect(failed.status.retirements).toMatchObject([{ outcome: 'Failed', reason: 'JobDeleted' }]);
    expect(actionLines(exportPlan(see(deleted(failed.status)), month + 6))).toEqual([]);
    expect(actionLines(exportPlan(see(deleted(failed.status)), 60))).toEqual([
      expect.stringContaining('CreateJob newsletter-retire'),
    ]);
  });

  test('where a backup gave it back with what status told of an earlier deletion', () => {
    const plan = exportPlan(see(deleted({ deletingSince: timeAt(-86_400) })), 1);
    expect(actionLines(plan)).toEqual([expect.stringContaining('CreateJob newsletter-retire')]);
    expect(readyMessage(plan.status)).toContain(`At ${timeAt(3600)} it is left there`);
  });

  test('and no more of it where the clock was ahead for a moment', () => {
    const ahead = exportPlan(see(), 30 * 86_400);
    const back = exportPlan(see(deleted(ahead.status)), 5);
    expect(readyMessage(back.status)).toContain(`At ${timeAt(3605)} it is left there`);
    const later = see(deleted(back.status));
    expect(exportPlan(later, 6).status.deletingSince).toBe(timeAt(5));
    expect(actionLines(exportPlan(later, 3605))).toEqual(['RemoveFinalizer']);
  });
});

describe('a deleted export waits, and says for what, while', () => {
  const withdrawn = connection({ spec: withLedger });
  withdrawn.spec.dataPrivacy.agreed = false;
  const broken = readyStatus();
  const [ready] = broken.conditions ?? [];
  if (ready) Object.assign(ready, { status: 'False', reason: 'SecretNotFound', message: 'No Secret.' });
  test.each<[string, CriteoConnection, Partial<ObservedExport>, string]>([
    [
      'its connection is suspended',
      connection({ spec: { ...withLedger, suspend: true } }),
      {},
      'is suspended',
    ],
    ['the agreement was taken back', withdrawn, {}, 'was taken back'],
    ['the connection is not ready', connection({ spec: withLedger, status: broken }), {}, 'No Secret.'],
    ['the connection has lost its ledger', connection(), {}, 'has no spec.ledger any more'],
    [
      'too many runs of its connection are at work',
      used,
      { otherRunsOfConnection: 5 },
      '5 runs of its connection',
    ],
    [
      'the garbage collector is at work in the foreground',
      used,
      { export: deleted({}, {}, { finalizers: [...finalizers, 'foregroundDeletion'] }) },
      'Its runs end first.',
    ],
    [
      'Kubernetes refuses its Job',
      used,
      { refusal: { message: 'exceeded quota: no-jobs', namespaceTerminating: false } },
      'exceeded quota: no-jobs',
    ],
  ])('%s', (_, nordic, more, words) => {
    const plan = exportPlan(see(more.export ?? deleted(), more, nordic), 1);
    expect(readyLine(plan.status)).toBe('False Deleting Reconciling');
    expect(readyMessage(plan.status)).toContain(words);
    expect(readyMessage(plan.status)).toContain(`At ${timeAt(3601)} it is left there`);
    expect(actionLines(plan)).not.toContain('RemoveFinalizer');
    expect(plan.lookAgainAfterMs).toBeLessThanOrEqual(3_600_000);
  });
});

test('of several connections each is dealt with', () => {
  const baltic = connection({ metadata: { name: 'baltic', uid: 'baltic-uid' }, spec: withLedger });
  const object = deleted({ ledgers: [...ledgers, { connection: 'baltic' }] });
  const remembered = new Map([
    ['nordic', { connection: used, otherRuns: 0 }],
    ['baltic', { connection: baltic, otherRuns: 0 }],
  ]);
  const first = exportPlan({ ...see(object), remembered }, 1);
  expect(actionLines(first)).toHaveLength(1);
  const { plan } = ended({ retired: { total: 0, list: [] } });
  expect(plan.status.retirements?.[0]?.message).toBe('Nothing of it was left at Criteo.');
  const left = { ...object, status: { ...plan.status, ledgers: [{ connection: 'baltic' }] } };
  const create = exportPlan({ ...see(left as CriteoSegmentExport), remembered }, 95).actions.find(
    (action) => action.kind === 'CreateJob',
  );
  expect(create && documentOf(create.job)).toMatchObject({ connection: { name: 'baltic' } });
});
