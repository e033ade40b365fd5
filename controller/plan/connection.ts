import type { CriteoConnection, CriteoConnectionStatus } from '../../api/generated/criteoconnection.ts';
import { annotations } from '../../api/names.ts';
import { formatTime, parseTime } from '../../api/time.ts';
import type { Action, Plan } from './action.ts';
import { checkJob, checkJobName } from './checkjob.ts';
import { type CheckResult, checkResult, nextCheckAt } from './checkresult.ts';
import type { ConnectionReadiness } from './conditions.ts';
import { claimActions, claimNotOurs, ledgerClaimFault, ledgerPlace } from './connectionledger.ts';
import { connectionConditions, connectionEvents } from './connectionstatus.ts';
import { setOrDrop } from './fields.ts';
import { type Claim, finished, type Job, type Pod } from './kubernetes.ts';
import { outcomeOf, startFault } from './outcome.ts';
import { podsOf } from './pods.ts';
import type { Settings } from './settings.ts';

/** Everything that the plan of one connection looks at. */
export interface ObservedConnection {
  connection: CriteoConnection;
  /** The connection's checks and their pods. */
  jobs: readonly Job[];
  pods: readonly Pod[];
  /** The claim of the name that the ledger's would have, where there is one. */
  ledgerClaim: Claim | undefined;
  /** When a run of one of its exports last failed by the credentials, in milliseconds. */
  credentialsFailedAt: number | undefined;
  /** Kubernetes' word on a check's Job that it refused last time, where it did. */
  refusal?: string | undefined;
}

/** After this long without a pod a check says so. */
const slowStartMs = 30_000;

/** How often a claim that stands in the way is looked at again: no watch tells of claims. */
const unwatchedMs = 15_000;

export function planConnection(
  seen: ObservedConnection,
  now: number,
  settings: Settings,
): Plan<CriteoConnectionStatus> {
  const { connection } = seen;
  const previous: Partial<CriteoConnectionStatus> = connection.status ?? {};
  const generation = connection.metadata.generation ?? 1;
  const fault = definitionFault(connection, settings) ?? ledgerClaimFault(seen);
  const rests = fault ?? restingState(connection);

  const activeJob = seen.jobs.find((job) => job.metadata.name === previous.activeCheck?.jobName);
  const result = activeJob ? resultOf(seen, activeJob, settings, now) : undefined;
  const status: CriteoConnectionStatus = {
    ...previous,
    ...(result ? afterCheck(previous, result, generation, now) : {}),
    observedGeneration: generation,
  };
  if (result) delete status.activeCheck;
  setOrDrop(status, 'ledger', fault ? undefined : ledgerPlace(seen));

  const actions: Action[] = oldChecks(seen.jobs, status).map((job) => ({ kind: 'DeleteJob', job }));
  if (rests) {
    delete status.activeCheck;
    delete status.nextCheckTime;
    actions.push(...atWork(seen.jobs).map((job) => ({ kind: 'DeleteJob' as const, job })));
  } else {
    actions.push(...claimActions(seen));
    actions.push(...checkActions(seen, activeJob, status, now, settings));
  }
  const starting = activeJob ? startFault(podsOf(seen.pods, activeJob.metadata.name), now) : {};

  status.conditions = connectionConditions({
    connection,
    status,
    previous: previous.conditions ?? [],
    rests,
    result,
    startFault: starting.word,
    refusal: seen.refusal,
    slow: isSlow(seen, status, now),
    now,
  });
  const next = parseTime(status.nextCheckTime);
  const looks = [
    next === undefined ? undefined : Math.max(next - now, 0),
    status.activeCheck ? slowStartMs : undefined,
    starting.lookAgainAfterMs,
    fault?.reason === claimNotOurs ? unwatchedMs : undefined,
  ].filter((ms) => ms !== undefined);
  return {
    status,
    actions,
    events: connectionEvents(previous, status),
    ...(looks.length > 0 ? { lookAgainAfterMs: Math.min(...looks) } : {}),
  };
}

function definitionFault(connection: CriteoConnection, settings: Settings): ConnectionReadiness | undefined {
  const { baseUrl } = connection.spec.api;
  if (settings.allowedBaseUrls.includes(baseUrl.replace(/\/$/, ''))) return undefined;
  return {
    status: 'False',
    reason: 'BaseUrlNotAllowed',
    message: `spec.api.baseUrl: ${baseUrl} is not on the controller's allow-list (${settings.allowedBaseUrls.join(', ')}); use one of these, or have it added with --allowed-base-url.`,
    progress: 'Stalled',
  };
}

