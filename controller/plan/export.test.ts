import { describe, expect, test } from 'vitest';
import { annotations } from '../../api/names.ts';
import { cronJobName } from './cronjob.ts';
import type { ObservedExport } from './export.ts';
import {
  at,
  connection,
  exportJob,
  podOf,
  readyStatus,
  report,
  requested,
  segmentExport,
  settings,
  timeAt,
} from './testkit/objects.ts';
import {
  actionLines,
  eventLines,
  exportPlan,
  next,
  observedExport,
  readyLine,
  readyMessage,
} from './testkit/plans.ts';

const cronJob = cronJobName(segmentExport());
const schedule = { cron: '0 4 * * *', timeZone: 'Etc/UTC', jitterSeconds: 0, startingDeadlineSeconds: 3600 };

describe('an export that was just applied', () => {
  test('gets a CronJob and starts nothing', () => {
    const plan = exportPlan(observedExport());
    expect(actionLines(plan)).toEqual([`ApplyCronJob ${cronJob}`]);
    expect(readyLine(plan.status)).toBe('True AwaitingRun');
    expect(eventLines(plan)).toEqual(['Normal AwaitingRun']);
    expect(plan.status).toMatchObject({ mode: 'AddOnly', advertiserId: '12345', segmentCount: 2 });
  });

  test('is left alone from then on', () => {
    const settled = next(next(observedExport()));
    const plan = exportPlan(settled, 3600);
    expect(plan.status).toEqual(settled.export.status);
    expect(plan).toMatchObject({ actions: [], events: [] });
    expect(plan.lookAgainAfterMs).toBeUndefined();
  });
});

