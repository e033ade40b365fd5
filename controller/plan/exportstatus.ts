import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type {
  CriteoSegmentExport,
  CriteoSegmentExportStatus,
  RunSummary,
} from '../../api/generated/criteosegmentexport.ts';
import { conditionTypes } from '../../api/reasons.ts';
import { parseTime } from '../../api/time.ts';
import type { PlannedEvent } from './action.ts';
import {
  type Condition,
  findCondition,
  type Readiness,
  readinessConditions,
  setConditions,
  type Wanted,
} from './conditions.ts';
import { isCredentialsFault, isUsersFault } from './runresult.ts';

export interface ConditionsInput {
  resource: CriteoSegmentExport;
  /** The new status, but for its conditions. */
  status: CriteoSegmentExportStatus;
  previous: readonly Condition[];
  /** The definition's fault, or what keeps runs from starting. */
  blocked: Readiness | undefined;
  connection: CriteoConnection | undefined;
  /** Why a held run does not start, where it is not `blocked`. */
  waiting: string | undefined;
  /** Kubernetes' word for why the active run's pod does not start. */
  startFault: string | undefined;
  now: number;
}

/** After so many the next success is not to be waited for in silence. */
const failuresUntilStalled = 3;

export function exportConditions(input: ConditionsInput): Condition[] {
  const wanted = readinessConditions(readiness(input));
  const lastRun = lastRunCondition(input.status.lastRun);
  if (lastRun) wanted.push(lastRun);
  return setConditions(wanted, {
    previous: input.previous,
    generation: input.resource.metadata.generation ?? 1,
    now: input.now,
  });
}

/** Ready: this generation's definition is usable. It does not follow a running Job. */
function readiness(input: ConditionsInput): Readiness {
  return (
    input.blocked ??
    podFault(input) ??
    lastRunFault(input) ?? {
      status: 'True',
      ...(isOfThisGeneration(input) && input.status.lastRun
        ? { reason: input.status.lastRun.outcome === 'Succeeded' ? 'RunSucceeded' : 'LastRunFailed' }
        : { reason: 'AwaitingRun' }),
      message: `${readyMessage(input)}${input.waiting === undefined ? '' : ` A run waits: ${input.waiting}`}`,
    }
  );
}

function readyMessage(input: ConditionsInput): string {
  const { lastRun } = input.status;
  if (lastRun && isOfThisGeneration(input)) return lastRun.message ?? '';
  return input.resource.spec.schedule
    ? 'The definition is usable; the next run is the scheduled one.'
    : 'The definition is usable; no schedule is set, so runs are started on request.';
}

function podFault(input: ConditionsInput): Readiness | undefined {
  if (input.startFault === undefined) return undefined;
  return {
    status: 'False',
    reason: 'PodNotStarted',
    message: `The pod of the run ${input.status.activeRun?.jobName} does not start: ${input.startFault}. See kubectl describe pod -l batch.kubernetes.io/job-name=${input.status.activeRun?.jobName}.`,
    progress: 'Reconciling',
  };
}

function lastRunFault(input: ConditionsInput): Readiness | undefined {
  const { lastRun, consecutiveFailures = 0 } = input.status;
  if (!lastRun || !isOfThisGeneration(input) || lastRun.outcome === 'Succeeded') return undefined;
  if (isUsersFault(lastRun, input.status.segments ?? []) && !isMended(lastRun, input.connection)) {
    return { status: 'False', reason: lastRun.reason, message: lastRun.message ?? '', progress: 'Stalled' };
  }
  if (consecutiveFailures < failuresUntilStalled) return undefined;
  return {
    status: 'False',
    reason: 'RunsFailing',
    message: `${consecutiveFailures} runs in a row failed. The last: ${lastRun.message ?? ''}`,
    progress: 'Stalled',
  };
}

function isOfThisGeneration(input: ConditionsInput): boolean {
  return input.status.lastRun?.generation === input.resource.metadata.generation;
}

/** A check of the connection that succeeded after the run shows that the credentials were mended. */
function isMended(lastRun: RunSummary, connection: CriteoConnection | undefined): boolean {
  if (!isCredentialsFault(lastRun.reason)) return false;
  const check = connection?.status?.lastCheck;
  return (
    check?.outcome === 'Succeeded' && (parseTime(check.startedAt) ?? 0) > (parseTime(lastRun.finishedAt) ?? 0)
  );
}

function lastRunCondition(lastRun: RunSummary | undefined): Wanted | undefined {
  if (!lastRun) return undefined;
  const status =
    lastRun.outcome === 'Succeeded' ? 'True' : lastRun.outcome === 'Unknown' ? 'Unknown' : 'False';
  return {
    type: conditionTypes.lastRunSucceeded,
    status,
    reason: lastRun.outcome === 'PartiallySucceeded' ? 'PartiallySucceeded' : lastRun.reason,
    message: lastRun.message ?? '',
  };
}

/** A name alone is not enough: a person may delete a Job and make another of its name. */
function isSameRun(a: RunSummary | undefined, b: RunSummary | undefined): boolean {
  return a?.jobName === b?.jobName && a?.startedAt === b?.startedAt;
}

/** One event for each change of fortune, told from the two statuses alone. */
export function statusEvents(
  before: Partial<CriteoSegmentExportStatus>,
  after: CriteoSegmentExportStatus,
): PlannedEvent[] {
  const events: PlannedEvent[] = [];
  if (after.activeRun && after.activeRun.jobUID !== before.activeRun?.jobUID) {
    events.push({
      type: 'Normal',
      reason: 'RunStarted',
      action: 'StartRun',
      note: `The run ${after.activeRun.jobName} was started (${after.activeRun.trigger}).`,
    });
  }
  const ended = isSameRun(after.lastRun, before.lastRun) ? undefined : after.lastRun;
  if (ended) {
    events.push({
      type: ended.outcome === 'Succeeded' ? 'Normal' : 'Warning',
      reason: ended.outcome === 'Succeeded' ? 'RunSucceeded' : ended.reason,
      action: 'FinishRun',
      note: `The run ${ended.jobName} ended: ${ended.outcome}. ${ended.message ?? ''}`,
    });
  }
  const ready = findCondition(after.conditions, conditionTypes.ready);
  const wasReady = findCondition(before.conditions, conditionTypes.ready);
  // A run's failure was already told by its own event.
  const told = ended !== undefined && ready?.message.includes(ended.message ?? '');
  if (
    ready &&
    !told &&
    ready.reason !== 'AwaitingConnection' &&
    (ready.status !== wasReady?.status || ready.reason !== wasReady?.reason)
  ) {
    events.push({
      type: ready.status === 'True' ? 'Normal' : 'Warning',
      reason: ready.reason,
      action: 'CheckDefinition',
      note: ready.message,
    });
  }
  return events;
}
