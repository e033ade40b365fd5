import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type {
  CriteoSegmentExport,
  CriteoSegmentExportStatus,
  RunSummary,
} from '../../api/generated/criteosegmentexport.ts';
import { conditionTypes, isRunReason } from '../../api/reasons.ts';
import { parseTime } from '../../api/time.ts';
import type { PlannedEvent } from './action.ts';
import { isSameRun } from './afterrun.ts';
import { type ExportReadyReason, isExportReason, partiallySucceeded } from './conditionreasons.ts';
import {
  type Condition,
  type ExportReadiness,
  findCondition,
  readinessConditions,
  setConditions,
  type Wanted,
} from './conditions.ts';
import { endEvents } from './endevents.ts';
import { retirementEvents } from './retireresult.ts';
import { isGuardStop, isSeenByCheck, isUsersFault } from './runresult.ts';

export interface ConditionsInput {
  resource: CriteoSegmentExport;
  /** The new status, but for its conditions. */
  status: CriteoSegmentExportStatus;
  previous: readonly Condition[];
  /** The definition's fault, or what keeps runs from starting. */
  blocked: ExportReadiness | undefined;
  connection: CriteoConnection | undefined;
  /** Why a held run does not start, where it is not `blocked`. */
  waiting: string | undefined;
  /** Kubernetes' word for why the active run's pod does not start. */
  startFault: string | undefined;
  /** A pod that was told to end and cannot be ended. */
  podNotEnded?: string | undefined;
  /** What runs are to follow, and is not there; it keeps none from starting. */
  notFound: ExportReadiness | undefined;
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

/** A run that a person ended says nothing of whether runs succeed. */
const lastRunReasons: Record<RunSummary['outcome'], ExportReadyReason> = {
  Succeeded: 'RunSucceeded',
  PartiallySucceeded: 'LastRunFailed',
  Failed: 'LastRunFailed',
  Unknown: 'LastRunFailed',
  Cancelled: 'AwaitingRun',
};

/** Ready: this generation's definition is usable. It does not follow a running Job. */
function readiness(input: ConditionsInput): ExportReadiness {
  return (
    input.blocked ??
    podFault(input) ??
    podEndFault(input) ??
    lastRunFault(input) ??
    guardedRetirement(input) ??
    input.notFound ?? {
      status: 'True',
      ...(isOfThisGeneration(input) && input.status.lastRun
        ? { reason: lastRunReasons[input.status.lastRun.outcome] }
        : { reason: 'AwaitingRun' }),
      message: [readyMessage(input), waitMessage(input), openRetirement(input)].join(''),
    }
  );
}

function readyMessage(input: ConditionsInput): string {
  const { lastRun } = input.status;
  if (lastRun && isOfThisGeneration(input)) return lastRun.message ?? '';
  const { schedule, runAfter } = input.resource.spec;
  if (schedule) return 'The definition is usable; the next run is the scheduled one.';
  return runAfter
    ? 'The definition is usable; the next run follows the Jobs of spec.runAfter.'
    : 'The definition is usable; no schedule is set, so runs are started on request.';
}

function waitMessage({ waiting }: ConditionsInput): string {
  return waiting === undefined ? '' : ` A run waits: ${waiting}`;
}

/** People are still at Criteo who should not be: whoever looks at the export is to see it. */
function openRetirement({ status }: ConditionsInput): string {
  const open = status.retirements?.find(({ outcome }) => outcome === 'Failed');
  return open
    ? ` What was sent by the connection "${open.connection}" could not be dealt with at Criteo: ${open.message ?? ''}`
    : '';
}

/** It waits for a person's word. */
function guardedRetirement({ status }: ConditionsInput): ExportReadiness | undefined {
  const pending = status.retirements?.find(({ pendingApproval }) => pendingApproval)?.pendingApproval;
  return pending && guardStopped(pending.message);
}

function guardStopped(message: string): ExportReadiness {
  return { status: 'False', reason: 'RemovalGuard', message, progress: 'Stalled' };
}

function podFault(input: ConditionsInput): ExportReadiness | undefined {
  if (input.startFault === undefined) return undefined;
  return {
    status: 'False',
    reason: 'PodNotStarted',
    message: `The pod of the run ${input.status.activeRun?.jobName} does not start: ${input.startFault}. See kubectl describe pod -l batch.kubernetes.io/job-name=${input.status.activeRun?.jobName}.`,
    progress: 'Reconciling',
  };
}

/** Kubernetes does not know whether it still sends, so that nothing else may start. */
function podEndFault({ podNotEnded }: ConditionsInput): ExportReadiness | undefined {
  if (podNotEnded === undefined) return undefined;
  return {
    status: 'False',
    reason: 'PodNotEnded',
    message: `The pod ${podNotEnded} was told to end and has not: its node does not answer. Until it is certain that the pod sends no more, nothing else starts. If the node is lost for good, delete its Node, or give it the taint node.kubernetes.io/out-of-service.`,
    progress: 'Reconciling',
  };
}

function lastRunFault(input: ConditionsInput): ExportReadiness | undefined {
  const { lastRun, consecutiveFailures = 0 } = input.status;
  if (!lastRun || !isOfThisGeneration(input) || lastRun.outcome === 'Succeeded') return undefined;
  const lines = [...(input.status.segments ?? []), ...(input.status.retired ?? [])];
  const { reason, message = '' } = lastRun;
  if (isGuardStop(lastRun, lines)) {
    return guardStopped(input.status.pendingApproval?.message ?? message);
  }
  if (isRunReason(reason) && isUsersFault(lastRun, lines) && !isMended(lastRun, input.connection)) {
    return { status: 'False', reason, message, progress: 'Stalled' };
  }
  if (consecutiveFailures < failuresUntilStalled) return undefined;
  return {
    status: 'False',
    reason: 'RunsFailing',
    message: `${consecutiveFailures} runs in a row failed. The last: ${message}`,
    progress: 'Stalled',
  };
}

function isOfThisGeneration(input: ConditionsInput): boolean {
  return input.status.lastRun?.generation === input.resource.metadata.generation;
}

/** A check of the connection that succeeded after the run shows that the credentials were mended. */
function isMended(lastRun: RunSummary, connection: CriteoConnection | undefined): boolean {
  if (!isSeenByCheck(lastRun.reason, connection)) return false;
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
    // Of a run that another release ended, its own word: no list of this release has it.
    reason: lastRun.outcome === 'PartiallySucceeded' ? partiallySucceeded : lastRun.reason,
    message: lastRun.message ?? '',
  };
}

