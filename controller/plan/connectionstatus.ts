import type { CriteoConnection, CriteoConnectionStatus } from '../../api/generated/criteoconnection.ts';
import { conditionTypes } from '../../api/reasons.ts';
import type { PlannedEvent } from './action.ts';
import { type CheckResult, isCheckReason } from './checkresult.ts';
import { isConnectionReason } from './conditionreasons.ts';
import {
  type Condition,
  type ConnectionReadiness,
  checking,
  childRefused,
  findCondition,
  readinessConditions,
  setConditions,
  type Wanted,
} from './conditions.ts';

export interface ConnectionConditionsInput {
  connection: CriteoConnection;
  /** The new status, but for its conditions. */
  status: CriteoConnectionStatus;
  previous: readonly Condition[];
  /** The definition's fault, or that it is meant to rest. */
  rests: ConnectionReadiness | undefined;
  /** Of a check that ended just now. */
  result: CheckResult | undefined;
  startFault: string | undefined;
  /** Kubernetes' word on a check's Job that it refused. */
  refusal: string | undefined;
  /** The check has had no pod for some time. */
  slow: boolean;
  now: number;
}

export function connectionConditions(input: ConnectionConditionsInput): Condition[] {
  const wanted = readinessConditions(readiness(input));
  const deprecated = deprecation(input);
  if (deprecated) wanted.push(deprecated);
  return setConditions(wanted, {
    previous: input.previous,
    generation: input.connection.metadata.generation ?? 1,
    now: input.now,
  });
}

/** Ready: the last check of this generation succeeded. */
function readiness(input: ConnectionConditionsInput): ConnectionReadiness {
  const { rests, result, startFault } = input;
  const kept = keptReadiness(input);
  if (rests) return rests;
  if (result) {
    const neverStarted = result.check.outcome === 'Unknown' && kept?.reason === podNotStarted;
    return neverStarted ? kept : result.readiness;
  }
  // A check that succeeded holds while the next one's pod waits for a node.
  if (kept?.status === 'True') return kept;
  if (input.refusal !== undefined) return childRefused(input.refusal);
  if (startFault !== undefined) return podFault(input, startFault);
  return kept ?? beingChecked(input);
}

const podNotStarted = 'PodNotStarted';

function podFault(input: ConnectionConditionsInput, fault: string): ConnectionReadiness {
  const job = input.status.activeCheck?.jobName;
  return {
    status: 'False',
    reason: podNotStarted,
    message: `The pod that checks the credentials does not start: ${fault}. See kubectl describe pod -l batch.kubernetes.io/job-name=${job}.`,
    progress: 'Reconciling',
  };
}

function beingChecked(input: ConnectionConditionsInput): ConnectionReadiness {
  const job = input.status.activeCheck?.jobName;
  return {
    status: 'False',
    reason: checking,
    message: input.slow
      ? `The check of the credentials has no pod yet; see kubectl describe job ${job}.`
      : 'The credentials are being checked with Criteo.',
    progress: 'Reconciling',
  };
}

/** What the last check of this generation said holds until the next one ends. */
function keptReadiness({
  status,
  connection,
  previous,
  result,
}: ConnectionConditionsInput): ConnectionReadiness | undefined {
  const ready = findCondition(previous, conditionTypes.ready);
  const current = status.lastCheck?.generation === connection.metadata.generation;
  if (!ready || !current) return undefined;
  // A pod that never started is the last check's own word once that has ended without a report.
  const ended = status.lastCheck?.outcome === 'Unknown' || result !== undefined;
  const { reason } = ready;
  if (!isCheckReason(reason) && !(reason === podNotStarted && ended)) return undefined;
  const progress = [conditionTypes.stalled, conditionTypes.reconciling].find((type) =>
    findCondition(previous, type),
  );
  return {
    status: ready.status,
    reason,
    message: ready.message,
    ...(progress === undefined ? {} : { progress }),
  };
}

/** Criteo's last word on its version holds while checks do not get through to it. */
function deprecation({ result, previous, connection }: ConnectionConditionsInput): Wanted | undefined {
  if (result?.deprecated || result?.check.outcome === 'Succeeded') return result.deprecated;
  const kept = findCondition(previous, conditionTypes.apiVersionDeprecated);
  return kept?.message.includes(connection.spec.api.version) ? kept : undefined;
}

/** One event for each change of fortune, told from the two statuses alone. */
export function connectionEvents(
  before: Partial<CriteoConnectionStatus>,
  after: CriteoConnectionStatus,
): PlannedEvent[] {
  const types = [conditionTypes.ready, conditionTypes.apiVersionDeprecated];
  return types.flatMap((type): PlannedEvent[] => {
    const now = findCondition(after.conditions, type);
    const then = findCondition(before.conditions, type);
    if (!now || now.reason === checking || (now.status === then?.status && now.reason === then.reason))
      return [];
    const { reason } = now;
    // A status read back may have any text; what is new in it is of the list.
    if (!isConnectionReason(reason)) return [];
    const good = type === conditionTypes.ready && now.status === 'True';
    return [{ type: good ? 'Normal' : 'Warning', reason, action: 'CheckConnection', note: now.message }];
  });
}
