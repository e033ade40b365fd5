import type { KubeConfig } from '@kubernetes/client-node';
import type { Dispatcher } from 'undici';
import { unlessAborted } from './abort.ts';
import { delayAfter } from './backoff.ts';
import { type Clock, sleep, systemClock } from './clock.ts';
import { ApiError, errorFromReply, errorMessage, isUnauthorized } from './errors.ts';
import type { Counter, Registry } from './metrics.ts';
import { type Access, Transport } from './transport.ts';
import { Watchdog } from './watchdog.ts';

export interface RestOptions {
  /** Called at the start, and again when the server refuses the credentials. */
  loadConfig: () => KubeConfig;
  userAgent: string;
  /** For a whole call, its retries included; 30,000 unless told. */
  requestTimeoutMs?: number;
  /** After a 429, a 503 or a lost connection; 4 unless told. */
  maxRetries?: number;
  metrics?: Registry;
  clock?: Clock;
  random?: () => number;
}

export interface RequestOptions {
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
}

export type Query = Record<string, string | number | boolean | undefined>;

export interface RawRequest extends RequestOptions {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** From the API's root: `/apis/batch/v1/...`. */
  path: string;
  query?: Query;
  /** Sent as JSON. */
  body?: unknown;
  contentType?: string;
  /** Twice is the same as once; true unless told, but for POST. */
  idempotent?: boolean;
}

export interface StreamOptions {
  /** Nothing heard for so long, in milliseconds: throws `Stalled`. */
  stallTimeoutMs: number;
  /** Called when the request is accepted and whenever bytes arrive. */
  onHeard?: (() => void) | undefined;
}

const RETRY = { baseMs: 200, maxMs: 5_000 };
const MAX_ERROR_BODY = 1024 * 1024;

/** HTTP to one API server: credentials, deadlines, retries. Everything it throws is an `ApiError`. */
export class RestClient {
  readonly #transport: Transport;
  readonly #options: RestOptions;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #requests: Counter | undefined;

