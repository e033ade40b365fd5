import { createExchange, type Exchange, type HttpReply, NoReply } from '../criteo/exchange.ts';
import { codeOf, isRecord } from '../criteo/problems.ts';
import { Fault } from '../fault.ts';
import { readIdentityToken } from './identitytoken.ts';
import type { SourceSurroundings } from './open.ts';

export interface EntraClient {
  /** Scheme and host: `https://login.microsoftonline.com`. */
  authorityHost: string;
  tenantId: string;
  clientId: string;
  /** `IdentityToken`: the service account's token stands for a secret. */
  proof: { clientSecret: string } | 'IdentityToken';
  /** `<resource>/.default`. */
  scope: string;
}

/**
 * The bearer token for a client: fetched when one is needed, kept until shortly before it expires. Where
 * the service has refused a token, say which: another is fetched unless that was done already.
 * @throws Fault SourceCredentialsRefused (code: `aadsts<number>` where Microsoft Entra tells one),
 * SourceUnavailable, SourceThrottled, SourceTlsNotTrusted, SourceReplyInvalid; the signal's reason.
 */
export type EntraTokens = (signal: AbortSignal, refused?: string) => Promise<string>;

/** A token is replaced this long before it expires: a page that was asked for with it may take minutes. */
const renewEarlyMs = 300_000;
const attempts = 3;
const callTimeoutMs = 30_000;
const maxPauseMs = 30_000;
/** Microsoft Entra's own words for what passes. */
const passing: readonly unknown[] = ['temporarily_unavailable', 'server_error'];

interface Token {
  text: string;
  /** Milliseconds since the epoch. */
  renewAt: number;
}

export function entraTokens(
  client: EntraClient,
  surroundings: Pick<SourceSurroundings, 'dispatcher' | 'clock' | 'identityToken'>,
): EntraTokens {
  const { clock } = surroundings;
  const exchange = createExchange(surroundings.dispatcher);
  let current: Token | undefined;
  let fetching: Promise<Token> | undefined;
  return async (signal, refused) => {
    if (current && current.text !== refused && clock.now() < current.renewAt) return current.text;
    // Scans that run at once ask at once.
    fetching ??= fetchToken(client, surroundings, exchange, signal).finally(() => {
      fetching = undefined;
    });
    current = await fetching;
    return current.text;
  };
}

async function fetchToken(
  client: EntraClient,
  { clock, identityToken }: Pick<SourceSurroundings, 'clock' | 'identityToken'>,
  exchange: Exchange,
  signal: AbortSignal,
): Promise<Token> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    const asked = clock.now();
    const reply = await ask(client, await proofOf(client, identityToken), exchange, signal);
    const fault = faultOf(reply);
    if (fault === undefined) return tokenOf(reply, asked);
    const mayPass = fault.reason === 'SourceUnavailable' || fault.reason === 'SourceThrottled';
    if (!mayPass || attempt === attempts) throw fault;
    const asksFor = Number(reply?.headers['retry-after'] ?? 0) * 1000;
    const pauseMs = Math.max(Number.isFinite(asksFor) ? asksFor : 0, 1000 * 2 ** attempt * clock.random());
    await clock.sleep(Math.min(pauseMs, maxPauseMs), signal);
  }
}

async function proofOf({ proof }: EntraClient, identityToken: string): Promise<Record<string, string>> {
  if (proof !== 'IdentityToken') return { client_secret: proof.clientSecret };
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await readIdentityToken(identityToken),
  };
}

/** Undefined where no reply came. */
async function ask(
  { authorityHost, tenantId, clientId, scope }: EntraClient,
  proof: Record<string, string>,
  exchange: Exchange,
  signal: AbortSignal,
): Promise<HttpReply | undefined> {
  const form = { grant_type: 'client_credentials', client_id: clientId, scope, ...proof };
  try {
    const request = {
      method: 'POST',
      url: `${authorityHost.replace(/\/$/, '')}/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new URLSearchParams(form).toString(),
    } as const;
    return await exchange(request, callTimeoutMs, signal);
  } catch (error) {
    if (!(error instanceof NoReply)) throw error;
    if (error.kind === 'NotTrusted') throw new Fault('SourceTlsNotTrusted');
    return undefined;
  }
}

function faultOf(reply: HttpReply | undefined): Fault | undefined {
  if (reply === undefined) return new Fault('SourceUnavailable');
  const { status, json } = reply;
  if (status === 200) return undefined;
  if (status === 429) return new Fault('SourceThrottled', { status });
  const { error, error_codes: numbers } = isRecord(json) ? json : {};
  if (status >= 500 || status === 408 || passing.includes(error))
    return new Fault('SourceUnavailable', { status });
  // A proxy's page, another service.
  if (typeof error !== 'string') return new Fault('SourceReplyInvalid', { status });
  const number: unknown = Array.isArray(numbers) ? numbers[0] : undefined;
  const code = Number.isSafeInteger(number) ? `aadsts${number}` : codeOf(error.replaceAll('_', '-'));
  return new Fault('SourceCredentialsRefused', code === undefined ? { status } : { status, code });
}

function tokenOf(reply: HttpReply | undefined, asked: number): Token {
  const { access_token: text, expires_in: seconds } = isRecord(reply?.json) ? reply.json : {};
  // It becomes a header: what cannot stand there is no token.
  if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text))
    throw new Fault('SourceReplyInvalid', { status: 200 });
  const livesMs = Number(seconds) > 0 ? Number(seconds) * 1000 : 0;
  // One that lives for less than the margin is used for half of its life.
  return { text, renewAt: asked + Math.max(livesMs - renewEarlyMs, livesMs / 2) };
}
