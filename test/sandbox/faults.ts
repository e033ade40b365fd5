import { Ajv } from 'ajv';
import type { Answer, ApiRequest } from './request.ts';

/** Which requests a fault meets. Everything that is given must match. */
export type Matching = {
  method?: string;
  /** A regular expression that the path, without its query, must match somewhere. */
  path?: string;
  /** Only contact-list changes with this operation. */
  operation?: 'add' | 'remove' | 'empty';
  /** Matching requests that pass unharmed first; default 0. */
  skip?: number;
  /** How many requests it meets; default 1. */
  times?: number | 'always';
};

export type FaultProblem = { type?: string; code?: string; title?: string; detail?: string };

/** What a fault does. "The effect" is what the request asked for. */
export type FaultEffect =
  /** An error reply in the right envelope; no effect unless `applied`. `resetSeconds` (default 1) is for 429. */
  | { kind: 'status'; status: number; code?: string; resetSeconds?: number; applied?: boolean }
  /** The connection is reset before the effect. */
  | { kind: 'resetBefore' }
  /** The connection is reset after the effect, without a reply. */
  | { kind: 'resetAfter' }
  /** The effect, then half of the reply, then the connection closes. */
  | { kind: 'halfReply' }
  /** The effect, then a 200 whose body is not JSON. */
  | { kind: 'malformed' }
  /** The effect at once, the reply after so many milliseconds. */
  | { kind: 'delay'; milliseconds: number }
  /** The reply at once, the effect after so many milliseconds, or when released. */
  | { kind: 'late'; milliseconds?: number }
  /** The connection is reset without a reply; the effect comes after so many milliseconds, or when released. */
  | { kind: 'resetLate'; milliseconds?: number }
  /** 200 with a problem in errors[]; no effect. */
  | { kind: 'errors'; problem?: FaultProblem }
  /** 200 with a problem in warnings[]; with the effect unless `applied` is false. */
  | { kind: 'warnings'; problem?: FaultProblem; applied?: boolean }
  /** 200 with empty data and no problems; no effect. Only for operations that answer with a list. */
  | { kind: 'emptyData' }
  /** Any reply at all, not checked against the contract; no effect unless `applied`. */
  | { kind: 'raw'; status: number; body: string; contentType?: string; applied?: boolean };

export type Fault = Matching & FaultEffect;
export type FaultState = { id: number; fault: Fault; seen: number; played: number };

const matching = {
  method: { type: 'string' },
  path: { type: 'string' },
  operation: { enum: ['add', 'remove', 'empty'] },
  skip: { type: 'integer', minimum: 0 },
  times: { anyOf: [{ type: 'integer', minimum: 1 }, { const: 'always' }] },
};
const problemSchema = {
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(
    ['type', 'code', 'title', 'detail'].map((name) => [name, { type: 'string' }]),
  ),
};
const milliseconds = { type: 'integer', minimum: 0 };
const status = { type: 'integer', minimum: 400, maximum: 599 };
const applied = { type: 'boolean' };

const kinds: Record<FaultEffect['kind'], { properties: object; required?: string[] }> = {
  status: {
    properties: { status, code: { type: 'string' }, resetSeconds: { type: 'number', minimum: 0 }, applied },
    required: ['status'],
  },
  resetBefore: { properties: {} },
  resetAfter: { properties: {} },
  halfReply: { properties: {} },
  malformed: { properties: {} },
  delay: { properties: { milliseconds }, required: ['milliseconds'] },
  late: { properties: { milliseconds } },
  resetLate: { properties: { milliseconds } },
  errors: { properties: { problem: problemSchema } },
  warnings: { properties: { problem: problemSchema, applied } },
  emptyData: { properties: {} },
  raw: {
    properties: {
      status: { type: 'integer', minimum: 200, maximum: 599 },
      body: { type: 'string' },
      contentType: { type: 'string' },
      applied,
    },
    required: ['status', 'body'],
  },
};

const ajv = new Ajv({ strict: false, discriminator: true });
const validate = ajv.compile<Fault>({
  type: 'object',
  required: ['kind'],
  discriminator: { propertyName: 'kind' },
  oneOf: Object.entries(kinds).map(([kind, { properties, required = [] }]) => ({
    additionalProperties: false,
    required,
    properties: { kind: { const: kind }, ...matching, ...properties },
  })),
});

/** Throws an error that names the field when `value` is no fault. */
export function readFault(value: unknown): Fault {
  if (!validate(value)) {
    const [first] = validate.errors ?? [];
    const extra = first?.params.additionalProperty ?? Object.keys(kinds).join(', ');
    throw new Error(`not a fault: ${first?.instancePath || 'the object'} ${first?.message} (${extra})`);
  }
  try {
    new RegExp(value.path ?? '');
  } catch {
    throw new Error('not a fault: path must be a regular expression');
  }
  return value;
}

function matches(fault: Fault, request: ApiRequest, answer: Answer): boolean {
  if (fault.method !== undefined && fault.method.toUpperCase() !== request.method) return false;
  if (fault.path !== undefined && !new RegExp(fault.path).test(request.path)) return false;
  if (fault.operation !== undefined && fault.operation !== answer.counts?.operation) return false;
  const { data } = answer.body as { data?: unknown };
  switch (fault.kind) {
    // These change a success; a call that fails by itself is left for the next one.
    case 'errors':
    case 'warnings':
      return answer.status === 200 && answer.operation !== undefined;
    case 'emptyData':
      return answer.status === 200 && Array.isArray(data);
    case 'late':
    case 'resetLate':
      return answer.status === 200 && answer.commit !== undefined;
    default:
      return true;
  }
}

/** The faults of one sandbox. At most one of them meets a request: the oldest that is due. */
export class Faults {
  #states: FaultState[] = [];
  #nextId = 1;
  #clearing = new AbortController();

  /** Aborted when the faults of now are cleared. */
  get cleared(): AbortSignal {
    return this.#clearing.signal;
  }

  add(fault: Fault): FaultState {
    const state = { id: this.#nextId, fault, seen: 0, played: 0 };
    this.#nextId += 1;
    this.#states.push(state);
    return state;
  }

  list(): FaultState[] {
    return this.#states.map((state) => ({ ...state }));
  }

  clear(): void {
    this.#states = [];
    this.#clearing.abort();
    this.#clearing = new AbortController();
  }

  /** The fault that meets this request, counted. Played-out faults stay listed, so that a test can see that they played. */
  take(request: ApiRequest, answer: Answer): FaultState | undefined {
    let due: FaultState | undefined;
    for (const state of this.#states) {
      if (!matches(state.fault, request, answer)) continue;
      state.seen += 1;
      const { skip = 0, times = 1 } = state.fault;
      const left = times === 'always' || state.played < times;
      if (due === undefined && left && state.seen > skip) due = state;
    }
    if (due !== undefined) due.played += 1;
    return due;
  }
}
