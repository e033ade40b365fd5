import type { CriteoConnection } from '../../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport } from '../../../api/generated/criteosegmentexport.ts';
import { validateConnection, validateExport } from '../../../api/validate.ts';
import type { Condition } from '../conditions.ts';

type Resource = CriteoConnection | CriteoSegmentExport;

/**
 * What every status must be, so that `kubectl wait`, kstatus and GitOps tools
 * read it as it is meant. Returns what is wrong; empty where nothing is.
 * @param object with the new status.
 * @param before the conditions that it replaces.
 */
export function statusFaults(object: Resource, before: readonly Condition[] = []): string[] {
  const generation = object.metadata.generation ?? 0;
  const conditions: readonly Condition[] = object.status?.conditions ?? [];
  const isTrue = (type: string) => conditions.some((c) => c.type === type && c.status === 'True');
  const ready = conditions.find(({ type }) => type === 'Ready');
  const faults: string[] = [];
  const rule = (holds: boolean, fault: string): void => {
    if (!holds) faults.push(fault);
  };

  rule(ready !== undefined, 'Ready is missing');
  rule(!(isTrue('Reconciling') && isTrue('Stalled')), 'Reconciling and Stalled are both there');
  rule(
    ready?.status === 'False' || !(isTrue('Reconciling') || isTrue('Stalled')),
    `Ready is ${ready?.status} beside Reconciling or Stalled`,
  );
  rule(
    ready?.status === 'True' || isTrue('Reconciling') || isTrue('Stalled'),
    'Ready is not True, and neither Reconciling nor Stalled says what comes',
  );
  rule(object.status?.observedGeneration === generation, 'observedGeneration is not the generation');
  for (const condition of conditions) {
    const { type, status, observedGeneration, message } = condition;
    rule(observedGeneration === generation, `${type}: observedGeneration is ${observedGeneration}`);
    rule(
      /[.!]$/.test(message) || message.length === 1024,
      `${type}: the message is no sentence: "${message}"`,
    );
    rule(
      !/undefined|\bnull\b|NaN|""|\[object/.test(message),
      `${type}: the message has a hole: "${message}"`,
    );
    const then = before.find((c) => c.type === type);
    const moved = then !== undefined && then.lastTransitionTime !== condition.lastTransitionTime;
    rule(!(moved && then.status === status), `${type}: lastTransitionTime moved without a change of status`);
  }
  // The API server refuses what the CRD does not allow, and every later write with it.
  const validate = object.kind === 'CriteoConnection' ? validateConnection : validateExport;
  const valid = validate(object, { unknownFields: 'refuse' });
  if (!valid.ok) faults.push(...valid.errors.map(({ field, message }) => `${field} ${message}`));
  return faults;
}
