import { describe, expect, test } from 'vitest';
import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import { annotations } from '../../api/names.ts';
import { encodeReport, exitCodeOf, type Report } from '../../api/report.ts';
import { parseRunDocument } from '../../api/rundocument.ts';
import { checkJob } from './checkjob.ts';
import type { ObservedConnection } from './connection.ts';
import type { Job, Pod } from './kubernetes.ts';
import { ledgerClaim } from './ledger.ts';
import { connection, podOf, readyStatus, report, settings, timeAt, withLedger } from './testkit/objects.ts';
import { actionLines, connectionPlan, eventLines, readyLine, readyMessage } from './testkit/plans.ts';

const fresh = connection({ status: { observedGeneration: -1 } });

/** The connection with what a plan made of it, and the Job that the plan made. */
function planned(object: CriteoConnection, seconds: number, seen: Partial<ObservedConnection> = {}) {
  const plan = connectionPlan({ connection: object, ...seen }, seconds);
  const create = plan.actions.find((action) => action.kind === 'CreateJob');
  const job = create && {
    ...create.job,
    metadata: { ...create.job.metadata, creationTimestamp: timeAt(seconds) },
  };
  return { plan, object: { ...object, status: plan.status }, job };
}

function ended(job: Job, seconds: number, reason = ''): Job {
  const conditions = [{ type: 'Failed', status: 'True', reason, lastTransitionTime: timeAt(seconds) }];
  return { ...job, status: { conditions } };
}

/** The whole of a check: begun at `seconds`, ended 5 seconds later. */
function checked(object: CriteoConnection, end: Partial<Report> | undefined, seconds = 0) {
  const begun = planned(object, seconds);
  const job = begun.job;
  if (!job) throw new Error('no check began');
  const over = ended(job, seconds + 5, end ? '' : 'DeadlineExceeded');
  const pods = end ? [podOf(job, report({ kind: 'Check', ...end }))] : [];
  return planned(begun.object, seconds + 5, { jobs: [over], pods });
}

describe('a connection that was just applied', () => {
  test('is checked, by a Job that status names first', () => {
    const { plan, job } = planned(fresh, 0);
    expect(readyLine(plan.status)).toBe('False Checking Reconciling');
    expect(actionLines(plan)).toEqual([`CreateJob ${plan.status.activeCheck?.jobName}`]);
    expect(job?.spec.suspend).toBe(false);
    expect(plan.events).toEqual([]);
  });

  test('whose controller was killed before it made the Job is checked under the same name', () => {
    const { object, plan } = planned(fresh, 0);
    const again = planned(object, 40);
    expect(actionLines(again.plan)).toEqual(actionLines(plan));
    expect(again.plan.status.activeCheck).toEqual(plan.status.activeCheck);
  });

  test('is not looked at all the time while its check runs', () => {
    const { object, job } = planned(fresh, 0);
    const plan = connectionPlan({ connection: object, jobs: job ? [job] : [] }, 1);
    expect(plan.actions).toEqual([]);
    expect(plan.lookAgainAfterMs).toBe(30_000);
  });

  test('nor later, when the time of a check has come', () => {
    const accepted = checked(fresh, {}).object;
    const { object, job } = planned(accepted, 4000);
    const plan = connectionPlan({ connection: object, jobs: job ? [job] : [] }, 4001);
    expect(plan.actions).toEqual([]);
    expect(plan.lookAgainAfterMs).toBe(30_000);
  });

  test('whose check gets no pod says where to look', () => {
    const { object, job } = planned(fresh, 0);
    const plan = connectionPlan({ connection: object, jobs: job ? [job] : [] }, 31);
    expect(readyMessage(plan.status)).toContain(`kubectl describe job ${job?.metadata.name}`);
  });
});

