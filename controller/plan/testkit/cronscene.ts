import type { CriteoSegmentExport } from '../../../api/generated/criteosegmentexport.ts';
import type { RunReason } from '../../../api/reasons.ts';
import type { PlannedEvent } from '../action.ts';
import { finished, isHeld, isLive, type Job, type Pod } from '../kubernetes.ts';
import { exportJob, podOf, report, segmentExport, timeAt } from './objects.ts';
import { exportPlan, observedExport } from './plans.ts';

export interface CronSceneOptions {
  /** The schedule starts a run each so many minutes, the first at `start`. */
  everyMinutes: number;
  startingDeadlineSeconds: number;
  jitterSeconds?: number;
}

/**
 * An export with a schedule, and the CronJob controller as it is with the policy Forbid: while a Job of its is not
 * finished it makes none, then the one of the last time missed, if that is within the deadline. Times are seconds
 * after `start`.
 */
export class CronScene {
  export: CriteoSegmentExport;
  /** The controller is there. */
  isWatched = true;
  /** How each run ends, 30 seconds after its start. */
  reason: RunReason = 'Succeeded';
  /** Scheduled times, in seconds, of the runs that were started and when, in their order. */
  readonly started: { scheduled: number; at: number }[] = [];
  readonly skips: PlannedEvent[] = [];
  readonly #options: CronSceneOptions;
  #now = -1;
  #lastScheduled = -1;
  #jobs: Job[] = [];
  #pods: Pod[] = [];

  constructor(options: CronSceneOptions) {
    const { everyMinutes, startingDeadlineSeconds, jitterSeconds = 0 } = options;
    this.#options = options;
    const schedule = {
      cron: everyMinutes === 60 ? '0 * * * *' : `*/${everyMinutes} * * * *`,
      timeZone: 'Etc/UTC',
      startingDeadlineSeconds,
      jitterSeconds,
    };
    this.export = segmentExport({ spec: { schedule } });
    this.#look(-1);
  }

  /** Time goes on, by half a minute each. */
  until(seconds: number): void {
    for (this.#now += 1; this.#now <= seconds; this.#now += 30) {
      this.#makeDueJob();
      if (this.isWatched) for (let round = 0; round < 3; round++) this.#look(this.#now);
      this.#endRuns();
    }
    this.#now = seconds;
  }

  change(spec: Partial<CriteoSegmentExport['spec']>): void {
    const { metadata } = this.export;
    this.export = {
      ...this.export,
      metadata: { ...metadata, generation: (metadata.generation ?? 1) + 1 },
      spec: { ...this.export.spec, ...spec },
    };
  }

  #makeDueJob(): void {
    const { everyMinutes, startingDeadlineSeconds } = this.#options;
    const period = everyMinutes * 60;
    const due = Math.floor(this.#now / period) * period;
    const isTooLate = this.#now - due > startingDeadlineSeconds;
    const isBusy = this.#jobs.some((job) => !finished(job));
    if (due <= this.#lastScheduled || isTooLate || isBusy) return;
    this.#lastScheduled = due;
    this.#jobs.push(
      exportJob({ name: `at-${due}`, scheduled: due, created: this.#now, export: this.export }),
    );
  }

  #look(seconds: number): void {
    const plan = exportPlan(
      observedExport({ export: this.export, jobs: this.#jobs, pods: this.#pods }),
      seconds,
    );
    this.export = { ...this.export, status: plan.status };
    for (const action of plan.actions) {
      if (action.kind === 'DeleteJob') {
        this.#jobs = this.#jobs.filter(({ metadata }) => metadata.uid !== action.job.metadata.uid);
        if (action.event) this.skips.push(action.event);
      } else if (action.kind === 'ReleaseJob') {
        this.started.push({ scheduled: Number(action.job.metadata.name?.slice('at-'.length)), at: seconds });
        this.#jobs = this.#jobs.map((job) =>
          job.metadata.uid === action.job.metadata.uid
            ? { ...job, spec: { ...job.spec, suspend: false } }
            : job,
        );
      }
    }
  }

  #endRuns(): void {
    const begun = this.started.at(-1)?.at ?? 0;
    const live = this.#jobs.find((job) => isLive(job) && !isHeld(job));
    if (!live || this.#now < begun + 30) return;
    const type = this.reason === 'Succeeded' ? 'Complete' : 'Failed';
    const condition = { type, status: 'True', lastTransitionTime: timeAt(this.#now) };
    const ended = { ...live, status: { conditions: [condition] } };
    this.#jobs = this.#jobs.map((job) => (job === live ? ended : job));
    this.#pods.push(podOf(ended, report({ reason: this.reason })));
  }
}
