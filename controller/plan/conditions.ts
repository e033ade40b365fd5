import type { Condition } from '../../api/generated/common.ts';
import { conditionTypes } from '../../api/reasons.ts';
import { formatTime } from '../../api/time.ts';
import type { ConnectionReadyReason, ExportReadyReason } from './conditionreasons.ts';
import { cut } from './text.ts';

export type { Condition };

/** The reason of a connection's Ready while its first check by a definition is under way. */
export const checking = 'Checking';

/** What a resource's Ready says, and what kstatus makes of it. */
export interface Readiness<Reason extends ExportReadyReason | ConnectionReadyReason> {
  status: 'True' | 'False' | 'Unknown';
  reason: Reason;
  message: string;
  /**
   * `Stalled`: nothing changes until a person acts. `Reconciling`: it may get
   * there by itself. kstatus reads a resource with neither as current.
   */
  progress?: 'Stalled' | 'Reconciling';
}

export type ExportReadiness = Readiness<ExportReadyReason>;
export type ConnectionReadiness = Readiness<ConnectionReadyReason>;

const [refusedPrefix, refusedSuffix] = [
  'Kubernetes refused an object that this needs: ',
  ' It is tried again.',
] as const;

export function refusedWord(refusal: string): string {
  return `${refusedPrefix}${refusal}${refusal.endsWith('.') ? '' : '.'}`;
}

/** A CronJob or Job was refused: by a quota, a policy, or for a value that the API server does not take. */
export function childRefused(refusal: string): Readiness<'ChildRefused'> {
  return {
    status: 'False',
    reason: 'ChildRefused',
    message: `${refusedWord(refusal)}${refusedSuffix}`,
    progress: 'Stalled',
  };
}

/** Kubernetes' word, where Ready says of this generation that a child was refused. */
export function toldRefusal(
  conditions: readonly Condition[] | undefined,
  generation: number | undefined,
): string | undefined {
  const ready = findCondition(conditions, conditionTypes.ready);
  const reason: ReturnType<typeof childRefused>['reason'] = 'ChildRefused';
  if (ready?.reason !== reason || ready.observedGeneration !== generation) return undefined;
  const { message } = ready;
  const start = message.startsWith(refusedPrefix) ? refusedPrefix.length : 0;
  return message.slice(start, message.endsWith(refusedSuffix) ? -refusedSuffix.length : undefined);
}

/** A condition to be set, without the fields that follow from the previous one. */
export type Wanted = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

export interface ConditionContext {
  previous: readonly Condition[];
  generation: number;
  now: number;
}

/** As long as status keeps it. */
const maxMessageLength = 1024;

/** The new list: what is not wanted is dropped, because Reconciling and Stalled are absent when normal. */
export function setConditions(wanted: readonly Wanted[], context: ConditionContext): Condition[] {
  return wanted.map((condition) => {
    const before = context.previous.find((p) => p.type === condition.type);
    return {
      type: condition.type,
      status: condition.status,
      observedGeneration: context.generation,
      // It moves only when the status does, or "since when" would be lost.
      lastTransitionTime:
        before && before.status === condition.status ? before.lastTransitionTime : formatTime(context.now),
      reason: condition.reason,
      message: cut(condition.message, maxMessageLength),
    };
  });
}

/** Ready, and Reconciling or Stalled beside it, never both. */
export function readinessConditions(readiness: ExportReadiness | ConnectionReadiness): Wanted[] {
  const { status, reason, message, progress } = readiness;
  const wanted: Wanted[] = [{ type: conditionTypes.ready, status, reason, message }];
  if (progress !== undefined) wanted.push({ type: progress, status: 'True', reason, message });
  return wanted;
}

export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}