describe('a definition that cannot run says what would mend it:', () => {
  const named = (name: string) => ({ connectionRef: { name } });
  const broken = readyStatus();
  broken.conditions = [
    {
      type: 'Ready',
      status: 'False',
      observedGeneration: 1,
      lastTransitionTime: timeAt(0),
      reason: 'SecretNotFound',
      message: 'The Secret is missing.',
    },
    {
      type: 'Stalled',
      status: 'True',
      observedGeneration: 1,
      lastTransitionTime: timeAt(0),
      reason: 'SecretNotFound',
      message: 'The Secret is missing.',
    },
  ];
  const withdrawn = connection();
  withdrawn.spec.dataPrivacy.agreed = false;
  test.each<[string, Partial<ObservedExport>, string, string]>([
    [
      'a run that is to follow its own CronJob',
      { export: segmentExport({ spec: { runAfter: [{ cronJob }] } }) },
      'False RunAfterItself Stalled',
      "is this export's own CronJob",
    ],
    [
      'a run that is to follow all runs of exports, its own included',
      {
        export: segmentExport({
          spec: {
            runAfter: [
              { cronJob: 'refresh' },
              { jobSelector: { matchLabels: { 'segmentexport.io/run-kind': 'Export' } } },
            ],
          },
        }),
      },
      'False RunAfterItself Stalled',
      "spec.runAfter[1].jobSelector.matchLabels: this export's own Jobs carry these labels",
    ],
    [
      'a label that the controller does not allow',
      { export: segmentExport({ spec: { job: { activeDeadlineSeconds: 60, labels: { team: 'crm' } } } }) },
      'False JobFieldNotAllowed Stalled',
      'spec.job.labels: "team" is not allowed',
    ],
    [
      'no such connection',
      { export: segmentExport({ spec: named('sourthern') }), connection: undefined },
      'False ConnectionNotFound Reconciling',
      'no CriteoConnection "sourthern"',
    ],
    [
      'a connection that goes away',
      { connection: connection({ metadata: { deletionTimestamp: timeAt(0) } }) },
      'False ConnectionNotFound Reconciling',
      '"nordic"',
    ],
    [
      'a mirror without a ledger',
      { export: segmentExport({ spec: { mode: 'Mirror' } }) },
      'False LedgerRequired Stalled',
      'spec.mode: Mirror: it needs a ledger, and the connection "nordic" has none; give it spec.ledger, such as {volume: {size: 1Gi}}, or write spec.mode: AddOnly.',
    ],
    [
      'several wishes without a ledger',
      {
        export: segmentExport({
          spec: { deletionPolicy: 'Delete', segments: [{ name: 'a', existing: 'TakeOver' }] },
        }),
      },
      'False LedgerRequired Stalled',
      'spec.deletionPolicy: Delete and spec.segments[0].existing: TakeOver: it needs a ledger',
    ],
    ['no advertiser', { connection: noAdvertiser() }, 'False AdvertiserMissing Stalled', 'spec.advertiserId'],
    [
      'an advertiser that the account may not use',
      { connection: connection({ status: { ...readyStatus(), advertisers: { total: 1, ids: ['7'] } } }) },
      'False AdvertiserNotAllowed Stalled',
      'advertiser 12345',
    ],
    [
      'a connection that was not checked',
      { connection: connection({ status: { observedGeneration: -1 } }) },
      'False AwaitingConnection Reconciling',
      '"nordic" has not been checked',
    ],
    [
      'a connection that was changed since its check',
      { connection: connection({ metadata: { generation: 2 } }) },
      'False AwaitingConnection Reconciling',
      'has not been checked',
    ],
    [
      'a connection that is broken',
      { connection: connection({ status: broken }) },
      'False ConnectionNotReady Stalled',
      'not ready (SecretNotFound): The Secret is missing.',
    ],
    [
      'a connection that asks for consent, where the export does not',
      { connection: connection({ spec: { requireConsent: true } }) },
      'False ConsentRequired Stalled',
      'spec.consent: the connection "nordic" asks for it (spec.requireConsent: true), and the export has none; name the column',
    ],
    [
      'an endpoint to which nobody allowed it to speak',
      {
        export: segmentExport({
          spec: {
            source: {
              s3: {
                endpoint: 'http://store.example',
                region: 'eu-north-1',
                bucket: 'people',
                path: 'lists/',
                credentialsSecretRef: { name: 'store' },
              } as never,
            },
          },
        }),
      },
      'False SourceEndpointNotAllowed Stalled',
      'spec.source.s3.endpoint: http://store.example is not encrypted',
    ],
    [
      'no such service account',
      {
        export: segmentExport({ spec: { job: { activeDeadlineSeconds: 60, serviceAccountName: 'crm' } } }),
        serviceAccountExists: false,
      },
      'False ServiceAccountNotFound Reconciling',
      'spec.job.serviceAccountName: no service account "crm"',
    ],
    ['a ledger as the source', { claimIsLedger: true }, 'False ClaimIsLedger Stalled', 'is no source'],
    ['no such claim', { claimExists: false }, 'False ClaimNotFound Reconciling', 'no claim "people"'],
    [
      'a connection that is suspended',
      { connection: connection({ spec: { suspend: true } }) },
      'True ConnectionSuspended',
      'is suspended; nothing runs',
    ],
    [
      'an agreement that was taken back',
      { connection: withdrawn },
      'True ConsentWithdrawn',
      'spec.dataPrivacy.agreed: false',
    ],
    [
      'its own suspension',
      { export: segmentExport({ spec: { suspend: true } }) },
      'True Suspended',
      'spec.suspend is true',
    ],
    [
      'its own suspension, whatever the connection',
      { export: segmentExport({ spec: { suspend: true } }), connection: connection({ status: broken }) },
      'True Suspended',
      'spec.suspend is true',
    ],
  ])('%s', (_, seen, line, message) => {
    const held = exportJob();
    const plan = exportPlan(observedExport({ ...seen, jobs: [held] }));
    expect(readyLine(plan.status)).toBe(line);
    expect(readyMessage(plan.status)).toContain(message);
    expect(plan.actions.map(({ kind }) => kind)).not.toContain('ReleaseJob');
    expect(plan.status.activeRun).toBeUndefined();
  });

  test('its CronJob starts nothing meanwhile, and what waits is kept', () => {
    const settled = next(next(observedExport({ export: segmentExport({ spec: { schedule } }) })));
    const old = exportJob({ name: 'waits', outdated: true });
    const plan = exportPlan({ ...settled, connection: undefined, jobs: [old] }, 60);
    expect(actionLines(plan)).toEqual([`SuspendCronJob ${cronJob}`]);
    expect(plan.status.waitingRuns).toBe(1);
  });

  test('a claim that is missing is looked for again soon, because no watch tells of it', () => {
    expect(exportPlan(observedExport({ claimExists: false })).lookAgainAfterMs).toBe(15_000);
  });

  function noAdvertiser() {
    const object = connection();
    delete object.spec.advertiserId;
    return object;
  }
});

