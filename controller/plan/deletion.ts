import type {
  CriteoSegmentExport,
  CriteoSegmentExportStatus,
} from '../../api/generated/criteosegmentexport.ts';
import { formatTime, parseTime } from '../../api/time.ts';
import type { Action, Plan, PlannedEvent } from './action.ts';
import { isOver, stopped } from './afterrun.ts';
import { isRetirement } from './ask.ts';
import { claim } from './claim.ts';
import { childRefused, type ExportReadiness } from './conditions.ts';
import { forgetRetained } from './connectionchange.ts';
import { isAhead, isCredible } from './credible.ts';
import { endedRun } from './endedrun.ts';
import { afterEnd } from './ends.ts';
import type { ObservedExport } from './export.ts';
import { policyOf } from './exportdocument.ts';
import { exportConditions, statusEvents } from './exportstatus.ts';
import { earliest, setOrDrop } from './fields.ts';
import { isHeld, isLive, type Job } from './kubernetes.ts';
import { noteClaim } from './noteclaim.ts';
import { podAtWork } from './pods.ts';
import {
  attempt,
  leave,
  obstacleOf,
  type Target,
  targetsOf,
  unwantedAttempts,
  waitingEntry,
  withEntry,
} from './retirement.ts';
import { lookForRoomMs } from './room.ts';
import type { Settings } from './settings.ts';
import { runStopReason, type Stop } from './stop.ts';

type Status = CriteoSegmentExportStatus;

/** An attempt that failed is made again after this long, then twice as long each time. */
const firstRetryMs = 15_000;
const longestRetryMs = 300_000;

/**
 * A deleted export that has our finalizer: its runs end, then what it sent is dealt
 * with by deletionPolicy, connection by connection. Whatever happens, the finalizer
 * goes when the time is over.
 */
export function planDeletion(seen: ObservedExport, now: number, settings: Settings): Plan<Status> {
  const resource = seen.export;
  const previous = resource.status ?? {};
  const seenAt = isAhead(previous.deletingSince, now) ? undefined : previous.deletingSince;
  const since = seenAt ?? formatTime(now);
  const deadline = deadlineOf(resource, since, settings);
  const isLate = now >= deadline;
  const mustStop = (job: Job) => stopReason(job, seen, previous, isLate);
  const ended = endedRun(previous.activeRun, seen, mustStop);
  const status: Status = {
    ...(ended ? afterEnd(previous, ended, resource, now) : previous),
    observedGeneration: resource.metadata.generation ?? 1,
  };
  if (status.deletingSince === undefined) begin(status);
  status.deletingSince = since;
  const retained = forgetRetained(
    status,
    resource,
    'the export was deleted, and spec.deletionPolicy is Retain.',
  );

  const live = seen.jobs.filter(isLive);
  const pod = podAtWork(seen.pods, seen.jobs);
  for (const target of targetsOf(resource, status, seen.remembered)) {
    const why = reasonToLeave(target, seen, isLate, settings);
    if (why !== undefined) leave(status, target, resource, why);
  }
  const targets = targetsOf(resource, status, seen.remembered);
  const isQuiet = live.length === 0 && pod === undefined && !isCollected(resource);
  const next = nextAttempt({ targets, seen, status, now, deadline, isQuiet }, settings);
  const active = claim({
    resource,
    live,
    release: next.release,
    previous: previous.activeRun,
    ended: ended !== undefined,
    // What is to be ended is not taken up once more; its end was told, or nobody is there to be told.
    over: live.filter((job) => mustStop(job) !== undefined || isOver(job, status)),
    now,
  });
  setOrDrop(status, 'activeRun', active);
  delete status.waitingRuns;
  if (active && active.jobUID !== previous.activeRun?.jobUID) {
    const job = seen.jobs.find(({ metadata }) => metadata.uid === active.jobUID);
    noteClaim(status, active, job, resource);
  }
  const isDone = targets.length === 0;
  noteWaits(status, seen, settings);
  status.conditions = exportConditions({
    resource,
    status,
    previous: previous.conditions ?? [],
    blocked: deletingState(targetsOf(resource, status, seen.remembered), seen, isQuiet, { now, deadline }),
    connection: seen.connection,
    waiting: undefined,
    startFault: undefined,
    notFound: undefined,
    now,
  });
  const actions: Action[] = [
    ...(seen.cronJob && seen.cronJob.spec.suspend !== true
      ? [{ kind: 'SuspendCronJob' as const, cronJob: seen.cronJob }]
      : []),
    ...[...unneeded(seen.jobs, mustStop), ...next.remove].map((job) => ({ kind: 'DeleteJob' as const, job })),
    ...(next.create ? [{ kind: 'CreateJob' as const, job: next.create }] : []),
    ...(next.release && active?.jobUID === next.release.metadata.uid
      ? [{ kind: 'ReleaseJob' as const, job: next.release }]
      : []),
    ...(isDone ? [{ kind: 'RemoveFinalizer' as const }] : []),
  ];
  return {
    status,
    actions,
    events: [...retained, ...statusEvents(previous, status), ...(isDone ? leftEvents(status) : [])],
    ...earliest(isDone ? undefined : Math.max(deadline - now, 0), next.lookAgainAfterMs),
  };
}

