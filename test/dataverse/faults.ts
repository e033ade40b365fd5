import { Ajv } from 'ajv';
import { expired, isTokenPath } from './entra.ts';
import { type Failure, orderedApiFailure, orderedEntraFailure } from './problem.ts';
import type { Answer, ApiRequest, JsonRow } from './request.ts';
import type { State } from './state.ts';

/** Which requests a fault meets. Everything that is given must match. */
export type Matching = {
  method?: string;
  /** A regular expression that the path, without its query, must match somewhere. */
  path?: string;
  /** A regular expression that the decoded query must match somewhere, such as the prefix of one of several scans. */
  query?: string;
  /** Matching requests that pass unharmed first; default 0. */
  skip?: number;
  /** How many requests it meets; default 1. */
  times?: number | 'always';
};

export type FaultEffect =
  /** An error in the right envelope. Retry-After comes with 429 (1 second unless told) and where it is told. */
  | { kind: 'status'; status: number; code?: string; retryAfterSeconds?: number }
  /** Every token that is out expires, so that this request and those after it get 401 until there is a new one. */
  | { kind: 'expireToken' }
  /** The connection is reset without a reply. */
  | { kind: 'reset' }
  /** Half of the reply, then the connection closes. */
  | { kind: 'halfReply' }
  /** 200 with a body that is not JSON. */
  | { kind: 'malformed' }
  /** The reply after so many milliseconds. */
  | { kind: 'delay'; milliseconds: number }
  /** Half of the reply at once, the rest after so many milliseconds. */
  | { kind: 'slow'; milliseconds: number }
  /** Every row of the page twice. */
  | { kind: 'duplicateRows' }
  /** msdynci_segments as a bare array in this page. */
  | { kind: 'bareArray' }
  /** The page ends after so many rows, also after none; its link goes on from there. */
  | { kind: 'shortPage'; rows: number }
  /** The page's link leads to this page again, or to `link`. */
  | { kind: 'nextLink'; link?: string }
  /** Any reply at all. */
  | { kind: 'raw'; status: number; body: string; contentType?: string };

export type Fault = Matching & FaultEffect;
export type FaultState = { id: number; fault: Fault; seen: number; played: number };

/** How an answer reaches the caller. */
export type Delivery = {
  answer: Answer;
  transport: 'whole' | 'half' | 'slow' | 'reset';
  delayMilliseconds: number;
  slowMilliseconds: number;
};

const matching = {
  method: { type: 'string' },
  path: { type: 'string' },
  query: { type: 'string' },
  skip: { type: 'integer', minimum: 0 },
  times: { anyOf: [{ type: 'integer', minimum: 1 }, { const: 'always' }] },
};
const text = { type: 'string' };
const count = { type: 'integer', minimum: 0 };

const kinds: Record<FaultEffect['kind'], { properties: object; required?: string[] }> = {
  status: {
    properties: {
      status: { type: 'integer', minimum: 400, maximum: 599 },
      code: text,
      retryAfterSeconds: count,
    },
    required: ['status'],
  },
  expireToken: { properties: {} },
  reset: { properties: {} },
  halfReply: { properties: {} },
  malformed: { properties: {} },
  delay: { properties: { milliseconds: count }, required: ['milliseconds'] },
  slow: { properties: { milliseconds: count }, required: ['milliseconds'] },
  duplicateRows: { properties: {} },
  bareArray: { properties: {} },
  shortPage: { properties: { rows: count }, required: ['rows'] },
  nextLink: { properties: { link: text } },
  raw: {
    properties: { status: { type: 'integer', minimum: 200, maximum: 599 }, body: text, contentType: text },
    required: ['status', 'body'],
  },
};