describe('what a check said', () => {
  test.each<[string, Partial<Report> | undefined, string, string]>([
    [
      'accepted',
      { advertisers: { total: 2, ids: ['12345', '7'] } },
      'True CredentialsAccepted',
      'they may use 2 advertisers',
    ],
    [
      'no Secret',
      { reason: 'SecretNotFound' },
      'False SecretNotFound Stalled',
      'the Secret "criteo-nordic" is not in this namespace; create it with the keys clientId and clientSecret',
    ],
    [
      'no key',
      { reason: 'SecretKeyMissing', details: { key: 'clientSecret' } },
      'False SecretKeyMissing Stalled',
      'no key clientSecret',
    ],
    ['refused', { reason: 'CredentialsRefused' }, 'False CredentialsRefused Stalled', '"criteo-nordic"'],
    [
      "another's advertiser",
      { reason: 'AdvertiserNotAllowed' },
      'False AdvertiserNotAllowed Stalled',
      'advertiser 12345',
    ],
    [
      'unavailable',
      { reason: 'CriteoUnavailable' },
      'False CriteoUnavailable Reconciling',
      'The check is repeated.',
    ],
    ['nothing', undefined, 'False CheckFailed Reconciling', 'without a report (DeadlineExceeded)'],
  ])('%s: is told in Ready and one event', (_, end, line, message) => {
    const { plan } = checked(fresh, end);
    expect(readyLine(plan.status)).toBe(line);
    expect(readyMessage(plan.status)).toContain(message);
    expect(plan.events).toHaveLength(1);
    expect(plan.status.activeCheck).toBeUndefined();
  });

  test('holds while the next check runs, and is not told again when that says the same', () => {
    const failed = checked(fresh, { reason: 'SecretNotFound' });
    const again = planned(failed.object, 40);
    expect(again.job).toBeDefined();
    expect(readyLine(again.plan.status)).toBe('False SecretNotFound Stalled');
    expect(checked(failed.object, { reason: 'SecretNotFound' }, 40).plan.events).toEqual([]);
    expect(eventLines(checked(failed.object, {}, 40).plan)).toEqual(['Normal CredentialsAccepted']);
  });

  test('does not hold for a changed definition', () => {
    const accepted = checked(fresh, {}).object;
    const changed = { ...accepted, metadata: { ...accepted.metadata, generation: 2 } };
    const { plan } = planned(changed, 60);
    expect(readyLine(plan.status)).toBe('False Checking Reconciling');
  });

  test('of an older definition is not believed: the check begins anew', () => {
    const { object, job } = planned(fresh, 0);
    const changed = {
      ...object,
      metadata: { ...object.metadata, generation: 2 },
      spec: { ...object.spec, advertiserId: '9' },
    };
    const over = job ? [ended(job, 5)] : [];
    const { plan } = planned(changed, 6, {
      jobs: over,
      pods: over.map((o) => podOf(o, report({ kind: 'Check' }))),
    });
    expect(readyLine(plan.status)).toBe('False Checking Reconciling');
    expect(actionLines(plan)).toEqual([
      `DeleteJob ${job?.metadata.name}`,
      `CreateJob ${plan.status.activeCheck?.jobName}`,
    ]);
    expect(plan.status.activeCheck?.jobName).not.toBe(job?.metadata.name);
  });
});

describe('the next check comes', () => {
  test.each<[string, Partial<Report> | undefined, number, number]>([
    ['an hour after one that succeeded', {}, 0, 3600],
    ['30 seconds after a first failure', { reason: 'SecretNotFound' }, 0, 30],
    ['at most 5 minutes after the next failures', { reason: 'SecretNotFound' }, 9, 300],
    ['soon where the definition is another than failed so often', { reason: 'SecretNotFound' }, -1, 30],
  ])('%s', (_, end, failures, seconds) => {
    const lastCheck = {
      jobName: 'x',
      outcome: 'Failed' as const,
      reason: 'SecretNotFound',
      generation: failures < 0 ? 0 : 1,
    };
    const object = connection({
      status: { consecutiveFailures: Math.abs(failures) * 5, ...(failures === 0 ? {} : { lastCheck }) },
    });
    const { plan } = checked(object, end);
    expect(plan.status.nextCheckTime).toBe(timeAt(5 + seconds));
    expect(plan.lookAgainAfterMs).toBe(seconds * 1000);
  });

  test('at once after a run failed by the credentials, and once only', () => {
    const accepted = checked(fresh, {}).object;
    expect(planned(accepted, 60, { credentialsFailedAt: undefined }).job).toBeUndefined();
    const failedAt = Date.parse(timeAt(50));
    const begun = planned(accepted, 60, { credentialsFailedAt: failedAt });
    expect(begun.job).toBeDefined();
    expect(readyLine(begun.plan.status)).toBe('True CredentialsAccepted');
    const over = begun.job ? [ended(begun.job, 65)] : [];
    const pods = over.map((job) => podOf(job, report({ kind: 'Check' })));
    const done = planned(begun.object, 65, { jobs: over, pods, credentialsFailedAt: failedAt });
    expect(planned(done.object, 66, { jobs: over, pods, credentialsFailedAt: failedAt }).job).toBeUndefined();
  });

  test.each<[string, Partial<Report>]>([
    ['accepted', {}],
    ['failed', { reason: 'CriteoUnavailable' }],
  ])('at once where the last one, that %s, ended while the clock was ahead', (_, end) => {
    const month = 30 * 86_400;
    const { object } = checked(fresh, end, month);
    expect(planned(object, month + 6).job).toBeUndefined();
    expect(planned(object, 60).job).toBeDefined();
  });

  test('after a run failed while a check was under way', () => {
    const accepted = checked(fresh, {}, 0).object;
    expect(planned(accepted, 10, { credentialsFailedAt: Date.parse(timeAt(2)) }).job).toBeDefined();
  });
});

