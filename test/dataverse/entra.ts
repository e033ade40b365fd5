import { createPublicKey, randomBytes, timingSafeEqual, verify } from 'node:crypto';
import type { Client, Federation } from './options.ts';
import { entraFailure, type Failure, unauthorized } from './problem.ts';
import type { Answer, ApiRequest } from './request.ts';
import type { State } from './state.ts';

const tokenPath = /^\/([^/]+)\/oauth2\/v2\.0\/token$/;
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const exchangeAudience = 'api://AzureADTokenExchange';

export function isTokenPath(path: string): boolean {
  return tokenPath.test(path);
}

/** Tokens that were handed out. An expired one is remembered, so that its refusal can say so. */
export class Tokens {
  readonly #issued = new Map<string, { clientId: string; expiresAt: number }>();

  issue(clientId: string, expiresAt: number): string {
    // A caller may not look inside, so there is nothing inside.
    const token = randomBytes(48).toString('base64url');
    this.#issued.set(token, { clientId, expiresAt });
    return token;
  }

  expireAll(): void {
    for (const token of this.#issued.values()) token.expiresAt = Number.NEGATIVE_INFINITY;
  }

  /** The client of the Authorization header; throws 401. */
  clientOf(authorization: string | undefined, now: number): string {
    const token = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1];
    const issued = token === undefined ? undefined : this.#issued.get(token);
    if (token === undefined) throw unauthorized('');
    if (issued === undefined) throw unauthorized(', error=invalid_token');
    if (now >= issued.expiresAt) throw expired();
    return issued.clientId;
  }
}

export function expired(): Failure {
  return unauthorized(', error=invalid_token, error_description="The token has expired"');
}

function sameSecret(given: string, right: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

type Jwt = { header: Record<string, unknown>; claims: Record<string, unknown> };

function parseJwt(assertion: string): Jwt | undefined {
  const [header = '', claims = '', signature = ''] = assertion.split('.');
  if (assertion.split('.').length !== 3 || signature === '') return undefined;
  const parse = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  try {
    return { header: parse(header), claims: parse(claims) };
  } catch {
    return undefined;
  }
}

function isSignedBy(assertion: string, algorithm: unknown, publicKey: string): boolean {
  const end = assertion.lastIndexOf('.');
  const signed = Buffer.from(assertion.slice(0, end));
  const signature = Buffer.from(assertion.slice(end + 1), 'base64url');
  const key = createPublicKey(publicKey);
  if (algorithm === 'RS256' && key.asymmetricKeyType === 'rsa') {
    return verify('sha256', signed, key, signature);
  }
  if (algorithm === 'ES256' && key.asymmetricKeyType === 'ec') {
    return verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature);
  }
  return false;
}

/** Plays POST /{tenant}/oauth2/v2.0/token for the grant client_credentials. */
class TokenRequest {
  readonly #request: ApiRequest;
  readonly #state: State;
  readonly #form: URLSearchParams;

  constructor(request: ApiRequest, state: State) {
    this.#request = request;
    this.#state = state;
    this.#form = new URLSearchParams(request.body.toString('utf8'));
  }

  #refuse(status: number, error: string, code: number, words: string, violation?: string): Failure {
    return entraFailure(status, error, code, words, this.#state.now(), violation);
  }