/** One event for each change of fortune, told from the two statuses alone. */
export function statusEvents(
  before: Partial<CriteoSegmentExportStatus>,
  after: CriteoSegmentExportStatus,
): PlannedEvent[] {
  const events: PlannedEvent[] = [];
  if (after.activeRun && after.activeRun.jobUID !== before.activeRun?.jobUID) {
    const { jobName, trigger } = after.activeRun;
    const isPlan = trigger === 'Plan';
    events.push({
      type: 'Normal',
      reason: isPlan ? 'PlanStarted' : 'RunStarted',
      action: 'StartRun',
      note: isPlan ? `The plan ${jobName} was started.` : `The run ${jobName} was started (${trigger}).`,
    });
  }
  const ended = isSameRun(after.lastRun, before.lastRun) ? undefined : after.lastRun;
  if (ended) events.push(...endEvents('run', ended));
  if (after.plan && !isSameRun(after.plan, before.plan)) events.push(...endEvents('plan', after.plan));
  events.push(...retirementEvents(before, after));
  const ready = findCondition(after.conditions, conditionTypes.ready);
  const wasReady = findCondition(before.conditions, conditionTypes.ready);
  // A run's failure was already told by its own event.
  const told = ended !== undefined && ready?.message.includes(ended.message ?? '');
  if (
    ready &&
    isExportReason(ready.reason) &&
    !told &&
    ready.reason !== 'AwaitingConnection' &&
    (ready.status !== wasReady?.status || ready.reason !== wasReady?.reason)
  ) {
    events.push({
      type: ready.status === 'True' || ready.reason === 'Deleting' ? 'Normal' : 'Warning',
      reason: ready.reason,
      action: 'CheckDefinition',
      note: ready.message,
    });
  }
  return events;
}