describe('a request', () => {
  const asked = segmentExport({ metadata: requested(timeAt(-5)) });

  test('makes one held Job, whose name follows from it', () => {
    const plan = exportPlan(observedExport({ export: asked }));
    const create = plan.actions.find((action) => action.kind === 'CreateJob');
    expect(create?.job.spec.suspend).toBe(true);
    expect(create?.job.metadata.annotations?.[annotations.request]).toBe(timeAt(-5));
    expect(actionLines(exportPlan(observedExport({ export: asked }), 9))).toEqual(actionLines(plan));
    expect(plan.status.lastHandledRequestedAt).toBeUndefined();
  });

  test('is handled when its Job is claimed', () => {
    const plan = exportPlan(observedExport({ export: asked, jobs: [exportJob({ request: timeAt(-5) })] }));
    expect(plan.status).toMatchObject({
      lastHandledRequestedAt: timeAt(-5),
      activeRun: { trigger: 'Request', requestedAt: timeAt(-5), generation: 1, startedAt: timeAt(0) },
    });
  });

  test('that waits too long is skipped with one event, and is not asked for again', () => {
    const job = exportJob({ request: timeAt(-5) });
    const seen = observedExport({
      export: asked,
      jobs: [job],
      connection: connection({ spec: { suspend: true } }),
    });
    const plan = exportPlan(seen, 3600);
    expect(plan.actions).toContainEqual({
      kind: 'DeleteJob',
      job,
      event: expect.objectContaining({
        reason: 'RunSkipped',
        note: expect.stringContaining('StartingDeadlineExceeded'),
      }),
    });
    expect(eventLines(plan)).not.toContain('Warning RequestIgnored');
    const after = exportPlan({ ...seen, export: { ...asked, status: plan.status }, jobs: [] }, 3601);
    expect(actionLines(after)).not.toContainEqual(expect.stringContaining('CreateJob'));
    expect(after.events).toEqual([]);
  });

  test('whose Job Kubernetes did not let go is skipped with the word of Kubernetes', () => {
    const job = exportJob({ request: timeAt(-5) });
    const refusal = { message: 'jobs is forbidden: exceeded quota.', namespaceTerminating: false };
    const { status } = exportPlan(observedExport({ export: asked, jobs: [job], refusal }), 3601);
    expect(status.lastSkippedRun?.message).toMatch(/startingDeadlineSeconds.*exceeded quota\.$/);
  });

  test('of a definition that cannot run is refused when its time has passed', () => {
    const seen = observedExport({ export: asked, connection: undefined });
    expect(exportPlan(seen).lookAgainAfterMs).toBe(3600_000 - 5000 + 1000);
    expect(eventLines(exportPlan(seen, 3596))).toContain('Warning RequestIgnored');
  });

  test('that goes back to an older value starts nothing, nor does the way forward again', () => {
    const handled = { lastHandledRequestedAt: timeAt(-5) };
    const back = exportPlan(
      observedExport({
        export: segmentExport({ metadata: requested('2020-01-01T00:00:00Z'), status: handled }),
      }),
    );
    expect(back.status).toMatchObject({ ...handled, lastIgnoredRequestedAt: '2020-01-01T00:00:00Z' });
    const forward = exportPlan(
      observedExport({ export: segmentExport({ metadata: requested(timeAt(-5)), status: back.status }) }),
    );
    expect(actionLines(forward)).toEqual([`ApplyCronJob ${cronJob}`]);
  });
});

