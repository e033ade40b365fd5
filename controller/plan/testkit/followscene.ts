import type {
  CriteoSegmentExport,
  CriteoSegmentExportStatus,
} from '../../../api/generated/criteosegmentexport.ts';
import { parseTime } from '../../../api/time.ts';
import type { Action, Plan } from '../action.ts';
import { type Answered, afterOf } from '../ask.ts';
import type { FollowedJob } from '../followed.ts';
import { targetOf } from '../followed.ts';
import { isLive, type Job } from '../kubernetes.ts';
import { connection, podOf, report, segmentExport, start, timeAt } from './objects.ts';
import { exportPlan, observedExport } from './plans.ts';

type Spec = CriteoSegmentExport['spec'];

/** An export whose runs follow others, and what is done by its plans; times are seconds after `start`. */
export class FollowScene {
  now = 0;
  export: CriteoSegmentExport;
  connection = connection();
  /** The export's own. */
  jobs: Job[] = [];
  /** What each run that was started answers, in the order of the starts. */
  readonly started: { at: number; answers: Answered }[] = [];
  readonly #succeeded = new Map<string, number[]>();
  #uids = 0;

  constructor(spec: Partial<Spec>, created = 0) {
    this.export = segmentExport({ spec, metadata: { creationTimestamp: timeAt(created) } });
  }

  /** A Job of an entry of spec.runAfter succeeds. */
  succeed(target: string, seconds = this.now): void {
    this.#succeeded.set(target, [...(this.#succeeded.get(target) ?? []), seconds]);
  }

  change(spec: Partial<Spec>): void {
    const { metadata } = this.export;
    this.export = {
      ...this.export,
      metadata: { ...metadata, generation: (metadata.generation ?? 1) + 1 },
      spec: { ...this.export.spec, ...spec },
    };
  }

  /**
   * The controller looks, and does what it has planned.
   * @param writes after so many it is killed: the first is the status.
   */
  look(
    seconds = this.now,
    { writes = Number.POSITIVE_INFINITY, jobs = this.jobs }: { writes?: number; jobs?: Job[] } = {},
  ): Plan<CriteoSegmentExportStatus> {
    this.now = seconds;
    const followed = new Map(
      (this.export.spec.runAfter ?? []).map((target) => {
        const cronJob = target.cronJob === undefined ? {} : { cronJob: { metadata: {} } };
        const times = this.#succeeded.get(targetOf(target)) ?? [];
        return [targetOf(target), { ...cronJob, jobs: times.map(succeeded) }];
      }),
    );
    const plan = exportPlan(
      observedExport({
        export: this.export,
        connection: this.connection,
        jobs,
        pods: jobs.filter((job) => job.status?.conditions).map((job) => podOf(job, report({}, {}, {}))),
        followed,
      }),
      seconds,
    );
    this.export = { ...this.export, status: plan.status };
    const made = plan.actions.filter(({ kind }) => kind.endsWith('Job') && !kind.endsWith('CronJob'));
    for (const action of made.slice(0, Math.max(0, writes - 1))) this.#act(action);
    return plan;
  }

  /** Looks until nothing more is done. */
  settle(seconds = this.now): void {
    for (let round = 0; round < 20; round++) {
      const before = JSON.stringify([this.export.status, this.jobs]);
      this.look(seconds);
      if (JSON.stringify([this.export.status, this.jobs]) === before) return;
    }
    throw new Error('it never comes to rest');
  }

  get held(): Job[] {
    return this.jobs.filter((job) => job.spec.suspend === true);
  }

  /** The run at work ends well. */
  finish(seconds = this.now): void {
    this.now = seconds;
    this.jobs = this.jobs.map((job) => {
      const condition = { type: 'Complete', status: 'True', lastTransitionTime: timeAt(seconds) };
      return isLive(job) ? { ...job, status: { conditions: [condition] } } : job;
    });
  }

  #act(action: Action): void {
    if (action.kind === 'CreateJob') {
      const { name } = action.job.metadata;
      if (this.jobs.some((job) => job.metadata.name === name)) return;
      this.#uids += 1;
      const metadata = {
        ...action.job.metadata,
        uid: `uid-${this.#uids}`,
        creationTimestamp: timeAt(this.now),
      };
      this.jobs = [...this.jobs, { ...action.job, metadata }];
    } else if (action.kind === 'ReleaseJob') {
      const { uid } = action.job.metadata;
      const job = this.jobs.find(({ metadata }) => metadata.uid === uid);
      if (!job) return;
      this.started.push({ at: this.now, answers: afterOf(job) ?? {} });
      this.jobs = this.jobs.map((one) =>
        one === job ? { ...job, spec: { ...job.spec, suspend: false } } : one,
      );
    } else if (action.kind === 'DeleteJob') {
      this.jobs = this.jobs.filter(({ metadata }) => metadata.uid !== action.job.metadata.uid);
    }
  }
}

function succeeded(seconds: number): FollowedJob {
  return {
    metadata: {},
    status: { completionTime: timeAt(seconds), conditions: [{ type: 'Complete', status: 'True' }] },
  };
}

/** Seconds after `start` of a time as status has it. */
export function secondsOf(time: string | undefined): number | undefined {
  const ms = parseTime(time);
  return ms === undefined ? undefined : (ms - start) / 1000;
}