function stopReason(
  job: Job,
  { connectionsOfJobs }: ObservedExport,
  status: Partial<Status>,
  isLate: boolean,
): Stop | undefined {
  if (isLate) return { reason: stopped, message: 'It was ended because the time for it was over.' };
  if (!isRetirement(job)) {
    return { reason: stopped, message: 'The run was ended because the export was deleted.' };
  }
  return runStopReason(job, connectionsOfJobs, status);
}

/**
 * In milliseconds. What is left at Criteo stays there for good: where the controller was away when the
 * export was deleted, or its clock is ahead of the API server's, there is as much time to deal with it.
 * @param since when the controller first saw the deletion.
 */
function deadlineOf({ metadata }: CriteoSegmentExport, since: string, settings: Settings): number {
  const times = [metadata.deletionTimestamp, since].map((time) => parseTime(time) ?? 0);
  return Math.max(...times) + settings.retireDeadlineMs;
}

function begin(status: Status): void {
  // The guard holds no more: nothing waits for a person's word.
  delete status.pendingApproval;
  const told = status.retirements?.map(({ pendingApproval: _, ...entry }) => entry);
  setOrDrop(status, 'retirements', told);
}

/** Why nothing can be done about it, or nothing more. */
function reasonToLeave(
  target: Target,
  { refusal }: ObservedExport,
  isLate: boolean,
  settings: Settings,
): string | undefined {
  const obstacle = obstacleOf(target, settings);
  if (obstacle?.kind === 'Gone') return obstacle.message;
  if (refusal?.namespaceTerminating) return 'the namespace is being deleted, and takes no Jobs any more.';
  if (!isLate) return undefined;
  const last = obstacle?.message ?? target.entry?.message;
  return `it could not be dealt with in time.${last === undefined ? '' : ` ${last}`}`;
}

/** While the garbage collector removes what belongs to the export (a foreground deletion), a new Job would go too. */
function isCollected({ metadata }: CriteoSegmentExport): boolean {
  return (metadata.finalizers ?? []).some((name) => name === 'foregroundDeletion' || name === 'orphan');
}

interface NextInput {
  targets: readonly Target[];
  seen: ObservedExport;
  status: Status;
  now: number;
  deadline: number;
  isQuiet: boolean;
}

function nextAttempt(
  { targets, seen, status, now, deadline, isQuiet }: NextInput,
  settings: Settings,
): { create?: Job; release?: Job; remove: Job[]; lookAgainAfterMs?: number } {
  const open = targets
    .filter((target) => obstacleOf(target, settings) === undefined)
    // Claimed before a crash: it is this one that is released after it.
    .toSorted((a, b) => Number(b.entry?.outcome === 'Running') - Number(a.entry?.outcome === 'Running'));
  const due = open.map((target) => ({ target, inMs: dueInMs(target, now) }));
  const target = due.find(({ inMs }) => inMs <= 0)?.target;
  const waits = due.map(({ inMs }) => inMs).filter((ms) => ms > 0);
  if (open.length < targets.length) waits.push(lookForRoomMs(seen.export));
  const look = waits.length > 0 ? { lookAgainAfterMs: Math.min(...waits) } : {};
  if (!target) return { remove: unwantedAttempts(seen.jobs, undefined), ...look };
  const activeJob = seen.jobs.find(({ metadata }) => metadata.uid === status.activeRun?.jobUID);
  const next = attempt(
    {
      resource: seen.export,
      target,
      approved: undefined,
      activeJob: activeJob?.metadata.name,
      jobs: seen.jobs,
      activeDeadlineSeconds: Math.max(Math.ceil((deadline - now) / 1000), 60),
    },
    settings,
  );
  return { ...(isQuiet ? next : {}), remove: unwantedAttempts(seen.jobs, next.release), ...look };
}

