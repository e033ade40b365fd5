import { describe, expect, test } from 'vitest';
import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { annotations } from '../../api/names.ts';
import type { ObservedExport } from '../plan/export.ts';
import type { CronJob, Job } from '../plan/kubernetes.ts';
import {
  connection,
  exportJob,
  requested,
  segmentExport,
  timeAt,
  token,
  withLedger,
} from '../plan/testkit/objects.ts';
import { exportPlan, observedExport, readyLine } from '../plan/testkit/plans.ts';
import type { KubeClient } from '../runtime/client.ts';
import { ApiError } from '../runtime/errors.ts';
import type { EventRecorder } from '../runtime/events.ts';
import { silentLogger } from '../runtime/log.ts';
import { Executor } from './execute.ts';
import { segmentExports } from './resources.ts';

type Verb = 'create' | 'release' | 'apply';

const refusal = new ApiError({ statusCode: 403, reason: 'Forbidden', message: 'exceeded quota: no-jobs' });
const used = connection({ spec: withLedger });
const old = connection({ metadata: { name: 'old', uid: 'old-uid' }, spec: withLedger });
const remembered: ObservedExport['remembered'] = new Map([
  ['old', { connection: old, otherRuns: 0 }],
  ['nordic', { connection: used, otherRuns: 0 }],
]);

/** An API server that refuses some verbs, seen without delay, and the executor at work on it. */
class Cluster {
  readonly refused: Set<Verb>;
  jobs: Job[];
  export: CriteoSegmentExport;
  cronJob: CronJob | undefined;
  statusWrites = 0;
  readonly events: string[] = [];
  #executor = this.newExecutor();

  constructor(object: CriteoSegmentExport, jobs: Job[], ...refused: Verb[]) {
    this.export = object;
    this.jobs = jobs;
    this.refused = new Set(refused);
  }

  /** Each look as the queue has it: an error is tried again later and later, all else resets that. */
  async look(times = 1): Promise<string[]> {
    const outcomes: string[] = [];
    for (let index = 0; index < times; index++) {
      const plan = exportPlan(
        observedExport({
          export: this.export,
          connection: used,
          cronJob: this.cronJob,
          jobs: this.jobs,
          remembered,
          connectionsOfJobs: [used, old],
          refusal: this.#executor.refusalOf(this.export),
        }),
        index,
      );
      try {
        const { signal } = new AbortController();
        const { mended } = await this.#executor.execute(segmentExports, this.export, plan, signal);
        outcomes.push(mended ? 'at once' : 'done');
      } catch (error) {
        if (error !== refusal) throw error;
        outcomes.push('refused');
      }
    }
    return outcomes;
  }

  restart(): void {
    this.#executor = this.newExecutor();
  }

  held(): (string | undefined)[] {
    return this.jobs.filter(({ spec }) => spec.suspend === true).map(({ metadata }) => metadata.name);
  }

  private newExecutor(): Executor {
    const client = {
      updateStatus: async (_: unknown, object: CriteoSegmentExport) => {
        this.statusWrites += 1;
        this.export = object;
        return object;
      },
      apply: async (_: unknown, cronJob: CronJob) => {
        this.#admit('apply');
        this.cronJob = { ...cronJob, metadata: { ...cronJob.metadata, uid: 'cronjob-uid' } };
      },
      create: async (_: unknown, job: Job) => {
        this.#admit('create');
        const metadata = {
          ...job.metadata,
          uid: `uid-of-${job.metadata.name}`,
          creationTimestamp: timeAt(0),
        };
        this.jobs.push({ ...job, metadata });
      },
      patch: async (_: unknown, ref: { name: string }, patch: { metadata: object; spec?: object }) => {
        if (!patch.spec) {
          this.export = { ...this.export, metadata: { ...this.export.metadata, ...patch.metadata } };
          return this.export;
        }
        this.#admit('release');
        this.jobs = this.jobs.map((job) =>
          job.metadata.name === ref.name ? { ...job, spec: { ...job.spec, suspend: false } } : job,
        );
        return {};
      },
    } as unknown as KubeClient;
    const recorder = {
      event: ({ reason }: { reason: string }) => this.events.push(reason),
    } as unknown as EventRecorder;
    return new Executor(client, recorder, silentLogger);
  }

  #admit(verb: Verb): void {
    if (this.refused.has(verb)) throw refusal;
  }
}

const byHand = (object: CriteoSegmentExport, name = 'by-hand') =>
  exportJob({ name, export: object, connection: used });

const ledgers = [{ connection: 'old', connectionUID: 'old-uid', segments: [] }];
const moved = (status: object = {}, metadata: object = {}) =>
  segmentExport({ metadata, spec: { deletionPolicy: 'Empty' }, status: { ledgers, ...status } });

const refusedTimes = (times: number): string[] => Array.from({ length: times }, () => 'refused');

describe('what Kubernetes refuses is told once, tried later and later, and done when Kubernetes takes it:', () => {
  test.each<[string, Verb, CriteoSegmentExport, string[]]>([
    ['the Job of a retirement', 'create', moved(), ['AwaitingRun', 'ChildRefused']],
    ['the release of a run', 'release', segmentExport(), ['AwaitingRun', 'RunStarted', 'ChildRefused']],
  ])('%s', async (_, verb, object, told) => {
    const cluster = new Cluster(object, [byHand(object)], verb);
    expect(await cluster.look(12)).toEqual(refusedTimes(12));
    expect(readyLine(cluster.export.status ?? {})).toBe('False ChildRefused Stalled');
    expect([cluster.statusWrites, cluster.events]).toEqual([2, told]);

    cluster.restart();
    expect(await cluster.look(3)).toEqual(refusedTimes(3));
    expect([cluster.statusWrites, cluster.events]).toEqual([2, told]);

    cluster.refused.clear();
    await cluster.look(4);
    expect(cluster.export.status?.activeRun).toBeDefined();
    expect(cluster.held()).not.toContain(cluster.export.status?.activeRun?.jobName);
    expect(readyLine(cluster.export.status ?? {})).toMatch(/^True /);
    expect(cluster.events.filter((reason) => reason === 'RunStarted')).toHaveLength(1);
  });
});

test('an approval of a retirement stands until Kubernetes takes its Job', async () => {
  const pendingApproval = {
    runName: 'stopped',
    token,
    generation: 1,
    since: timeAt(0),
    message: 'Many.',
  };
  const entry = { connection: 'old', outcome: 'Failed', reason: 'RemovalGuard', message: 'Many.' };
  const retirements = [{ ...entry, deletionPolicy: 'Empty', attempts: 1, pendingApproval }];
  const approving = { annotations: { [annotations.approvedRun]: 'stopped' } };
  const cluster = new Cluster(moved({ retirements }, approving), [], 'create');
  expect(await cluster.look(3)).toEqual(refusedTimes(3));
  expect(cluster.events).not.toContain('ApprovalRefused');
  cluster.refused.clear();
  await cluster.look(4);
  expect(cluster.export.status?.activeRun).toMatchObject({ trigger: 'Retire', approvedRun: 'stopped' });
});

test.each<[string, Verb]>([
  ['Job that is asked for', 'create'],
  ['CronJob', 'apply'],
])('a run whose Job is there already starts though a quota refuses the %s', async (_, verb) => {
  const object = segmentExport({ metadata: requested(timeAt(0)) });
  const cluster = new Cluster(object, [byHand(object)], verb);
  await cluster.look(2);
  expect(cluster.export.status?.activeRun?.jobName).toBe('by-hand');
  expect(cluster.held()).not.toContain('by-hand');
});