describe('a run', () => {
  const job = exportJob({ name: 'run' });
  const live = exportJob({ name: 'run', state: 'live' });
  const claimed = next(next(observedExport({ jobs: [job] })), 1);

  test('is claimed in status, then released', () => {
    const plan = exportPlan(next(observedExport({ jobs: [] })), 1);
    expect(plan.actions).toEqual([]);
    const released = exportPlan(observedExport({ jobs: [job] }), 1);
    expect(released.status.activeRun).toMatchObject({
      jobName: 'run',
      jobUID: 'uid-of-run',
      trigger: 'Manual',
    });
    expect(actionLines(released)).toContain('ReleaseJob run');
    expect(eventLines(released)).toContain('Normal RunStarted');
  });

  test('that was claimed before a crash is released after it, without a second event', () => {
    const plan = exportPlan(claimed, 30);
    expect(plan.status).toEqual(claimed.export.status);
    expect(actionLines(plan)).toEqual(['ReleaseJob run']);
    expect(plan.events).toEqual([]);
  });

  test('at work does not make the export unready', () => {
    const plan = exportPlan({ ...claimed, jobs: [live], pods: [podOf(live, { phase: 'Running' })] }, 30);
    expect(readyLine(plan.status)).toBe('True AwaitingRun');
    expect(plan.actions).toEqual([]);
  });

  test('whose pod does not start says so, and is Ready again when it does', () => {
    const waiting = {
      phase: 'Pending',
      containerStatuses: [{ name: 'exporter', state: { waiting: { reason: 'ErrImagePull' } } }],
    };
    const stuck = exportPlan({ ...claimed, jobs: [live], pods: [podOf(live, waiting)] }, 30);
    expect(readyLine(stuck.status)).toBe('False PodNotStarted Reconciling');
    expect(readyMessage(stuck.status)).toContain('kubectl describe pod -l batch.kubernetes.io/job-name=run');
    const seen = { ...claimed, export: { ...claimed.export, status: stuck.status }, jobs: [live] };
    expect(readyLine(exportPlan({ ...seen, pods: [podOf(live, { phase: 'Running' })] }, 60).status)).toBe(
      'True AwaitingRun',
    );
  });

  test('without a report says that the next run puts it right, not that it sends everything', () => {
    const over = exportJob({ name: 'run', state: 'failed' });
    const { status } = exportPlan({ ...claimed, jobs: [over] }, 90);
    expect(status.lastRun?.message).toContain('the next run puts it right');
  });

  const endings: [string, ReturnType<typeof report>, string, string, string][] = [
    [
      'well',
      report({}, { uploaded: 20, refused: 2 }, { uploaded: 3 }),
      'True RunSucceeded',
      'True Succeeded',
      'Criteo acknowledged 23 profiles in 2 segments. It called 2 more invalid.',
    ],
    [
      "by a user's error",
      report({ reason: 'SourceNotFound' }),
      'False SourceNotFound Stalled',
      'False SourceNotFound',
      '"people.csv" is not in the claim "people"',
    ],
    [
      'by a missing Secret',
      report({ reason: 'SecretNotFound' }),
      'False SecretNotFound Stalled',
      'False SecretNotFound',
      'the Secret "criteo-nordic" is not in this namespace',
    ],
    [
      'by a passing fault',
      report({ reason: 'CriteoUnavailable', details: { status: 503 } }),
      'True LastRunFailed',
      'False CriteoUnavailable',
      '(HTTP 503)',
    ],
    [
      'with a part that a person must mend',
      report({ reason: 'SegmentsFailed' }, { uploaded: 3 }, { reason: 'SegmentNotFound' }),
      'False SegmentsFailed Stalled',
      'False PartiallySucceeded',
      '1 of 2 segments failed: spec.segments: no row has "lapsed" in the column "segment"',
    ],
    [
      'with a part that passes',
      report({ reason: 'SegmentsFailed' }, { uploaded: 3 }, { reason: 'CriteoThrottled' }),
      'True LastRunFailed',
      'False PartiallySucceeded',
      '1 of 2 segments failed',
    ],
  ];
  test.each(endings)('that ended %s is told in status and one event', (_, end, ready, lastRun, message) => {
    const over = exportJob({ name: 'run', state: end.reason === 'Succeeded' ? 'succeeded' : 'failed' });
    const plan = exportPlan({ ...claimed, jobs: [over], pods: [podOf(over, end)] }, 90);
    expect(readyLine(plan.status)).toBe(ready);
    const condition = plan.status.conditions?.find(({ type }) => type === 'LastRunSucceeded');
    expect(`${condition?.status} ${condition?.reason}`).toBe(lastRun);
    expect(condition?.message).toContain(message);
    expect(plan.status).toMatchObject({ lastRun: { jobName: 'run', generation: 1, finishedAt: timeAt(60) } });
    expect(plan.status.activeRun).toBeUndefined();
    expect(plan.events.map(({ action }) => action)).toEqual(
      ready === 'True LastRunFailed'
        ? ['FinishRun', 'CheckDefinition'].slice(0, plan.events.length)
        : ['FinishRun'],
    );
  });

  test('that ended makes room for the next in the same step', () => {
    const over = exportJob({ name: 'run', state: 'succeeded' });
    const seen = {
      ...claimed,
      jobs: [over, exportJob({ name: 'next', created: 5 })],
      pods: [podOf(over, report())],
    };
    const plan = exportPlan(seen, 90);
    expect(plan.status).toMatchObject({ lastRun: { jobName: 'run' }, activeRun: { jobName: 'next' } });
    expect(actionLines(plan)).toEqual(['ReleaseJob next']);
    expect(eventLines(plan)).toEqual(['Normal RunSucceeded', 'Normal RunStarted']);
  });

  test('that a person deleted is told as unknown, and is no failure', () => {
    const plan = exportPlan({ ...claimed, jobs: [] }, 90);
    expect(plan.status).toMatchObject({
      lastRun: { outcome: 'Unknown', reason: 'JobDeleted' },
      consecutiveFailures: 0,
    });
  });

  test('that a person is deleting stays the active one until it is gone', () => {
    const going = exportJob({ name: 'run', state: 'live', deleting: true });
    const plan = exportPlan({ ...claimed, jobs: [going, exportJob({ name: 'next' })] }, 90);
    expect(plan.status.activeRun?.jobName).toBe('run');
    expect(plan.status.waitingRuns).toBe(1);
  });

  test("that a person released by hand beside another does not hide the other's end", () => {
    const other = exportJob({ name: 'another', state: 'live' });
    const plan = exportPlan({ ...claimed, jobs: [other, live] }, 30);
    expect(plan.status.activeRun?.jobName).toBe('run');
    const over = exportJob({ name: 'run', state: 'succeeded' });
    const after = exportPlan({ ...claimed, jobs: [other, over], pods: [podOf(over, report())] }, 90);
    expect(after.status).toMatchObject({ lastRun: { jobName: 'run' }, activeRun: { jobName: 'another' } });
  });

  test('does not start beside the pod of a deleted one', () => {
    const pod = podOf(exportJob({ name: 'gone' }), { phase: 'Running' });
    const plan = exportPlan(observedExport({ jobs: [job], pods: [pod] }));
    expect(readyMessage(plan.status)).toContain(
      'A run waits: The pod gone-pod of an earlier run has not ended.',
    );
    expect(plan.status.activeRun).toBeUndefined();
  });

  test('waits while too many runs of its connection are at work', () => {
    const plan = exportPlan(
      observedExport({ jobs: [job], otherRunsOfConnection: settings.maxRunsPerConnection }),
    );
    expect(readyMessage(plan.status)).toContain('A run waits: 5 runs of its connection are at work.');
    expect(readyLine(plan.status)).toBe('True AwaitingRun');
  });

  test('that still looks held after its end was told is left alone', () => {
    const over = exportJob({ name: 'run', state: 'succeeded' });
    const ended = next({ ...claimed, jobs: [over], pods: [podOf(over, report())] }, 90);
    const plan = exportPlan({ ...ended, jobs: [job] }, 91);
    expect(plan).toMatchObject({ actions: [], events: [] });
    expect(plan.status).toEqual(ended.export.status);
  });

  test('that still looks at work after its end was told is not told again', () => {
    const over = exportJob({ name: 'run', state: 'succeeded' });
    const ended = next({ ...claimed, jobs: [over], pods: [podOf(over, report())] }, 90);
    const plan = exportPlan({ ...ended, jobs: [live] }, 91);
    expect(plan.status).toEqual(ended.export.status);
    expect(plan.events).toEqual([]);
  });

  test('may have the name of an earlier one', () => {
    const over = exportJob({ name: 'run', state: 'succeeded' });
    const ended = next({ ...claimed, jobs: [over], pods: [podOf(over, report())] }, 90);
    const again = exportJob({ name: 'run', uid: 'another', created: 80 });
    expect(actionLines(exportPlan({ ...ended, jobs: [again] }, 91))).toEqual(['ReleaseJob run']);
  });
});

