import { randomBytes, timingSafeEqual } from 'node:crypto';
import { failure, oauthEnvelope } from './problem.ts';
import type { Answer, ApiRequest } from './request.ts';
import type { State } from './state.ts';

export const tokenPath = '/oauth2/token';

const fields = ['grant_type', 'client_id', 'client_secret', 'code', 'redirect_uri', 'refresh_token'];
const contentType = 'application/x-www-form-urlencoded';

/** Tokens that were handed out. An expired one is remembered, so that its refusal can say so. */
export class Tokens {
  readonly #issued = new Map<string, { clientId: string; expiresAt: number }>();

  issue(token: string, clientId: string, expiresAt: number): void {
    this.#issued.set(token, { clientId, expiresAt });
  }

  expireAll(): void {
    for (const token of this.#issued.values()) token.expiresAt = Number.NEGATIVE_INFINITY;
  }

  /** The client of the Authorization header; throws the documented 401s. */
  clientOf(authorization: string | undefined, now: number): string {
    if (authorization === undefined || authorization === '') {
      throw failure(401, {
        code: 'authorization-token-missing',
        title: 'The authorization token is missing',
        detail: 'Send the header Authorization: Bearer <token>.',
      });
    }
    const token = /^Bearer (\S+)$/i.exec(authorization)?.[1];
    const issued = token === undefined ? undefined : this.#issued.get(token);
    if (issued === undefined) {
      throw failure(401, {
        code: 'authorization-token-invalid',
        title: 'The authorization token is invalid',
        detail: 'The token is not one that was issued here.',
      });
    }
    if (now >= issued.expiresAt) throw failure(401);
    return issued.clientId;
  }
}

function refusal(status: number, error: string, description: string, violation?: string): Answer {
  return { status, headers: {}, body: oauthEnvelope(error, description), violation };
}

function sameSecret(given: string, right: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function formProblem(form: URLSearchParams): string | undefined {
  const names = [...form.keys()];
  const unknown = names.find((name) => !fields.includes(name));
  if (unknown !== undefined) return `The parameter ${unknown} is not known.`;
  if (new Set(names).size < names.length) return 'A parameter is given more than once.';
  const missing = ['grant_type', 'client_id', 'client_secret'].find((name) => !form.get(name));
  return missing === undefined ? undefined : `The mandatory parameter ${missing} is missing.`;
}

/** Plays POST /oauth2/token for the grant client_credentials. */
export function planToken(request: ApiRequest, state: State): Answer {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== contentType) {
    const words = `The request content-type header must be "${contentType}".`;
    return refusal(400, 'invalid_request', words, words);
  }
  const form = new URLSearchParams(request.body.toString('utf8'));
  const problem = formProblem(form);
  if (problem !== undefined) return refusal(400, 'invalid_request', problem, problem);
  if (form.get('grant_type') !== 'client_credentials') {
    return refusal(400, 'unsupported_grant_type', 'The sandbox plays the grant client_credentials only.');
  }
  const client = state.clients.get(form.get('client_id') ?? '');
  if (client === undefined || !sameSecret(form.get('client_secret') ?? '', client.clientSecret)) {
    return refusal(
      state.behaviour.invalidClientStatus,
      'invalid_client',
      "The client authentication failed, the provided client_id doesn't exist or the client_secret is invalid",
    );
  }
  const { tokenLifetimeSeconds, countTokenCalls } = state.behaviour;
  if (countTokenCalls) state.limiter.count(client.clientId, state.behaviour, state.now());
  const token = randomBytes(32).toString('base64url');
  return {
    status: 200,
    headers: { 'cache-control': 'no-store' },
    body: {
      access_token: token,
      token_type: 'Bearer',
      expires_in: tokenLifetimeSeconds,
      refresh_token: null,
    },
    clientId: client.clientId,
    commit: () => state.tokens.issue(token, client.clientId, state.now() + tokenLifetimeSeconds * 1000),
  };
}
