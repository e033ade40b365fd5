import type { Fault, FaultProblem } from './faults.ts';
import { apiEnvelope, oauthEnvelope, problem, seedFor } from './problem.ts';
import { rateHeaders } from './ratelimit.ts';
import type { Answer } from './request.ts';
import { tokenPath } from './token.ts';

/** How an answer reaches the caller, and when its effect happens. */
export type Delivery = {
  answer: Answer;
  effect: 'now' | 'never' | { afterMilliseconds: number | undefined };
  transport: 'whole' | 'half' | 'reset';
  delayMilliseconds: number;
  /** Sent instead of the answer's body. */
  rawBody?: { text: string; contentType: string };
  /** Whether the answer must keep to the contract. */
  checked: boolean;
};

export function plainDelivery(answer: Answer): Delivery {
  return { answer, effect: 'now', transport: 'whole', delayMilliseconds: 0, checked: true };
}

const oauthErrors: Record<number, string> = {
  400: 'invalid_request',
  401: 'invalid_client',
  403: 'unauthorized_client',
  429: 'temporarily_unavailable',
  503: 'temporarily_unavailable',
};

const deprecation: Required<FaultProblem> = {
  type: 'deprecation',
  code: 'deprecated-field',
  title: 'Deprecated',
  detail: 'Something in this call is deprecated.',
};

function statusAnswer(
  fault: Extract<Fault, { kind: 'status' }>,
  answer: Answer,
  path: string,
  callsPerMinute: number,
  now: number,
): Answer {
  const { status, code, resetSeconds = 1 } = fault;
  const headers = status === 429 ? rateHeaders(callsPerMinute, 0, now + resetSeconds * 1000) : {};
  const seed = seedFor(status, code === undefined ? {} : { code });
  const body =
    path === tokenPath
      ? oauthEnvelope(code ?? oauthErrors[status] ?? 'server_error', seed.detail)
      : apiEnvelope([seed], path);
  return { ...answer, status, headers: { ...answer.headers, ...headers }, body };
}

function withProblem(
  answer: Answer,
  list: 'errors' | 'warnings',
  seed: Required<FaultProblem>,
  path: string,
  applied: boolean,
): Answer {
  const body = answer.body as Record<string, unknown>;
  const data = applied ? body.data : answer.refusedData;
  return { ...answer, body: { ...body, data, [list]: [problem(seed, path)] } };
}

/** What becomes of an answer that a fault meets. `now` is in milliseconds since 1970. */
export function playFault(
  fault: Fault,
  answer: Answer,
  path: string,
  callsPerMinute: number,
  now: number,
): Delivery {
  const plain = plainDelivery(answer);
  switch (fault.kind) {
    case 'status': {
      const failed = statusAnswer(fault, answer, path, callsPerMinute, now);
      return { ...plain, answer: failed, effect: fault.applied ? 'now' : 'never' };
    }
    case 'resetBefore':
      return { ...plain, effect: 'never', transport: 'reset' };
    case 'resetAfter':
      return { ...plain, transport: 'reset' };
    case 'halfReply':
      return { ...plain, transport: 'half' };
    case 'malformed':
      return {
        ...plain,
        answer: { ...answer, status: 200 },
        rawBody: { text: '{"data":[', contentType: 'application/json' },
        checked: false,
      };
    case 'delay':
      return { ...plain, delayMilliseconds: fault.milliseconds };
    case 'late':
      return { ...plain, effect: { afterMilliseconds: fault.milliseconds } };
    case 'resetLate':
      return { ...plain, effect: { afterMilliseconds: fault.milliseconds }, transport: 'reset' };
    case 'errors': {
      const seed = { ...seedFor(500), ...fault.problem };
      return { ...plain, answer: withProblem(answer, 'errors', seed, path, false), effect: 'never' };
    }
    case 'warnings': {
      const applied = fault.applied ?? true;
      const seed = { ...deprecation, ...fault.problem };
      return {
        ...plain,
        answer: withProblem(answer, 'warnings', seed, path, applied),
        effect: applied ? 'now' : 'never',
      };
    }
    case 'emptyData': {
      const body = { ...(answer.body as object), data: [] };
      return { ...plain, answer: { ...answer, body }, effect: 'never' };
    }
    case 'raw':
      return {
        ...plain,
        answer: { ...answer, status: fault.status },
        effect: fault.applied ? 'now' : 'never',
        rawBody: { text: fault.body, contentType: fault.contentType ?? 'application/json' },
        checked: false,
      };
  }
}