describe('when its connection is stopped', () => {
  const live = exportJob({ name: 'run', state: 'live' });
  const active = {
    jobName: 'run',
    jobUID: 'uid-of-run',
    trigger: 'Manual' as const,
    generation: 1,
    startedAt: timeAt(0),
  };
  const running = observedExport({
    export: segmentExport({ status: { activeRun: active } }),
    jobs: [live, exportJob({ name: 'held' })],
  });
  const withdrawn = connection();
  withdrawn.spec.dataPrivacy.agreed = false;

  test.each([
    ['suspended', connection({ spec: { suspend: true } }), 'was suspended'],
    ['withdrawn', withdrawn, 'was taken back'],
    ['going away', connection({ metadata: { deletionTimestamp: timeAt(1) } }), 'is gone'],
  ])('(%s) the run at work ends, and the held one stays', (_, stopped, message) => {
    const plan = exportPlan({ ...running, connection: stopped, connectionsOfJobs: [stopped] }, 60);
    expect(actionLines(plan).filter((line) => !line.includes('CronJob'))).toEqual(['DeleteJob run']);
    expect(plan.status).toMatchObject({
      lastRun: { outcome: 'Cancelled', reason: 'Stopped', message: expect.stringContaining(message) },
      waitingRuns: 1,
      consecutiveFailures: 0,
    });
    expect(plan.status.activeRun).toBeUndefined();
  });

  test('its end is told once, though the watch still shows the Job at work', () => {
    const suspended = connection({ spec: { suspend: true } });
    const seen = { ...running, connection: suspended, connectionsOfJobs: [suspended] };
    const told = { ...seen, export: { ...seen.export, status: exportPlan(seen, 60).status } };
    const plan = exportPlan(told, 61);
    expect(plan.events).toEqual([]);
    expect(plan.status.history).toHaveLength(1);
    expect(actionLines(plan)).toContain('DeleteJob run');
    // A crash came before the delete, and then the connection was resumed: what was told stays true.
    expect(
      actionLines(exportPlan({ ...told, connection: connection(), connectionsOfJobs: [connection()] }, 62)),
    ).toContain('DeleteJob run');
  });

  test('a run ends though the export names another connection by now', () => {
    const other = connection({ metadata: { name: 'southern', uid: 'another' } });
    const old = connection({ spec: { suspend: true } });
    const moved = segmentExport({
      spec: { connectionRef: { name: 'southern' } },
      status: { activeRun: active },
    });
    const plan = exportPlan(
      { ...running, export: moved, connection: other, connectionsOfJobs: [other, old] },
      60,
    );
    expect(actionLines(plan)).toContain('DeleteJob run');
  });

  test('a run ends though another connection has taken its name', () => {
    const another = connection({ metadata: { uid: 'another' } });
    const plan = exportPlan({ ...running, connection: another, connectionsOfJobs: [] }, 60);
    expect(plan.status.lastRun?.message).toContain('is gone');
    expect(actionLines(plan)).toContain('DeleteJob run');
  });

  test('a suspended export lets its run end as usual', () => {
    const suspended = segmentExport({ spec: { suspend: true }, status: { activeRun: active } });
    const plan = exportPlan({ ...running, export: suspended }, 60);
    expect(plan.status.activeRun).toEqual(active);
    expect(actionLines(plan)).not.toContain('DeleteJob run');
  });
});