const validate = new Ajv({ strict: false, discriminator: true }).compile<Fault>({
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
  for (const name of ['path', 'query'] as const) {
    try {
      new RegExp(value[name] ?? '');
    } catch {
      throw new Error(`not a fault: ${name} must be a regular expression`);
    }
  }
  return value;
}

/** Faults that change a page wait for one that they can change. */
function canMeet(fault: Fault, { status, page, clientId }: Answer, path: string): boolean {
  switch (fault.kind) {
    case 'duplicateRows':
    case 'nextLink':
      return page !== undefined && page.rows.length > 0;
    case 'shortPage':
      return page !== undefined && page.rows.length > fault.rows;
    case 'bareArray':
      return page?.rows.some(({ msdynci_segments: cell }) => typeof cell === 'string') ?? false;
    case 'expireToken':
      return status === 200 && clientId !== undefined && !isTokenPath(path);
    default:
      return true;
  }
}

function matches(fault: Fault, request: ApiRequest, answer: Answer): boolean {
  const { method, path, query } = fault;
  if (method !== undefined && method.toUpperCase() !== request.method) return false;
  if (path !== undefined && !new RegExp(path).test(request.path)) return false;
  if (query !== undefined) {
    const decoded = [...request.query].map(([name, value]) => `${name}=${value}`).join('&');
    if (!new RegExp(query).test(decoded)) return false;
  }
  return canMeet(fault, answer, request.path);
}

/** The faults of one sandbox. At most one of them meets a request: the oldest that is due. */
export class Faults {
  #states: FaultState[] = [];
  #nextId = 1;

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
  }

  /** The fault that meets this request, counted. Played-out faults stay listed, so that a test can see that they played. */
  take(request: ApiRequest, answer: Answer): Fault | undefined {
    let due: FaultState | undefined;
    for (const state of this.#states) {
      if (!matches(state.fault, request, answer)) continue;
      state.seen += 1;
      const { skip = 0, times = 1 } = state.fault;
      const left = times === 'always' || state.played < times;
      if (due === undefined && left && state.seen > skip) due = state;
    }
    if (due !== undefined) due.played += 1;
    return due?.fault;
  }
}

export function plainDelivery(answer: Answer): Delivery {
  return { answer, transport: 'whole', delayMilliseconds: 0, slowMilliseconds: 0 };
}

function failed(answer: Answer, { status, headers, body }: Failure): Answer {
  const { page, facts, ...rest } = answer;
  const { rows, ...asked } = facts;
  return { ...rest, status, headers, body, facts: asked };
}

function changedPage(answer: Answer, rows: JsonRow[], nextLink: string | undefined): Answer {
  const { page } = answer;
  if (page === undefined) return answer;
  return { ...answer, body: page.body(rows, nextLink), facts: { ...answer.facts, rows: rows.length } };
}

function asBareArray(row: JsonRow): JsonRow {
  const { msdynci_segments: cell } = row;
  if (typeof cell !== 'string') return row;
  try {
    const parsed: { Segments?: unknown } = JSON.parse(cell);
    return { ...row, msdynci_segments: JSON.stringify(parsed.Segments ?? parsed) };
  } catch {
    return row;
  }
}

function statusAnswer(
  fault: Extract<Fault, { kind: 'status' }>,
  answer: Answer,
  path: string,
  now: number,
): Answer {
  const { status, code, retryAfterSeconds = status === 429 ? 1 : undefined } = fault;
  const failure = isTokenPath(path)
    ? orderedEntraFailure(status, code, now)
    : orderedApiFailure(status, code);
  const wait = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  const whole = failed(answer, failure);
  return { ...whole, headers: { ...whole.headers, ...wait } };
}

/** What becomes of an answer that a fault meets. */
export function playFault(fault: Fault, answer: Answer, request: ApiRequest, state: State): Delivery {
  const plain = plainDelivery(answer);
  const { page } = answer;
  const rows = page?.rows ?? [];
  const nextLink = page?.linkFrom(rows.length);
  switch (fault.kind) {
    case 'status':
      return { ...plain, answer: statusAnswer(fault, answer, request.path, state.now()) };
    case 'expireToken':
      state.tokens.expireAll();
      return { ...plain, answer: failed(answer, expired()) };
    case 'reset':
      return { ...plain, transport: 'reset' };
    case 'halfReply':
      return { ...plain, transport: 'half' };
    case 'malformed':
      return {
        ...plain,
        answer: {
          ...answer,
          status: 200,
          headers: { ...answer.headers, 'content-type': 'application/json' },
          body: '{"value":[',
        },
      };
    case 'delay':
      return { ...plain, delayMilliseconds: fault.milliseconds };
    case 'slow':
      return { ...plain, transport: 'slow', slowMilliseconds: fault.milliseconds };
    case 'duplicateRows':
      return {
        ...plain,
        answer: changedPage(
          answer,
          rows.flatMap((row) => [row, row]),
          nextLink,
        ),
      };
    case 'bareArray':
      return { ...plain, answer: changedPage(answer, rows.map(asBareArray), nextLink) };
    case 'shortPage':
      return {
        ...plain,
        answer: changedPage(answer, rows.slice(0, fault.rows), page?.linkFrom(fault.rows)),
      };
    case 'nextLink':
      return { ...plain, answer: changedPage(answer, rows, fault.link ?? page?.linkFrom(0, true)) };
    case 'raw': {
      const { status, body, contentType = 'application/json' } = fault;
      const headers = { 'content-type': contentType };
      return { ...plain, answer: { ...answer, status, headers, body } };
    }
  }
}
