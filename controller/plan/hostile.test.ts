import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { annotations, labels } from '../../api/names.ts';
import { encodeReport } from '../../api/report.ts';
import { planConnection } from './connection.ts';
import { planExport } from './export.ts';
import type { CronJob, Job, Pod } from './kubernetes.ts';
import {
  at,
  connection,
  exportJob,
  podOf,
  report,
  segmentExport,
  settings,
  timeAt,
  withLedger,
} from './testkit/objects.ts';
import { observedExport } from './testkit/plans.ts';
import { statusFaults } from './testkit/rules.ts';

/**
 * What a tenant or a pod that was taken over can write, and the controller reads: annotations of exports, Jobs of
 * their own with our labels, termination messages. It neither throws, nor writes a status that the API server refuses.
 */

const runs = Number(process.env.HOSTILE_RUNS ?? 150);
const mirror = connection({ spec: withLedger });

const bidi = '\u202e\u2066anna\u0000\ud800';
const text = fc.oneof(
  fc.constantFrom(
    '',
    'x'.repeat(250_000),
    bidi,
    '__proto__',
    'constructor',
    timeAt(-1),
    timeAt(1e9),
    'newsletter-1',
  ),
  fc.constantFrom(
    '9999-12-31T23:59:59Z',
    '0000-01-01T00:00:00Z',
    '2026-11-22T04:00:00.999999999+23:59',
    '-1',
    'NaN',
  ),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
);
const ofOurs = fc.dictionary(fc.constantFrom(...Object.values(annotations)), text, { maxKeys: 6 });

/** Whatever it is, the API server takes the status, and the words are ours. */
function planned(resource: CriteoSegmentExport, jobs: Job[], pods: Pod[]) {
  const seen = observedExport({
    export: resource,
    connection: mirror,
    connectionsOfJobs: [mirror],
    jobs,
    pods,
    remembered: new Map([['nordic', { connection: mirror, otherRuns: 0 }]]),
  });
  const plan = planExport(seen, at(60), settings);
  expect(statusFaults({ ...resource, status: plan.status }, resource.status?.conditions ?? [])).toEqual([]);
  expect(JSON.stringify(plan.status).length).toBeLessThan(100_000);
  for (const { note } of plan.events) expect(note.length).toBeLessThan(3000);
  return plan;
}

test('annotations of an export may hold anything', () => {
  fc.assert(
    fc.property(ofOurs, fc.boolean(), (own, isActive) => {
      const job = exportJob({ state: 'live', connection: mirror });
      const active = { jobName: 'by-hand', jobUID: 'uid-of-by-hand', trigger: 'Manual' as const };
      const pendingApproval = {
        runName: 'newsletter-1',
        token: '0123456789abcdef',
        generation: 1,
        since: timeAt(-5),
        message: 'x.',
      };
      const resource = segmentExport({
        metadata: { annotations: own },
        status: { observedGeneration: 1, pendingApproval, ...(isActive ? { activeRun: active } : {}) },
      });
      const { status } = planned(resource, isActive ? [job] : [], []);
      // Seen once, each value is settled: looked at again it makes no more noise.
      const again = planned({ ...resource, status }, isActive ? [job] : [], []);
      expect(again.events.filter(({ reason }) => /Ignored|Refused/.test(reason))).toEqual([]);
    }),
    { numRuns: runs },
  );
});

test('Jobs with our labels may hold anything', () => {
  const tampered = fc
    .tuple(
      ofOurs,
      fc.oneof(text, fc.json()),
      fc.constantFrom('held', 'live', 'succeeded', 'failed'),
      fc.boolean(),
    )
    .map(([own, run, state, withHash]) => {
      const job = exportJob({ state: state as 'held', connection: mirror });
      const hash = job.metadata.annotations?.[annotations.templateHash] ?? '';
      job.metadata.annotations = { ...own, ...(withHash ? { [annotations.templateHash]: hash } : {}) };
      if (job.spec.template.metadata)
        job.spec.template.metadata.annotations = { ...own, [annotations.run]: run };
      return job;
    });
  fc.assert(
    fc.property(fc.array(tampered, { minLength: 1, maxLength: 4 }), fc.boolean(), (made, isActive) => {
      const jobs = made.map((job, index) => {
        job.metadata.name = `job-${index}`;
        job.metadata.uid = `uid-${index}`;
        return job;
      });
      const activeRun = { jobName: 'job-0', jobUID: 'uid-0', trigger: 'Manual' as const };
      const status = { observedGeneration: 1, ...(isActive ? { activeRun } : {}) };
      const { actions } = planned(segmentExport({ status }), jobs, []);
      expect(actions.filter(({ kind }) => kind === 'ReleaseJob').length).toBeLessThanOrEqual(1);
    }),
    { numRuns: runs },
  );
});