test('on a ledger that lets in one pod at a time, a run waits for the runs of other exports', () => {
  const onePod = connection({
    spec: { ledger: { volume: { size: '1Gi', accessModes: ['ReadWriteOncePod'] } } },
  });
  const job = exportJob({ connection: onePod });
  const plan = exportPlan(observedExport({ connection: onePod, jobs: [job], otherRunsOfConnection: 1 }));
  expect(readyMessage(plan.status)).toContain('lets in one pod at a time (ReadWriteOncePod)');
  expect(plan.status.activeRun).toBeUndefined();
});

test('a held run of an older definition is replaced before it is deleted', () => {
  const old = exportJob({ name: 'old', request: timeAt(-5), outdated: true });
  const plan = exportPlan(observedExport({ jobs: [old] }));
  const [, create, remove] = plan.actions;
  expect([create?.kind, remove?.kind]).toEqual(['CreateJob', 'DeleteJob']);
  const job = create?.kind === 'CreateJob' ? create.job : undefined;
  expect(job?.metadata.annotations?.[annotations.request]).toBe(timeAt(-5));
  expect(job?.metadata.annotations?.[annotations.templateHash]).not.toBe('another');
});

test('a Job that anyone annotated with nonsense does not spoil status', () => {
  const job = exportJob({ request: 'x'.repeat(500) });
  expect(exportPlan(observedExport({ jobs: [job] })).status.activeRun).toMatchObject({ trigger: 'Manual' });
});

test('times are those of the plan, not of the clock', () => {
  expect(exportPlan(observedExport(), 3600).status.schedule?.effectiveSince).toBe(timeAt(3600));
  expect(at(3600) - at(0)).toBe(3_600_000);
});