function dueInMs({ entry }: Target, now: number): number {
  if (entry?.outcome !== 'Failed') return 0;
  const pause = Math.min(firstRetryMs * 2 ** ((entry.attempts ?? 1) - 1), longestRetryMs);
  const finishedAt = parseTime(entry.finishedAt) ?? now;
  // Told while a clock was far ahead: the hour would be over before the pause.
  return isCredible(finishedAt, now) ? finishedAt + pause - now : 0;
}

/** Runs and plans: what waits is dropped, what is at work ends. */
function unneeded(jobs: readonly Job[], mustStop: (job: Job) => Stop | undefined): Job[] {
  return jobs.filter(
    (job) =>
      job.metadata.deletionTimestamp === undefined &&
      ((isHeld(job) && !isRetirement(job)) || (isLive(job) && mustStop(job) !== undefined)),
  );
}

/** Status tells of each what it waits for. */
function noteWaits(
  status: Status,
  { export: resource, remembered }: ObservedExport,
  settings: Settings,
): void {
  for (const target of targetsOf(resource, status, remembered)) {
    const isStale = target.entry?.outcome === 'Running' && target.entry.jobName !== status.activeRun?.jobName;
    const isTold = target.entry !== undefined && target.entry.outcome !== 'Waiting' && !isStale;
    const obstacle = obstacleOf(target, settings);
    if (isTold && (obstacle === undefined || target.entry?.outcome === 'Running')) continue;
    const message = obstacle?.message ?? 'It begins when the runs of the export have ended.';
    status.retirements = withEntry(status, waitingEntry(target, resource, message));
  }
}

/** Ready is False while it goes: what there is to say about it, kubectl get says. */
function deletingState(
  targets: readonly Target[],
  { export: resource, refusal }: ObservedExport,
  isQuiet: boolean,
  { now, deadline }: { now: number; deadline: number },
): ExportReadiness {
  const state = (message: string): ExportReadiness => ({
    status: 'False',
    reason: 'Deleting',
    message,
    progress: 'Reconciling',
  });
  const [target] = targets;
  if (!target) return state('The export was deleted, and goes.');
  const { entry, ledger } = target;
  const what = `The export was deleted; what it sent by the connection "${ledger.connection}" is to be dealt with at Criteo (spec.deletionPolicy: ${policyOf(resource.spec)})`;
  const end = `At ${formatTime(deadline)} it is left there; spec.deletionPolicy: Retain leaves it there now.`;
  if (entry?.outcome === 'Running') return state(`${what}. ${entry.message ?? ''} ${end}`);
  if (entry?.outcome === 'Failed') {
    const inMs = dueInMs(target, now);
    // A time that moves with the clock would be another status each second.
    const again = inMs > 0 ? `at ${formatTime(now + inMs)}` : 'as soon as nothing else is at work';
    return state(`${what}. It failed: ${entry.message ?? ''} It is tried again ${again}. ${end}`);
  }
  if (refusal) return state(`${what}. ${childRefused(refusal.message).message} ${end}`);
  const why = isQuiet ? (entry?.message ?? '') : 'Its runs end first.';
  return state(`${what}. ${why} ${end}`);
}

/** Told with the removal of the finalizer, and once more after a crash in between: nothing of it is left to be read afterwards. */
function leftEvents({ retirements = [] }: Status): PlannedEvent[] {
  return retirements
    .filter(({ outcome, deletionPolicy }) => outcome === 'LeftAtCriteo' && deletionPolicy !== 'Retain')
    .map(({ message = '' }) => ({
      type: 'Warning',
      reason: 'LeftAtCriteo',
      action: 'RetireSegments',
      note: message,
      logged: true,
    }));
}
