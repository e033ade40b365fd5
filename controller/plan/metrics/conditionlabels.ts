import type { Condition } from '../../../api/generated/common.ts';
import { conditionTypes } from '../../../api/reasons.ts';
import { listOf, wordOf } from './read.ts';

export interface ConditionLabels extends Record<string, string> {
  type: string;
  status: string;
  reason: string;
}

const types: readonly unknown[] = Object.values(conditionTypes);
const statuses: readonly unknown[] = ['True', 'False', 'Unknown'];

/**
 * The present state of each condition that the controller sets; those that others add are left out.
 * @param isReason tells the reasons that the kind of resource may have.
 */
export function conditionLabelsOf(
  conditions: readonly Condition[] | undefined,
  isReason: (text: string) => boolean,
): ConditionLabels[] {
  return listOf(conditions)
    .filter(({ type, status }) => types.includes(type) && statuses.includes(status))
    .map(({ type, status, reason }) => ({ type, status, reason: wordOf(reason, isReason) }));
}