  constructor(options: RestOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#timeoutMs = options.requestTimeoutMs ?? 30_000;
    this.#transport = new Transport(options.loadConfig, this.#clock);
    this.#requests = options.metrics?.counter(
      'rest_client_requests_total',
      'Number of HTTP requests, partitioned by status code, method, and host.',
      ['code', 'method', 'host'],
    );
  }

  /** The API server's address. */
  get server(): string {
    return this.#transport.server;
  }

  /** The namespace of the kubeconfig's context, or of the pod. */
  get namespace(): string | undefined {
    return this.#transport.namespace;
  }

  /** Resolves with the reply's JSON, after retries where they are safe, within `timeoutMs`. */
  async request<T>(request: RawRequest): Promise<T> {
    const { method, path, signal, timeoutMs = this.#timeoutMs, idempotent = method !== 'POST' } = request;
    const what = `${method} ${path}`;
    const endAt = this.#clock.monotonic() + timeoutMs;
    const watchdog = new Watchdog(this.#clock, signal);
    watchdog.renew(timeoutMs);
    try {
      for (let retries = 0; ; retries++) {
        try {
          const reply = await this.#send(request, watchdog.signal);
          return (await reply.body.json()) as T;
        } catch (cause) {
          const error = this.#localError(cause, what, watchdog, signal, 'Timeout');
          const waitMs = this.#retryDelay(error, idempotent, retries);
          // Better an answer now that says what is wrong than a Timeout later that does not.
          if (waitMs === undefined || this.#clock.monotonic() + waitMs >= endAt) throw error;
          await sleep(waitMs, this.#clock, watchdog.signal);
        }
      }
    } finally {
      watchdog.stop();
    }
  }

  /** Yields a reply's bytes as they come, for as long as they come. Never tries again. */
  async *stream(request: RawRequest, { stallTimeoutMs, onHeard }: StreamOptions): AsyncGenerator<Uint8Array> {
    const watchdog = new Watchdog(this.#clock, request.signal);
    const heard = () => {
      watchdog.renew(stallTimeoutMs);
      onHeard?.();
    };
    try {
      watchdog.renew(Math.min(stallTimeoutMs, this.#timeoutMs));
      const reply = await this.#send(request, watchdog.signal);
      heard();
      for await (const chunk of reply.body) {
        heard();
        yield chunk;
      }
    } catch (error) {
      throw this.#localError(error, `${request.method} ${request.path}`, watchdog, request.signal, 'Stalled');
    } finally {
      watchdog.stop();
    }
  }

  /** Breaks off what is under way. */
  async close(): Promise<void> {
    await this.#transport.close();
  }

  /** Resolves with a 2xx reply, its body still to be read. */
  async #send(request: RawRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    // An exec plugin can hang; the call that waits for it shall not.
    const access = await unlessAborted(this.#transport.access(), signal);
    try {
      return await this.#sendWith(access, request, signal);
    } catch (error) {
      // A token can end before the time that it was to be read again.
      if (!isUnauthorized(error)) throw error;
      await this.#transport.renew(access);
      return this.#sendWith(await unlessAborted(this.#transport.access(), signal), request, signal);
    }
  }

  async #sendWith(
    access: Access,
    request: RawRequest,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    signal.throwIfAborted();
    const { method, path, query, body, contentType = 'application/json' } = request;
    const count = (code: string) => this.#requests?.inc({ code, method, host: new URL(access.origin).host });
    const sent = access.dispatcher.request({
      origin: access.origin,
      path: `${access.pathPrefix}${path}${queryString(query)}`,
      method,
      headers: {
        ...access.headers,
        accept: 'application/json',
        'user-agent': this.#options.userAgent,
        ...(body !== undefined && { 'content-type': contentType }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal,
    });
    // As client-go counts what got no answer.
    sent.catch(() => count('<error>'));
    const reply = await sent;
    count(String(reply.statusCode));
    if (reply.statusCode >= 200 && reply.statusCode < 300) return reply;
    throw errorFromReply(
      reply.statusCode,
      await errorBody(reply),
      `${method} ${path}`,
      retryAfterMs(reply.headers['retry-after'], this.#clock.now()),
    );
  }

  #localError(
    cause: unknown,
    what: string,
    watchdog: Watchdog,
    signal: AbortSignal | undefined,
    expired: 'Timeout' | 'Stalled',
  ): ApiError {
    const local = (reason: string, message: string) =>
      new ApiError({ statusCode: 0, reason, message: `${what}: ${message}`, cause });
    if (watchdog.expired) {
      return local(expired, expired === 'Timeout' ? 'no answer in time' : 'nothing was heard for too long');
    }
    if (signal?.aborted) return local('Aborted', 'aborted by the caller');
    if (cause instanceof ApiError) return cause;
    if (cause instanceof SyntaxError) return local('BadReply', 'the reply is not JSON');
    return local('Network', networkText(cause));
  }

  /** Undefined: not again. */
  #retryDelay(error: ApiError, idempotent: boolean, retries: number): number | undefined {
    if (retries >= (this.#options.maxRetries ?? 4)) return undefined;
    // 429 is said before anything was done; of the others nobody knows.
    const passing =
      error.statusCode === 429 || (idempotent && (error.statusCode === 503 || error.reason === 'Network'));
    if (!passing) return undefined;
    const { random } = this.#options;
    return error.retryAfterMs ?? delayAfter(retries, { ...RETRY, ...(random && { random }) });
  }
}

function queryString(query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) params.set(name, String(value));
  }
  return params.size === 0 ? '' : `?${params}`;
}

async function errorBody(reply: Dispatcher.ResponseData): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of reply.body) {
    size += chunk.length;
    if (size > MAX_ERROR_BODY) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Seconds, or an HTTP date. */
function retryAfterMs(header: string | string[] | undefined, nowMs: number): number | undefined {
  if (typeof header !== 'string') return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

// A host with several addresses fails with an AggregateError, whose own message is empty.
function networkText(cause: unknown): string {
  if (cause instanceof AggregateError && cause.message === '')
    return cause.errors.map(errorMessage).join('; ');
  return errorMessage(cause);
}
