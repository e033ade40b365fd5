import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import type { Action, PlannedEvent } from './action.ts';
import type { Approved } from './ask.ts';
import type { NextRetirement } from './connectionchange.ts';
import { cronJob, type RunTemplate } from './cronjob.ts';
import { isPartOf } from './ispartof.ts';
import type { CronJob, Job } from './kubernetes.ts';
import {
  approvedJob,
  type Following,
  followingJob,
  plannedJob,
  replacementJob,
  requestedJob,
} from './runjob.ts';
import type { Decisions, Skip } from './runs.ts';

/** The CronJob as the definition wants it. */
export function cronJobActions(
  resource: CriteoSegmentExport,
  observed: CronJob | undefined,
  template: RunTemplate | undefined,
  suspended: boolean,
): Action[] {
  if (template === undefined) {
    const mustRest = observed !== undefined && observed.spec.suspend !== true;
    return mustRest ? [{ kind: 'SuspendCronJob', cronJob: observed }] : [];
  }
  const wanted = cronJob(resource, template, suspended);
  return observed !== undefined && isPartOf(comparable(wanted), observed)
    ? []
    : [{ kind: 'ApplyCronJob', cronJob: wanted }];
}

/**
 * The pod template is compared by its hash alone: the API server rewrites parts
 * of it (quantities, defaults), and every difference would be an endless write.
 */
function comparable(wanted: CronJob): object {
  const { jobTemplate, ...spec } = wanted.spec;
  return { metadata: wanted.metadata, spec: { ...spec, jobTemplate: { metadata: jobTemplate.metadata } } };
}

export interface ExportActionsInput {
  resource: CriteoSegmentExport;
  template: RunTemplate | undefined;
  cronJob: readonly Action[];
  decisions: Decisions;
  /** The value of a request that has no Job yet, of a request for a plan, and an approval. */
  requested: string | undefined;
  planRequested: string | undefined;
  /** A run after other Jobs that has no Job yet. */
  following: Following | undefined;
  approved: Approved | undefined;
  retirement: NextRetirement;
  finalizer: readonly Action[];
  /** Runs at work that must end. */
  stopping: readonly Job[];
  now: number;
}

/**
 * What ends, what starts, what is made: the first action that fails ends the plan. Status names already what starts; a
 * quota that refuses a new object must not keep it held.
 */
export function exportActions(input: ExportActionsInput): Action[] {
  const { resource, template, decisions } = input;
  const actions: Action[] = input.stopping
    .filter((job) => job.metadata.deletionTimestamp === undefined)
    .map((job) => ({ kind: 'DeleteJob', job }));
  for (const skip of decisions.skip) {
    actions.push({ kind: 'DeleteJob', job: skip.job, event: skipEvent(skip) });
  }
  for (const job of [...decisions.drop, ...input.retirement.remove]) actions.push({ kind: 'DeleteJob', job });
  // Before the release: what a run sends must not be forgotten by a deletion.
  actions.push(...input.finalizer);
  const release = decisions.release ?? input.retirement.release;
  if (release) actions.push({ kind: 'ReleaseJob', job: release });
  actions.push(...input.cronJob);
  for (const job of decisions.replace) {
    // Create first: a crash between the two must not lose what was asked for.
    if (template) actions.push({ kind: 'CreateJob', job: replacementJob(resource, template, job) });
    actions.push({ kind: 'DeleteJob', job });
  }
  if (template) {
    const { requested, planRequested, following, approved, now } = input;
    const jobs = [
      requested === undefined ? undefined : requestedJob(resource, template, requested, now),
      planRequested === undefined ? undefined : plannedJob(resource, template, planRequested, now),
      following && followingJob(resource, template, following),
      approved && approvedJob(resource, template, approved, now),
    ];
    actions.push(...jobs.flatMap((job) => (job ? [{ kind: 'CreateJob' as const, job }] : [])));
  }
  if (input.retirement.create) actions.push({ kind: 'CreateJob', job: input.retirement.create });
  return actions;
}

function skipEvent({ job, reason, message }: Skip): PlannedEvent {
  if (reason === 'Cancelled') {
    const note = `The run ${job.metadata.name} does not start: ${message}`;
    return { type: 'Normal', reason: 'RunCancelled', action: 'CancelRun', note };
  }
  return {
    // The source was read and sent since.
    type: reason === 'AnsweredByLastRun' ? 'Normal' : 'Warning',
    reason: 'RunSkipped',
    action: 'SkipRun',
    note: `The run ${job.metadata.name} was skipped (${reason}): ${message}`,
  };
}