test('a run document that was changed in the Job of a run that ended is told by nobody', () => {
  const job = exportJob({ state: 'succeeded', connection: mirror });
  const template = job.spec.template.metadata;
  const run = JSON.parse(template?.annotations?.[annotations.run] ?? '{}');
  for (const changed of [
    { ...run, segments: [{ ...run.segments[0], name: bidi, extra: 'x' }] },
    { ...run, connection: { ...run.connection, name: 'x'.repeat(300) } },
    { ...run, export: undefined },
    { ...run, segments: Array.from({ length: 5000 }, () => run.segments[0]) },
  ]) {
    if (template) template.annotations = { [annotations.run]: JSON.stringify(changed) };
    const activeRun = { jobName: 'by-hand', jobUID: 'uid-of-by-hand', trigger: 'Manual' as const };
    const pod = podOf(job, report({}, { held: 5 }, { held: 6 }));
    const { status } = planned(segmentExport({ status: { observedGeneration: 1, activeRun } }), [job], [pod]);
    expect(status.lastRun).toMatchObject({ outcome: 'Succeeded', profiles: { read: 0 } });
    expect(status.segments ?? []).toEqual([]);
  }
});

const exitCodes = fc.constantFrom(0, 1, 2, 10, 11, 12, 13, 137, 255, -1);
const messages = fc.oneof(
  text,
  fc.json(),
  fc.uint8Array({ maxLength: 4096 }).map((bytes) => Buffer.from(bytes).toString('utf8')),
  fc.tuple(fc.nat(), fc.constantFrom('9', 'z', '"', '{', '\u0000', '36', 'Anna')).map(([where, what]) => {
    const whole = encodeReport(
      report({ approval: '0123456789abcdef', unsettled: 3 }, { held: 5 }, { held: 6 }),
    );
    const index = where % whole.length;
    return `${whole.slice(0, index)}${what}${whole.slice(index + what.length)}`;
  }),
);

function podWith(job: Job, exitCode: number, message: string): Pod {
  const state = { terminated: { exitCode, message, finishedAt: timeAt(50) } };
  return podOf(job, { phase: 'Failed', containerStatuses: [{ name: 'exporter', state }] });
}

test('a termination message may hold anything', () => {
  fc.assert(
    fc.property(messages, exitCodes, fc.constantFrom('succeeded', 'failed'), (message, exitCode, state) => {
      const job = exportJob({ state: state as 'failed', connection: mirror });
      const activeRun = { jobName: 'by-hand', jobUID: 'uid-of-by-hand', trigger: 'Manual' as const };
      const resource = segmentExport({ status: { observedGeneration: 1, activeRun } });
      const { status, events } = planned(resource, [job], [podWith(job, exitCode, message)]);
      expect(status.activeRun).toBeUndefined();
      expect(JSON.stringify([status, events])).not.toContain('Anna');
    }),
    { numRuns: runs },
  );
});

test('so may that of a check', () => {
  fc.assert(
    fc.property(messages, exitCodes, (message, exitCode) => {
      const started = {
        connection: mirror,
        jobs: [],
        pods: [],
        ledgerClaim: undefined,
        credentialsFailedAt: undefined,
      };
      const { status: before, actions } = planConnection(started, at(0), settings);
      const check = actions.flatMap((action) => (action.kind === 'CreateJob' ? [action.job] : []))[0];
      if (!check) throw new Error('no check was started');
      check.status = { conditions: [{ type: 'Failed', status: 'True', lastTransitionTime: timeAt(40) }] };
      const seen = { ...started, connection: { ...mirror, status: before }, jobs: [check] };
      const pod = podWith(check, exitCode, message);
      const { status, events } = planConnection({ ...seen, pods: [pod] }, at(60), settings);
      expect(statusFaults({ ...mirror, status }, before.conditions ?? [])).toEqual([]);
      expect(JSON.stringify([status, events])).not.toContain('Anna');
    }),
    { numRuns: runs },
  );
});

test('names of 253 characters, of the export, its connection, its Secret and its claim, give children that Kubernetes takes', () => {
  const long = `${'a'.repeat(63)}.`.repeat(3) + 'b'.repeat(61);
  const used = connection({
    metadata: { name: long },
    spec: { credentialsSecretRef: { name: long }, ...withLedger },
  });
  const resource = segmentExport({
    metadata: { name: long, annotations: { [annotations.requestedAt]: timeAt(59) } },
    spec: { connectionRef: { name: long } },
  });
  const seen = observedExport({ export: resource, connection: used, connectionsOfJobs: [used] });
  const { actions, status } = planExport(seen, at(60), settings);
  expect(statusFaults({ ...resource, status })).toEqual([]);
  const children = actions.flatMap((action): (CronJob | Job)[] => {
    if ('cronJob' in action) return [action.cronJob];
    return 'job' in action ? [action.job] : [];
  });
  expect(children.map(({ kind }) => kind).sort()).toEqual(['CronJob', 'Job']);
  for (const { metadata } of children) {
    expect(metadata.name).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
    expect(metadata.name?.length).toBeLessThanOrEqual(52);
    for (const value of Object.values(metadata.labels ?? {})) expect(value.length).toBeLessThanOrEqual(63);
    expect(Object.keys(metadata.labels ?? {})).toContain(labels.exportUid);
  }
});
