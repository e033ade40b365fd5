import { readFileSync } from 'node:fs';
import { getCACertificates } from 'node:tls';
import { type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import { Fault } from '../fault.ts';
import { guardedLookup, refusesLocalUrls } from '../network/guard.ts';

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  url: string;
  headers: Readonly<Record<string, string>>;
  body?: string | Uint8Array;
}

export interface HttpReply {
  status: number;
  /** By name in lower case; the first value where a header came twice. */
  headers: Readonly<Record<string, string | undefined>>;
  /** The parsed body; undefined where it is no JSON. */
  json: unknown;
}

/** No whole reply came: refused, reset, timed out, or not trusted. It keeps nothing of the cause's text. */
export class NoReply extends Error {
  readonly kind: 'Unreachable' | 'Timeout' | 'NotTrusted';

  constructor(kind: NoReply['kind']) {
    super(kind);
    this.kind = kind;
  }
}

/**
 * One request and its whole reply, within `timeoutMs`.
 * @throws NoReply; a Fault of the dispatcher; the signal's reason where it is aborted.
 */
export type Exchange = (request: HttpRequest, timeoutMs: number, signal: AbortSignal) => Promise<HttpReply>;

const connectTimeoutMs = 10_000;
/** The largest reply asked for is a page of 100 segments, some 100 KB. */
const maxReplyBytes = 10 * 1024 * 1024;

/**
 * Connections by way of HTTPS_PROXY, HTTP_PROXY and NO_PROXY, trusting Node's own
 * authorities and those of the bundle, where there is one.
 */
export function createDispatcher(caBundle: string): Dispatcher {
  const tls = tlsOf(caBundle);
  return new EnvHttpProxyAgent({ connect: tls, requestTls: tls, proxyTls: tls, allowH2: false });
}

/**
 * The same for what a source names: nothing leads to the pod itself or to its node's link, or the request fails with
 * a Fault SourceForbidden. A proxy is the administrator's, and may be anywhere; what it looks up is its own matter.
 */
export function createGuardedDispatcher(caBundle: string): Dispatcher {
  const tls = tlsOf(caBundle);
  const connect = { ...tls, lookup: guardedLookup };
  const agent = new EnvHttpProxyAgent({ connect, requestTls: tls, proxyTls: tls, allowH2: false });
  return agent.compose(refusesLocalUrls);
}

function tlsOf(caBundle: string) {
  const extra = readBundle(caBundle);
  return {
    timeout: connectTimeoutMs,
    // HTTP/2 connections that are kept alive are a documented trouble of this API.
    allowH2: false,
    ...(extra === undefined ? {} : { ca: [...getCACertificates('default'), extra] }),
  };
}

function readBundle(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

export function createExchange(dispatcher: Dispatcher): Exchange {
  return async ({ method, url, headers, body }, timeoutMs, signal) => {
    const deadline = AbortSignal.timeout(timeoutMs);
    try {
      const reply = await request(url, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
        dispatcher,
        signal: AbortSignal.any([signal, deadline]),
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      });
      return {
        status: reply.statusCode,
        headers: firstValues(reply.headers),
        json: parse(await readBody(reply.body)),
      };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof Fault) throw error;
      if (deadline.aborted) throw new NoReply('Timeout');
      throw new NoReply(kindOf(error));
    }
  };
}

function firstValues(headers: Record<string, string | string[] | undefined>): HttpReply['headers'] {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  );
}

async function readBody(body: AsyncIterable<Buffer>): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxReplyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** OpenSSL's and Node's verdicts on a certificate; other faults of TLS may pass. */
const notTrusted =
  /^(ERR_TLS_CERT_ALTNAME_INVALID|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_\w+|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|PATH_LENGTH_EXCEEDED)$/;

/** What an error that a connection met means; it may be wrapped, by the proxy agent for one. */
export function kindOf(error: unknown): NoReply['kind'] {
  for (let each = error; each instanceof Error; each = each.cause) {
    const code = 'code' in each ? each.code : undefined;
    if (typeof code !== 'string') continue;
    if (notTrusted.test(code)) return 'NotTrusted';
    if (/TIMEOUT|TIMEDOUT/.test(code)) return 'Timeout';
  }
  return 'Unreachable';
}
