/**
 * What Criteo says went wrong, reduced to what may leave the pod: its texts
 * (title, detail, source) can hold what was sent.
 */
export interface Problem {
  /** With hyphens: one endpoint writes `access_control`. Undefined where it is none of the documented ones. */
  type: ProblemType | undefined;
  /** Undefined where it has not the form of a code. */
  code: string | undefined;
}

const types = [
  'access-control',
  'authentication',
  'authorization',
  'availability',
  'deprecation',
  'quota',
  'validation',
] as const;
export type ProblemType = (typeof types)[number];

const codeForm = /^[a-z][a-z0-9-]{0,63}$/;

/** The list `errors` or `warnings` of a reply; none where the reply has no such list. */
export function problemsIn(json: unknown, list: 'errors' | 'warnings'): Problem[] {
  const items = isRecord(json) ? json[list] : undefined;
  return Array.isArray(items) ? items.map(toProblem) : [];
}

function toProblem(item: unknown): Problem {
  if (!isRecord(item)) return { type: undefined, code: undefined };
  const type = typeof item.type === 'string' ? item.type.replaceAll('_', '-') : undefined;
  return { type: types.find((known) => known === type), code: codeOf(item.code) };
}

/** Digests have the form of a code too, where they start with a letter. */
const digestForm = /[0-9a-f]{32}/;

/** The text where it has the form of a code. */
export function codeOf(text: unknown): string | undefined {
  return typeof text === 'string' && codeForm.test(text) && !digestForm.test(text) ? text : undefined;
}

/** Whether the same call may succeed later. */
export function isPassing(problem: Problem): boolean {
  return problem.type === 'availability' || problem.type === 'quota';
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