  #invalidClient(code: number, words: string, violation?: string): Failure {
    const status = this.#state.behaviour.invalidClientStatus;
    return this.#refuse(status, 'invalid_client', code, words, violation);
  }

  answer(): Answer {
    this.#checkForm();
    const client = this.#client();
    if (this.#form.has('client_secret')) this.#checkSecret(client);
    else this.#checkAssertion(client);
    this.#checkScope();
    const { tokenLifetimeSeconds } = this.#state.behaviour;
    const expiresAt = this.#state.now() + tokenLifetimeSeconds * 1000;
    return {
      status: 200,
      headers: { 'cache-control': 'no-store, no-cache', pragma: 'no-cache' },
      body: {
        token_type: 'Bearer',
        expires_in: tokenLifetimeSeconds,
        ext_expires_in: tokenLifetimeSeconds,
        access_token: this.#state.tokens.issue(client.clientId, expiresAt),
      },
      clientId: client.clientId,
      violations: [],
      facts: {},
    };
  }

  #checkForm(): void {
    const form = this.#form;
    const type = this.#request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
    if (type !== 'application/x-www-form-urlencoded') {
      const words = 'The request body must be form-encoded.';
      throw this.#refuse(400, 'invalid_request', 900144, words, 'the token request is not form-encoded');
    }
    if (form.has('resource')) {
      const words = "The 'resource' request parameter isn't supported.";
      throw this.#refuse(400, 'invalid_request', 901002, words, 'the token request names a resource');
    }
    const missing = ['grant_type', 'client_id', 'scope'].find((name) => !form.get(name));
    if (missing !== undefined) {
      const words = `The request body must contain the following parameter: '${missing}'.`;
      throw this.#refuse(400, 'invalid_request', 900144, words, `the token request has no ${missing}`);
    }
    if (form.get('grant_type') !== 'client_credentials') {
      const words = 'The app requested an unsupported grant type.';
      throw this.#refuse(400, 'unsupported_grant_type', 70003, words);
    }
    const tenant = tokenPath.exec(this.#request.path)?.[1] ?? '';
    if (!this.#state.tenants.includes(tenant.toLowerCase())) {
      const words = `Tenant '${tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.`;
      throw this.#refuse(400, 'invalid_request', 90002, words);
    }
  }

  #client(): Client {
    const client = this.#state.clients.get(this.#form.get('client_id') ?? '');
    if (client !== undefined) return client;
    const words =
      'Application with this identifier was not found in the directory. This can happen if the application has not been installed by the administrator of the tenant.';
    throw this.#refuse(400, 'unauthorized_client', 700016, words);
  }

  #checkSecret({ clientId, clientSecret, secretExpired = false }: Client): void {
    const given = this.#form.get('client_secret') ?? '';
    if (clientSecret === undefined || !sameSecret(given, clientSecret)) {
      const words = `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${clientId}'.`;
      throw this.#invalidClient(7000215, words);
    }
    if (secretExpired) {
      throw this.#invalidClient(
        7000222,
        `The provided client secret keys for app '${clientId}' are expired.`,
      );
    }
  }

  #checkAssertion({ federations = [] }: Client): void {
    const assertion = this.#form.get('client_assertion');
    if (assertion === null || this.#form.get('client_assertion_type') !== assertionType) {
      const words =
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
      throw this.#invalidClient(
        7000218,
        words,
        'the token request has neither a client_secret nor a client_assertion with its type',
      );
    }
    const jwt = parseJwt(assertion);
    if (jwt === undefined) {
      throw this.#refuse(
        400,
        'invalid_request',
        50027,
        'JWT token is invalid or malformed.',
        'the client_assertion is not a JWT',
      );
    }
    const federation = this.#federation(federations, jwt);
    this.#checkTime(jwt);
    const { publicKey } = federation;
    if (publicKey !== undefined && !isSignedBy(assertion, jwt.header.alg, publicKey)) {
      throw this.#invalidClient(700027, 'The client assertion failed signature validation.');
    }
  }

  #federation(federations: Federation[], { claims }: Jwt): Federation {
    const { iss, sub, aud } = claims;
    const audiences = Array.isArray(aud) ? aud : [aud];
    const none = (code: number, what: string) =>
      this.#invalidClient(
        code,
        `No matching federated identity record found for presented assertion ${what}. Check your federated identity credential Subject, Audience and Issuer against the presented assertion.`,
      );
    const ofIssuer = federations.filter(({ issuer }) => issuer === iss);
    if (ofIssuer.length === 0) throw none(700211, 'issuer');
    const ofSubject = ofIssuer.filter(({ subject }) => subject === sub);
    if (ofSubject.length === 0) throw none(700213, 'subject');
    const [found] = ofSubject.filter(({ audience = exchangeAudience }) => audiences.includes(audience));
    if (found === undefined) throw none(700212, 'audience');
    return found;
  }

  #checkTime({ claims: { exp, nbf } }: Jwt): void {
    const now = this.#state.now() / 1000;
    if (typeof exp === 'number' && exp > now && (typeof nbf !== 'number' || nbf <= now)) return;
    throw this.#invalidClient(700024, 'Client assertion is not within its valid time range.');
  }

  #checkScope(): void {
    const scope = this.#form.get('scope') ?? '';
    const [, resource] = /^(\S+)\/\.default$/.exec(scope) ?? [];
    if (resource === undefined) {
      const words =
        'The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).';
      throw this.#refuse(400, 'invalid_scope', 1002012, words, 'the scope does not end in /.default');
    }
    const organization = this.#state.organizationUrl ?? this.#request.base;
    if (resource.replace(/\/$/, '') === organization.replace(/\/$/, '')) return;
    const words =
      'The resource principal was not found in the tenant. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.';
    throw this.#refuse(400, 'invalid_resource', 500011, words);
  }
}

export function planToken(request: ApiRequest, state: State): Answer {
  return new TokenRequest(request, state).answer();
}