/** Resting is what the user wants, so it is Ready. */
function restingState(connection: CriteoConnection): ConnectionReadiness | undefined {
  if (connection.spec.dataPrivacy.agreed === false) {
    return {
      status: 'True',
      reason: 'ConsentWithdrawn',
      message: 'spec.dataPrivacy.agreed is false: nothing that uses this connection runs.',
    };
  }
  if (connection.spec.suspend === true) {
    return {
      status: 'True',
      reason: 'Suspended',
      message: 'spec.suspend is true: nothing that uses this connection runs.',
    };
  }
  return undefined;
}

function resultOf(
  seen: ObservedConnection,
  job: Job,
  settings: Settings,
  now: number,
): CheckResult | undefined {
  const outcome = outcomeOf(job, podsOf(seen.pods, job.metadata.name));
  if (!outcome || !isTodays(job, seen.connection, settings)) return undefined;
  return checkResult(job, outcome, seen.connection, now);
}

/** A check of an older definition, or by an older exporter, says nothing about this one. */
function isTodays(job: Job, connection: CriteoConnection, settings: Settings): boolean {
  const today = checkJob(connection, job.metadata.name ?? '', settings);
  const hash = annotations.templateHash;
  return job.metadata.annotations?.[hash] === today.metadata.annotations?.[hash];
}

function afterCheck(
  previous: Partial<CriteoConnectionStatus>,
  result: CheckResult,
  generation: number,
  now: number,
): Partial<CriteoConnectionStatus> {
  // What another definition failed by says nothing of this one: it is tried again soon.
  const before = previous.lastCheck?.generation === generation ? (previous.consecutiveFailures ?? 0) : 0;
  const failures = result.check.outcome === 'Succeeded' ? 0 : before + 1;
  return {
    lastCheck: { ...result.check, generation },
    consecutiveFailures: failures,
    nextCheckTime: formatTime(nextCheckAt(failures, now)),
    ...(result.advertisers ? { advertisers: result.advertisers } : {}),
  };
}

/** The status names the check before its Job is made: after a crash between the two the Job is made under that name. */
function checkActions(
  seen: ObservedConnection,
  activeJob: Job | undefined,
  status: CriteoConnectionStatus,
  now: number,
  settings: Settings,
): Action[] {
  const { connection } = seen;
  const outdated = activeJob && !isTodays(activeJob, connection, settings);
  const actions: Action[] = outdated ? [{ kind: 'DeleteJob', job: activeJob }] : [];
  if (outdated || (status.activeCheck === undefined && isDue(seen, status, now))) {
    status.activeCheck = { jobName: checkJobName(connection, now), startedAt: formatTime(now) };
    // The next one's time follows from the end of this one.
    delete status.nextCheckTime;
  }
  if (
    status.activeCheck &&
    (outdated || !activeJob || activeJob.metadata.name !== status.activeCheck.jobName)
  ) {
    actions.push({ kind: 'CreateJob', job: checkJob(connection, status.activeCheck.jobName, settings) });
  }
  return actions;
}

function isDue(seen: ObservedConnection, status: CriteoConnectionStatus, now: number): boolean {
  const { lastCheck } = status;
  if (lastCheck === undefined || lastCheck.generation !== seen.connection.metadata.generation) return true;
  const next = parseTime(status.nextCheckTime) ?? 0;
  // Further ahead than it is ever put, it was written before the clock went back.
  if (now >= next || next > nextCheckAt(status.consecutiveFailures ?? 0, now)) return true;
  // A check that began before the run failed does not answer whether the credentials hold.
  const checkedAt = parseTime(lastCheck.startedAt ?? lastCheck.finishedAt) ?? 0;
  return seen.credentialsFailedAt !== undefined && seen.credentialsFailedAt >= checkedAt;
}

/** A connection that rests starts nothing, and what it started ends. */
function atWork(jobs: readonly Job[]): Job[] {
  return jobs.filter((job) => finished(job) === undefined && job.metadata.deletionTimestamp === undefined);
}

/** The last check stays to be looked at; the ones before it go. */
function oldChecks(jobs: readonly Job[], status: CriteoConnectionStatus): Job[] {
  return jobs.filter(
    (job) =>
      finished(job) !== undefined &&
      job.metadata.deletionTimestamp === undefined &&
      job.metadata.name !== status.lastCheck?.jobName &&
      job.metadata.name !== status.activeCheck?.jobName,
  );
}

function isSlow(seen: ObservedConnection, status: CriteoConnectionStatus, now: number): boolean {
  const { activeCheck } = status;
  if (activeCheck === undefined || podsOf(seen.pods, activeCheck.jobName).length > 0) return false;
  return now - (parseTime(activeCheck.startedAt) ?? now) >= slowStartMs;
}
