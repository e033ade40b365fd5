import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExportStatus } from '../../api/generated/criteosegmentexport.ts';
import { parseTime } from '../../api/time.ts';
import type { Plan } from './action.ts';
import { dropOutdatedApprovals } from './approval.ts';
import { askEvents, forgetAhead, noteHandled, readAsks } from './asks.ts';
import { cancelEvents, readCancel } from './cancel.ts';
import { forgetRetained, tidyRetirements } from './connectionchange.ts';
import { defaultStartingDeadlineSeconds } from './cronjob.ts';
import { blocker, type DefinitionInput, definitionFault, hindrance } from './definition.ts';
import { definitionStatus } from './definitionsince.ts';
import { planDeletion } from './deletion.ts';
import { endedRun } from './endedrun.ts';
import { endFault } from './endfault.ts';
import { afterEnd } from './ends.ts';
import { cronJobActions, exportActions } from './exportactions.ts';
import { advertiserOf, modeOf } from './exportdocument.ts';
import { exportConditions, statusEvents } from './exportstatus.ts';
import { exportTemplate } from './exporttemplate.ts';
import { earliest, setOrDrop } from './fields.ts';
import { finalizerActions } from './finalizer.ts';
import type { Followed } from './followed.ts';
import { heldBy } from './held.ts';
import type { CronJob, Job, Pod } from './kubernetes.ts';
import { nextRun } from './nextrun.ts';
import { nextRunTime } from './nextruntime.ts';
import { noteClaim } from './noteclaim.ts';
import { startFault } from './outcome.ts';
import { podsOf } from './pods.ts';
import { isDeleted } from './retirejob.ts';
import { type ObservedLedger, obstacleOf, targetsOf } from './retirement.ts';
import { noteRunsAfter, readRunAfter } from './runafter.ts';
import { runAfterNotFound } from './runafterfault.ts';
import { scheduleStatus } from './schedule.ts';
import { scheduleSummary } from './schedulesummary.ts';
import type { Settings } from './settings.ts';
import { noteSkips } from './skippedrun.ts';
import { runStopReason, stopReason } from './stop.ts';

/** Everything that the plan of one export looks at. */
export interface ObservedExport extends DefinitionInput {
  cronJob: CronJob | undefined;
  /** The export's Jobs and their pods, whoever made them. */
  jobs: readonly Job[];
  pods: readonly Pod[];
  /** The connections that these Jobs use, as far as they exist: the export may name another one since. */
  connectionsOfJobs: readonly CriteoConnection[];
  /** Runs of other exports of the same connection that are at work. */
  otherRunsOfConnection: number;
  /** The connections that status.ledgers remembers, by name, and the one that is named now. */
  remembered: ReadonlyMap<string, ObservedLedger>;
  /** What there is of the entries of spec.runAfter, by `targetOf`. */
  followed: ReadonlyMap<string, Followed>;
}

const movedAway = 'spec.connectionRef names another connection, and spec.deletionPolicy is Retain.';

/** How often what no watch tells is looked at again: a claim or service account that does not exist yet. */
const unwatchedMs = 15_000;

