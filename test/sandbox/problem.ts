import { randomBytes } from 'node:crypto';

/** What went wrong, without the call that it belongs to. `type` is one of the contract's values. */
export type ProblemSeed = { type: string; code: string; title: string; detail: string };

/** An item of `errors` or `warnings` in the API's envelope. */
export type Problem = ProblemSeed & { traceId: string; instance: string };

/** Ends a call with `status` and these problems; nothing of the call takes effect. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly seeds: ProblemSeed[];
  readonly headers: Record<string, string>;

  constructor(status: number, seeds: ProblemSeed[], headers: Record<string, string> = {}) {
    super(seeds.map((seed) => seed.code).join(', '));
    this.status = status;
    this.seeds = seeds;
    this.headers = headers;
  }
}

export function problem(seed: ProblemSeed, instance: string): Problem {
  return { traceId: randomBytes(16).toString('hex'), instance, ...seed };
}

/** The envelope of every API reply that is not a success. */
export function apiEnvelope(
  seeds: ProblemSeed[],
  instance: string,
): { errors: Problem[]; warnings: Problem[] } {
  return { errors: seeds.map((seed) => problem(seed, instance)), warnings: [] };
}

/** The token endpoint's own envelope. */
export function oauthEnvelope(error: string, description: string) {
  return {
    error,
    error_description: description,
    error_uri: 'https://datatracker.ietf.org/doc/html/rfc6749#section-5.2',
  };
}

const seeds: Record<number, ProblemSeed> = {
  400: {
    type: 'validation',
    code: 'invalid',
    title: 'Bad request',
    detail: 'The request is not valid.',
  },
  401: {
    type: 'authorization',
    code: 'authorization-token-expired',
    title: 'The authorization token has expired',
    detail: 'Ask for a new token.',
  },
  403: {
    type: 'access-control',
    code: 'insufficient-advertiser-permissions',
    title: 'Forbidden',
    detail: 'The account may not use this advertiser.',
  },
  404: {
    type: 'validation',
    code: 'audience-invalid',
    title: 'Audience is invalid',
    detail: 'Audience is not found, please choose a valid audience',
  },
  410: {
    type: 'deprecation',
    code: 'endpoint-deprecated',
    title: 'Gone',
    detail: 'This version of the API is not supported any more.',
  },
  413: {
    type: 'validation',
    code: 'request-too-large',
    title: 'Payload too large',
    detail: 'The request body is too large.',
  },
  415: {
    type: 'validation',
    code: 'unsupported-media-type',
    title: 'Unsupported media type',
    detail: 'The content type must be application/json.',
  },
  429: {
    type: 'quota',
    code: 'too-many-requests',
    title: 'Too many requests',
    detail: 'The limit of calls per minute is used up.',
  },
  500: {
    type: 'availability',
    code: 'internal-error',
    title: 'Internal server error',
    detail: 'An unexpected error occurred.',
  },
  503: {
    type: 'availability',
    code: 'service-unavailable',
    title: 'Service unavailable',
    detail: 'Try again later.',
  },
};

const otherStatus: ProblemSeed = {
  type: 'unknown',
  code: 'unknown',
  title: 'Unknown',
  detail: 'An error that the sandbox has no words for.',
};

/** The usual problem of a status, with what the caller knows better. */
export function seedFor(status: number, known: Partial<ProblemSeed> = {}): ProblemSeed {
  return { ...(seeds[status] ?? otherStatus), ...known };
}

export function failure(status: number, known: Partial<ProblemSeed> = {}): ApiFailure {
  return new ApiFailure(status, [seedFor(status, known)]);
}