describe('a check whose pod does not start', () => {
  const waiting: NonNullable<Pod['status']> = {
    phase: 'Pending',
    containerStatuses: [{ name: 'exporter', state: { waiting: { reason: 'ImagePullBackOff' } } }],
  };
  const stuck = (object: CriteoConnection, seconds: number) => {
    const begun = planned(object, seconds);
    const jobs = begun.job ? [begun.job] : [];
    return {
      jobs,
      ...planned(begun.object, seconds + 10, { jobs, pods: jobs.map((job) => podOf(job, waiting)) }),
    };
  };

  test('is told, once, however often it is repeated', () => {
    const first = stuck(fresh, 0);
    expect(readyLine(first.plan.status)).toBe('False PodNotStarted Reconciling');
    expect(eventLines(first.plan)).toEqual(['Warning PodNotStarted']);
    const over = planned(first.object, 120, {
      jobs: first.jobs.map((job) => ended(job, 120, 'DeadlineExceeded')),
    });
    expect(readyLine(over.plan.status)).toBe('False PodNotStarted Reconciling');
    expect(over.plan.events).toEqual([]);
    const second = stuck(over.object, 200);
    expect(readyLine(second.plan.status)).toBe('False PodNotStarted Reconciling');
    expect(second.plan.events).toEqual([]);
  });

  test('does not take the word of the last one back', () => {
    const accepted = checked(fresh, {}).object;
    expect(readyLine(stuck(accepted, 4000).plan.status)).toBe('True CredentialsAccepted');
  });

  test('is being checked again when it starts after all', () => {
    const first = stuck(fresh, 0);
    const running = first.jobs.map((job) => podOf(job, { phase: 'Running' }));
    expect(readyLine(planned(first.object, 20, { jobs: first.jobs, pods: running }).plan.status)).toBe(
      'False Checking Reconciling',
    );
  });
});

describe('a connection that is not to be used', () => {
  const withdrawn = {
    ...fresh,
    spec: { ...fresh.spec, dataPrivacy: { ...fresh.spec.dataPrivacy, agreed: false } },
  };
  test.each<[string, CriteoConnection, string, string]>([
    ['is suspended', connection({ spec: { suspend: true } }), 'True Suspended', 'spec.suspend is true'],
    ['its agreement was taken back', withdrawn, 'True ConsentWithdrawn', 'spec.dataPrivacy.agreed is false'],
    [
      'names a URL that is not allowed',
      connection({ spec: { api: { baseUrl: 'https://evil.example', version: '2026-07' } } }),
      'False BaseUrlNotAllowed Stalled',
      'https://api.criteo.com',
    ],
  ])('because it %s is not checked, and a check at work ends', (_, object, line, message) => {
    const running = { ...checkJob(object, 'running', settings) };
    const { plan } = planned(object, 0, { jobs: [running] });
    expect(readyLine(plan.status)).toBe(line);
    expect(readyMessage(plan.status)).toContain(message);
    expect(actionLines(plan)).toEqual(['DeleteJob running']);
    expect(plan.lookAgainAfterMs).toBeUndefined();
  });

  test('is checked when it may be used again, and does not repeat the old word meanwhile', () => {
    const refused = connectionPlan({ connection: fresh }, 0, {
      ...settings,
      allowedBaseUrls: ['https://x.example'],
    });
    const checkedBefore = {
      ...refused.status,
      lastCheck: { jobName: 'x', outcome: 'Succeeded' as const, reason: 'Succeeded', generation: 1 },
    };
    const { plan } = planned({ ...fresh, status: checkedBefore }, 10);
    expect(readyLine(plan.status)).toBe('False Checking Reconciling');
  });
});

describe('the end of an API version', () => {
  const deprecated = { deprecated: { sunset: '2027-07-01' } };

  test('is a condition and one event', () => {
    const { plan } = checked(fresh, deprecated);
    expect(eventLines(plan)).toEqual(['Normal CredentialsAccepted', 'Warning DeprecatedByCriteo']);
    expect(plan.status.conditions?.at(-1)).toMatchObject({
      type: 'ApiVersionDeprecated',
      message: 'spec.api.version: Criteo ends version 2026-07 on 2027-07-01; name a newer one.',
    });
  });

  test.each<[string, Partial<Report> | undefined, boolean]>([
    ['stays while checks do not get through', { reason: 'CriteoUnavailable' }, true],
    ['stays while checks leave no report', undefined, true],
    ['goes when Criteo no longer says so', {}, false],
  ])('%s', (_, end, stays) => {
    const told = checked(fresh, deprecated).object;
    const { plan } = checked(told, end, 4000);
    expect(plan.status.conditions?.some(({ type }) => type === 'ApiVersionDeprecated')).toBe(stays);
  });
});

