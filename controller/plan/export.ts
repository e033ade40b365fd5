import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExportStatus } from '../../api/generated/criteosegmentexport.ts';
import { parseTime } from '../../api/time.ts';
import type { Plan, PlannedEvent } from './action.ts';
import { afterRun, endOf } from './afterrun.ts';
import { requestOf } from './ask.ts';
import { claim } from './claim.ts';
import { defaultStartingDeadlineSeconds } from './cronjob.ts';
import { advertiserOf, blocker, type DefinitionInput, definitionFault } from './definition.ts';
import { endedRun, podsOf } from './endedrun.ts';
import { cronJobActions, jobActions } from './exportactions.ts';
import { exportConditions, statusEvents } from './exportstatus.ts';
import { exportTemplate } from './exporttemplate.ts';
import { type CronJob, isHeld, isLive, isPodAtWork, type Job, type Pod } from './kubernetes.ts';
import { startFault } from './outcome.ts';
import { newestHandled, type Request, readRequest } from './request.ts';
import { decideRuns } from './runs.ts';
import { jitterMs, scheduleStatus } from './schedule.ts';
import type { Settings } from './settings.ts';
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
}

/** How often what no watch tells is looked at again: a claim that does not exist yet. */
const unwatchedMs = 15_000;

export function planExport(
  seen: ObservedExport,
  now: number,
  settings: Settings,
): Plan<CriteoSegmentExportStatus> {
  const resource = seen.export;
  const previous: Partial<CriteoSegmentExportStatus> = resource.status ?? {};

  const fault = definitionFault(seen);
  const blocked = fault ?? blocker(seen);
  const template = fault ? undefined : exportTemplate(seen, settings);
  const resting = stopReason(seen.connection) !== undefined || resource.spec.suspend === true;
  const schedule = scheduleStatus(resource, resting, previous.schedule, now);
  const startingDeadlineMs =
    (resource.spec.schedule?.startingDeadlineSeconds ?? defaultStartingDeadlineSeconds) * 1000;

  const history = previous.history ?? [];
  const mustStop = (job: Job) => runStopReason(job, seen.connectionsOfJobs, history);
  const ended = endedRun(previous.activeRun, seen, mustStop, now);
  const jobs = seen.jobs.filter((job) => !(isHeld(job) && endOf(job, history)));
  const decisions = decideRuns(jobs, {
    now,
    templateHash: template?.hash,
    blocked: blocked?.message ?? noRoom(seen, settings),
    podAtWork: podAtWork(seen),
    startingDeadlineMs,
    jitterMs: jitterMs(resource),
    scheduleEffectiveSince: parseTime(schedule.effectiveSince) ?? now,
    resumedAt: parseTime(schedule.resumedAt),
    claimedUid: previous.activeRun?.jobUID,
  });
  const stopping = decisions.live.filter((job) => mustStop(job) !== undefined);
  const active = claim({
    resource,
    decisions,
    previous: previous.activeRun,
    ended: ended !== undefined,
    over: decisions.live.filter((job) => stopping.includes(job) || endOf(job, history)),
    now,
  });
  const request = readRequest(resource.metadata, {
    lastHandled: previous.lastHandledRequestedAt,
    lastIgnored: previous.lastIgnoredRequestedAt,
    answered: seen.jobs.map(requestOf),
    now,
    startingDeadlineMs,
  });
  const starting = active ? startFault(podsOf(seen.pods, active.jobName), now) : {};

  const status: CriteoSegmentExportStatus = {
    ...previous,
    ...(ended ? afterRun(previous, ended) : {}),
    observedGeneration: resource.metadata.generation ?? 1,
    mode: 'AddOnly',
    segmentCount: resource.spec.segments.length,
    schedule,
  };
  setOrDrop(status, 'advertiserId', advertiserOf(seen));
  setOrDrop(status, 'cronJobName', seen.cronJob?.metadata.name ?? previous.cronJobName);
  setOrDrop(status, 'activeRun', active);
  setOrDrop(status, 'waitingRuns', decisions.waiting.length || undefined);
  const handled = newestHandled([
    previous.lastHandledRequestedAt,
    active?.requestedAt,
    // Else the value would be taken for a new one as soon as its Job is gone.
    ...decisions.skip.map(({ job }) => requestOf(job)),
    request.kind === 'Ignore' && request.handled ? request.value : undefined,
  ]);
  setOrDrop(status, 'lastHandledRequestedAt', handled);
  if (request.kind === 'Ignore' && !request.handled) status.lastIgnoredRequestedAt = request.value;
  status.conditions = exportConditions({
    resource,
    status,
    previous: previous.conditions ?? [],
    blocked,
    connection: seen.connection,
    waiting: decisions.waiting[0]?.why,
    startFault: starting.word,
    now,
  });

  const requested = request.kind === 'Run' ? request.value : undefined;
  return {
    status,
    actions: [
      ...cronJobActions(resource, seen.cronJob, template, resting),
      ...jobActions({ resource, template, decisions, requested, stopping }),
    ],
    events: [...statusEvents(previous, status), ...requestEvents(request)],
    ...earliest(
      decisions.lookAgainAfterMs,
      starting.lookAgainAfterMs,
      seen.claimExists === false ? unwatchedMs : undefined,
      // With a Job it is the Job that waits; without a template there is none, and the end of the wait is to be told.
      template || !requested ? undefined : (parseTime(requested) ?? now) + startingDeadlineMs - now + 1000,
    ),
  };
}

/** All runs of a connection share one budget of calls a minute. */
function noRoom(seen: ObservedExport, settings: Settings): string | undefined {
  return seen.otherRunsOfConnection >= settings.maxRunsPerConnection
    ? `${seen.otherRunsOfConnection} runs of its connection are at work.`
    : undefined;
}

/** Of a Job that was deleted or suspended: its pod has some seconds to end, and may still be sending. */
function podAtWork({ jobs, pods }: ObservedExport): string | undefined {
  const live = jobs.filter(isLive);
  return pods.find(
    (pod) => isPodAtWork(pod) && !live.some((job) => podsOf([pod], job.metadata.name).length > 0),
  )?.metadata.name;
}

function requestEvents(request: Request): PlannedEvent[] {
  if (request.kind !== 'Ignore') return [];
  return [{ type: 'Warning', reason: 'RequestIgnored', action: 'HandleRequest', note: request.message }];
}

function earliest(...waits: (number | undefined)[]): { lookAgainAfterMs?: number } {
  const known = waits.filter((ms) => ms !== undefined);
  return known.length > 0 ? { lookAgainAfterMs: Math.min(...known) } : {};
}

function setOrDrop<T extends object, K extends keyof T>(target: T, key: K, value: T[K] | undefined): void {
  if (value === undefined) delete target[key];
  else target[key] = value;
}