export function planExport(
  seen: ObservedExport,
  now: number,
  settings: Settings,
): Plan<CriteoSegmentExportStatus> {
  const resource = seen.export;
  if (isDeleted(resource)) return planDeletion(seen, now, settings);
  const previous: Partial<CriteoSegmentExportStatus> = resource.status ?? {};
  const generation = resource.metadata.generation ?? 1;
  const definition = definitionStatus(resource);

  const fault = definitionFault(seen, settings);
  const blocked = fault ?? blocker(seen, settings);
  const template = fault ? undefined : exportTemplate(seen, settings);
  const resting = stopReason(seen.connection) !== undefined || resource.spec.suspend === true;
  const schedule = scheduleStatus(resource, resting, previous.schedule, now);
  const startingDeadlineMs =
    (resource.spec.schedule?.startingDeadlineSeconds ?? defaultStartingDeadlineSeconds) * 1000;

  const cancel = readCancel(resource, { status: previous, jobs: seen.jobs });
  const mustStop = (job: Job) => runStopReason(job, seen.connectionsOfJobs, previous, cancel.runName);
  const ended = endedRun(previous.activeRun, seen, mustStop);
  const status: CriteoSegmentExportStatus = {
    ...(ended ? afterEnd(previous, ended, resource, now) : previous),
    observedGeneration: generation,
    definition,
    mode: modeOf(seen),
    segmentCount: resource.spec.segments.length,
    scheduleSummary: scheduleSummary(resource),
    schedule,
  };
  dropOutdatedApprovals(status, definition.generation);
  forgetAhead(status, now);
  const forgotten = fault ? [] : forgetRetained(status, resource, movedAway);

  const asks = readAsks(resource, {
    status,
    jobs: seen.jobs,
    now,
    startingDeadlineMs,
    blocked: (connection) => (connection === undefined ? fault : blocked)?.message ?? obstacle(connection),
  });
  const after = readRunAfter(resource, {
    previous,
    status,
    followed: seen.followed,
    jobs: seen.jobs,
    rests: fault !== undefined || resting,
    resumedAt: parseTime(schedule.resumedAt),
    now,
  });
  const next = nextRun({
    seen,
    previous,
    status,
    ended: ended !== undefined,
    approval: asks.approval,
    template,
    blocked: blocked?.message,
    schedule,
    startingDeadlineMs,
    followed: after.entries,
    mustStop,
    cancelledRun: cancel.runName,
    now,
    settings,
  });
  const { decisions, retirement, active, stopping } = next;
  const starting = active ? startFault(podsOf(seen.pods, active.jobName), now) : {};
  const ending = endFault(seen.pods, now);

  setOrDrop(status, 'advertiserId', advertiserOf(seen));
  setOrDrop(status, 'cronJobName', seen.cronJob?.metadata.name ?? previous.cronJobName);
  setOrDrop(status, 'activeRun', active);
  setOrDrop(status, 'waitingRuns', decisions.waiting.length || undefined);
  setOrDrop(status, 'held', heldBy(status.segments));
  noteHandled(status, asks, decisions);
  noteSkips(status, decisions.skip, now);
  const claimed = active && active.jobUID !== previous.activeRun?.jobUID ? active : undefined;
  noteRunsAfter(status, after, decisions, claimed);
  if (cancel.handled !== undefined) status.lastHandledCancelledRun = cancel.handled;
  const scheduled =
    fault || resting ? {} : nextRunTime(resource, seen.cronJob, now, parseTime(schedule.effectiveSince));
  setOrDrop(status, 'nextRunTime', scheduled.nextRunTime);
  if (claimed) {
    const job = seen.jobs.find(({ metadata }) => metadata.uid === claimed.jobUID);
    noteClaim(status, claimed, job, resource);
  }
  tidyRetirements(status, { resource, remembered: seen.remembered, settings });
  status.conditions = exportConditions({
    resource,
    status,
    previous: previous.conditions ?? [],
    blocked: fault ?? hindrance(seen, settings),
    connection: seen.connection,
    waiting: decisions.waiting[0]?.why,
    startFault: starting.word,
    podNotEnded: ending.podName,
    notFound: runAfterNotFound(resource, seen.followed),
    now,
  });

  const requested = asks.request.kind === 'Run' ? asks.request.value : undefined;
  const planRequested = asks.planRequest.kind === 'Run' ? asks.planRequest.value : undefined;
  const approved = asks.approval.kind === 'Run' ? asks.approval : undefined;
  const untilTooLate = (value: string | undefined) =>
    // With a Job it is the Job that waits; without a template there is none, and the end of the wait is to be told.
    template || !value ? undefined : (parseTime(value) ?? now) + startingDeadlineMs - now + 1000;
  return {
    status,
    actions: exportActions({
      resource,
      template,
      cronJob: cronJobActions(resource, seen.cronJob, template, resting),
      decisions,
      requested,
      planRequested,
      following: after.following,
      approved: approved?.connection === undefined ? approved?.approved : undefined,
      retirement,
      finalizer: finalizerActions(resource, status),
      stopping,
      now,
    }),
    events: [
      ...forgotten,
      ...retirement.events,
      ...statusEvents(previous, status),
      ...askEvents(asks),
      ...cancelEvents(cancel),
    ],
    ...earliest(
      next.lookAgainAfterMs,
      starting.lookAgainAfterMs,
      ending.lookAgainAfterMs,
      scheduled.lookAgainAfterMs,
      after.lookAgainAfterMs,
      seen.claimExists === false || seen.serviceAccountExists === false ? unwatchedMs : undefined,
      untilTooLate(requested),
      untilTooLate(planRequested),
    ),
  };

  function obstacle(connection: string | undefined): string | undefined {
    const target = targetsOf(resource, status, seen.remembered).find(
      ({ ledger }) => ledger.connection === connection,
    );
    return target && obstacleOf(target, settings)?.message;
  }
}