test('only the last check is kept to be looked at', () => {
  const done = checked(fresh, {});
  const name = done.plan.status.lastCheck?.jobName ?? '';
  const old = ended(checkJob(fresh, 'older', settings), 0);
  const last = ended(checkJob(fresh, name, settings), 5);
  expect(actionLines(planned(done.object, 10, { jobs: [old, last] }).plan)).toEqual(['DeleteJob older']);
});

test('the report of a check fits its exit code', () => {
  const end = report({ kind: 'Check', reason: 'SecretNotFound' });
  expect([exitCodeOf(end), encodeReport(end).length < 4096]).toEqual([20, true]);
});

describe('a ledger', () => {
  const asks = connection({ spec: withLedger, status: { observedGeneration: -1 } });
  const claim = ledgerClaim(asks);

  test('on a volume: the claim is made before the credentials are checked', () => {
    const plan = connectionPlan({ connection: asks });
    expect(actionLines(plan)).toEqual([
      `CreateClaim ${claim?.metadata.name}`,
      `CreateJob ${plan.status.activeCheck?.jobName}`,
    ]);
    expect(plan.status.ledger).toEqual({
      claimName: claim?.metadata.name,
      accessModes: ['ReadWriteOnce'],
    });
  });

  test('that is there is left alone, whatever the definition asks for by now', () => {
    const larger = connection({
      spec: { ledger: { volume: { size: '9Gi', accessModes: ['ReadWriteMany'] } } },
    });
    const plan = connectionPlan({ connection: larger, ledgerClaim: claim });
    expect(actionLines(plan)).not.toContainEqual(expect.stringContaining('Claim'));
    expect(plan.status.ledger?.accessModes).toEqual(['ReadWriteOnce']);
  });

  test("of somebody else's making is not taken", () => {
    const theirs = { ...claim, metadata: { name: claim?.metadata.name ?? '' } };
    const plan = connectionPlan({ connection: asks, ledgerClaim: theirs });
    expect(readyLine(plan.status)).toBe('False LedgerClaimNotOurs Stalled');
    expect(readyMessage(plan.status)).toContain(`"${claim?.metadata.name}"`);
    expect(readyMessage(plan.status)).toContain('app.kubernetes.io/managed-by=criteo-segment-export');
    expect(plan.actions).toEqual([]);
    expect(plan.lookAgainAfterMs).toBe(15_000);
  });

  test('of a connection that rests needs no claim', () => {
    const rests = connection({ spec: { ...withLedger, suspend: true } });
    expect(actionLines(connectionPlan({ connection: rests }))).toEqual([]);
  });

  test('that is taken out is no longer told of', () => {
    const status = { ...readyStatus(), ledger: { claimName: 'x' } };
    expect(connectionPlan({ connection: connection({ status }) }).status).not.toHaveProperty('ledger');
  });

  test('in an object store is tried by the check, and its faults make the connection not Ready', () => {
    const s3 = { region: 'eu-north-1', bucket: 'ledgers', credentialsSecretRef: { name: 'store' } };
    const stored = connection({ spec: { ledger: { s3 } }, status: { observedGeneration: -1 } });
    const { job, plan } = planned(stored, 0);
    expect(actionLines(plan)).toHaveLength(1);
    const run = parseRunDocument(job?.spec.template.metadata?.annotations?.[annotations.run] ?? '');
    expect(run).toMatchObject({ kind: 'Check', ledger: { s3: { prefix: 'shop/nordic' } } });
    expect(JSON.stringify(job?.spec.template.spec.volumes)).toContain('"secretName":"store"');

    const refused = checked(stored, { reason: 'LedgerForbidden', details: { status: 403 } }).plan;
    expect(readyLine(refused.status)).toBe('False LedgerForbidden Stalled');
    expect(readyMessage(refused.status)).toContain('the bucket "ledgers", below "shop/nordic",');
    expect(readyMessage(refused.status)).toContain('the Secret "store"');
  });

  test('on a volume is not mounted by the check: it may be at work on another node', () => {
    const { job } = planned(asks, 0);
    expect(JSON.stringify(job?.spec.template)).not.toContain('persistentVolumeClaim');
  });
});
