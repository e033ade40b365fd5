import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { conditionTypes } from '../../api/reasons.ts';
import { validateConnection, validateExport } from '../../api/validate.ts';
import type { Plan } from './action.ts';
import { type Condition, findCondition, readinessConditions, setConditions } from './conditions.ts';

const reason = 'DefinitionUnreadable';

/**
 * What is wrong with an object that the API server serves though its schema would not take it: it was stored under
 * another version of the CRD. Undefined where nothing is. No plan may look at such a one: the types do not hold.
 */
export function whyUnreadable(object: CriteoConnection | CriteoSegmentExport): string | undefined {
  const result = object.kind === 'CriteoConnection' ? validateConnection(object) : validateExport(object);
  if (result.ok) return undefined;
  const [first, ...others] = result.errors.map(({ field, message }) => `${field} ${message}`);
  return others.length > 0 ? `${first}, and ${others.length} more` : first;
}

/** Of the connections that an export's plan would look at: the word on the first that cannot be read. */
export function whyConnectionUnreadable(
  connections: readonly (CriteoConnection | undefined)[],
): string | undefined {
  for (const connection of connections) {
    const why = connection && whyUnreadable(connection);
    if (why !== undefined)
      return `spec.connectionRef: the connection "${connection?.metadata.name}" has ${why}`;
  }
  return undefined;
}

interface Stored<Status> {
  metadata: { generation?: number };
  status?: Status;
}

/** Says so, and leaves everything else as it is: nothing is started, changed or ended by what cannot be read. */
export function planUnreadable<Status extends object>(
  { metadata, status }: Stored<Status>,
  why: string,
  now: number,
): Plan<Status> {
  const { generation = 1 } = metadata;
  const before = conditionsOf(status);
  const message = `${why}: it was stored under another version of the CRD; apply it again with what is right. Nothing is started meanwhile.`;
  const wanted = readinessConditions({ status: 'False', reason, message, progress: 'Stalled' });
  const progress: string[] = [conditionTypes.ready, conditionTypes.stalled, conditionTypes.reconciling];
  const conditions = [
    ...setConditions(wanted, { previous: before, generation, now }),
    ...before.filter(({ type }) => !progress.includes(type)),
  ];
  const told = findCondition(before, conditionTypes.ready)?.reason === reason;
  return {
    status: { ...status, observedGeneration: generation, conditions } as unknown as Status,
    actions: [],
    events: told ? [] : [{ type: 'Warning', reason, action: 'CheckDefinition', note: message, logged: true }],
  };
}

/** The status too may be another version's. */
function conditionsOf(status: object | undefined): Condition[] {
  const conditions: unknown = Object(status).conditions;
  if (!Array.isArray(conditions)) return [];
  return conditions.filter((condition) => typeof condition?.type === 'string');
}
