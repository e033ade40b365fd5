import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type {
  CriteoSegmentExport,
  CriteoSegmentExportStatus,
  RunSummary,
} from '../../api/generated/criteosegmentexport.ts';
import { conditionTypes } from '../../api/reasons.ts';
import type { PlannedEvent } from './action.ts';
import { isSameRun } from './afterrun.ts';
import { waitsFor } from './approval.ts';
import { type ExportReadyReason, partiallySucceeded } from './conditionreasons.ts';
import {
  type Condition,
  type ExportReadiness,
  findCondition,
  readinessConditions,
  setConditions,
  type Wanted,
} from './conditions.ts';
import { endEvents } from './endevents.ts';
import { readyEvents } from './readyevents.ts';
import { retirementEvents } from './retireresult.ts';
import { guardStopped, runFault } from './runfault.ts';
import { isGuardStop } from './runresult.ts';
import { skipMessage } from './skippedrun.ts';
import { usableMessage } from './usablemessage.ts';

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
    runFault(input.status, { ...input, generation: input.status.definition?.generation }) ??
    guardedRetirement(input) ??
    input.notFound ?? {
      status: 'True',
      ...(isOfThisGeneration(input) && input.status.lastRun
        ? { reason: lastRunReasons[input.status.lastRun.outcome] }
        : { reason: 'AwaitingRun' }),
      message: [
        readyMessage(input),
        waitMessage(input),
        skipMessage(input.status),
        openRetirement(input),
      ].join(''),
    }
  );
}

function readyMessage(input: ConditionsInput): string {
  const { lastRun } = input.status;
  if (lastRun && isOfThisGeneration(input)) return lastRun.message ?? '';
  return usableMessage(input.resource, input.status);
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
  return pending && guardStopped(waitsFor(pending, status));
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

function isOfThisGeneration(input: ConditionsInput): boolean {
  return input.status.lastRun?.generation === input.status.definition?.generation;
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
  const ended = isSameRun(after.lastRun, before.lastRun) ? undefined : after.lastRun;
  if (ended) events.push(...endEvents('run', asTold(ended, after)));
  if (after.plan && !isSameRun(after.plan, before.plan)) events.push(...endEvents('plan', after.plan));
  events.push(...retirementEvents(before, after));
  const ready = findCondition(after.conditions, conditionTypes.ready);
  // A run's failure was already told by its own event.
  const told =
    ended !== undefined &&
    (ready?.message.includes(ended.message ?? '') || events.some(({ reason }) => reason === ready?.reason));
  if (!told) events.push(...readyEvents(before, after));
  // Where one run makes room for the next in the same step, its end comes before the other's beginning.
  events.push(...startEvents(before, after));
  return events;
}

function startEvents(
  before: Partial<CriteoSegmentExportStatus>,
  { activeRun }: CriteoSegmentExportStatus,
): PlannedEvent[] {
  if (!activeRun || activeRun.jobUID === before.activeRun?.jobUID) return [];
  const { jobName, trigger } = activeRun;
  const [reason, note] =
    trigger === 'Plan'
      ? (['PlanStarted', `The plan ${jobName} was started.`] as const)
      : (['RunStarted', `The run ${jobName} was started (${trigger}).`] as const);
  return [{ type: 'Normal', reason, action: 'StartRun', note }];
}

/** A run that only the guard stopped is told by that word, with the numbers and the command. */
function asTold(ended: RunSummary, { segments, retired, pendingApproval }: CriteoSegmentExportStatus) {
  if (!pendingApproval || !isGuardStop(ended, [...(segments ?? []), ...(retired ?? [])])) return ended;
  return { ...ended, reason: 'RemovalGuard', message: pendingApproval.message };
}
