import { createHash } from 'node:crypto';
import type { RequestOptions as HttpsOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher, ProxyAgent, Socks5ProxyAgent } from 'undici';
import type { Clock } from './clock.ts';
import { ApiError, errorMessage } from './errors.ts';

/** What one request needs to be let in. */
export interface Access {
  /** Scheme, host and port. */
  origin: string;
  /** A path that the server's address itself has, without a slash at its end. */
  pathPrefix: string;
  headers: Record<string, string>;
  dispatcher: Dispatcher;
}

interface TlsOptions {
  ca?: unknown;
  cert?: unknown;
  key?: unknown;
  rejectUnauthorized?: boolean;
  servername?: string;
}

const ACCESS_TTL_MS = 5_000;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Keeps one pool of connections to the API server, and the credentials fresh. client-node decides what the
 * credentials are (tokens, client certificates, exec plugins), but would open a connection for each request.
 */
export class Transport {
  readonly #loadConfig: () => KubeConfig;
  readonly #clock: Clock;
  #config: KubeConfig;
  #access: { value: Promise<Access>; at: number } | undefined;
  #pool: { fingerprint: string; dispatcher: Dispatcher } | undefined;

  constructor(loadConfig: () => KubeConfig, clock: Clock) {
    this.#loadConfig = loadConfig;
    this.#clock = clock;
    this.#config = loadConfig();
  }

  /** The server's address. */
  get server(): string {
    return this.#config.getCurrentCluster()?.server ?? '';
  }

  /** The namespace of the kubeconfig's context, or of the pod. */
  get namespace(): string | undefined {
    return this.#config.getContextObject(this.#config.getCurrentContext())?.namespace;
  }

  /** @throws ApiError with reason `Credentials`. */
  access(): Promise<Access> {
    // Requests that start together share one answer: an exec plugin can take seconds, and runs once for all.
    const now = this.#clock.monotonic();
    if (!this.#access || now - this.#access.at > ACCESS_TTL_MS) {
      const value = this.#authenticate();
      const entry = { value, at: now };
      this.#access = entry;
      value.catch(() => {
        if (this.#access === entry) this.#access = undefined;
      });
    }
    return this.#access.value;
  }

  /** Reads the credentials anew after the server refused `used`. Nothing is done when somebody did so already. */
  async renew(used: Access): Promise<void> {
    const current = await this.#access?.value.catch(() => undefined);
    if (current && current !== used) return;
    this.#access = undefined;
    try {
      // A new KubeConfig, because client-node keeps an exec plugin's token until its own end, however early the
      // server stopped to take it, and a token file for a minute.
      this.#config = this.#loadConfig();
    } catch {
      // The file may be half written just now: the next refusal tries again.
    }
  }

  async close(): Promise<void> {
    await this.#pool?.dispatcher.destroy();
  }

  async #authenticate(): Promise<Access> {
    const cluster = this.#config.getCurrentCluster();
    const url = new URL(this.server);
    const options: HttpsOptions = { headers: {} };
    try {
      await this.#config.applyToHTTPSOptions(options);
    } catch (error) {
      throw credentialsError(this.#config, error);
    }
    const headers = { ...(options.headers as Record<string, string>) };
    if (options.auth && !headers.Authorization) {
      headers.Authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    }
    return {
      origin: url.origin,
      pathPrefix: url.pathname.replace(/\/$/, ''),
      headers,
      dispatcher: this.#dispatcher(tlsOptions(options), cluster?.proxyUrl),
    };
  }

  #dispatcher(tls: TlsOptions, proxyUrl: string | undefined): Dispatcher {
    const fingerprint = createHash('sha256')
      .update(JSON.stringify([tls, proxyUrl]))
      .digest('hex');
    if (this.#pool?.fingerprint !== fingerprint) {
      // A rotated CA or client certificate. Requests under way end on the connections that they have.
      this.#pool?.dispatcher.close().catch(() => {});
      this.#pool = { fingerprint, dispatcher: createDispatcher(tls, proxyUrl) };
    }
    return this.#pool.dispatcher;
  }
}

function tlsOptions(options: HttpsOptions): TlsOptions {
  const { ca, cert, key, rejectUnauthorized, servername } = options;
  return Object.fromEntries(
    Object.entries({ ca, cert, key, rejectUnauthorized, servername }).filter(
      ([, value]) => value !== undefined,
    ),
  );
}

function createDispatcher(tls: TlsOptions, proxyUrl: string | undefined): Dispatcher {
  const pool = {
    // Each call has its own deadline; undici's would end a quiet watch.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: 30_000,
    // Over HTTP/2 everything shares one connection, and one lost packet or dead peer holds up all watches.
    allowH2: false,
  };
  const connect = { timeout: CONNECT_TIMEOUT_MS, keepAlive: true, keepAliveInitialDelay: 30_000 };
  if (!proxyUrl)
    return new Agent({ ...pool, connect: { ...connect, ...tls } as Agent.Options['connect'] & object });
  const requestTls = { ...connect, ...tls } as ProxyAgent.Options['requestTls'] & object;
  if (proxyUrl.startsWith('socks')) return new Socks5ProxyAgent(proxyUrl, { ...pool, requestTls });
  return new ProxyAgent({ ...pool, uri: proxyUrl, requestTls });
}

// What a plugin printed may hold a token, so only its name is told.
function credentialsError(config: KubeConfig, cause: unknown): ApiError {
  const plugin: unknown = config.getCurrentUser()?.exec?.command;
  const message =
    typeof plugin === 'string'
      ? `the credential plugin "${plugin}" of the kubeconfig failed; run it by hand to see why`
      : `the credentials of the kubeconfig cannot be used: ${errorMessage(cause)}`;
  return new ApiError({ statusCode: 0, reason: 'Credentials', message, cause: plugin ? undefined : cause });
}
