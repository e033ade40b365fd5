import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request as forward } from 'node:https';
import type { AddressInfo } from 'node:net';
import { StringDecoder } from 'node:string_decoder';

/** An API server, and the client certificate with which the proxy speaks for callers without credentials. */
export interface Upstream {
  readonly server: string;
  /** PEM, as the two others. */
  readonly certificateAuthority: string;
  readonly clientCertificate: string;
  readonly clientKey: string;
}

/**
 * - `gone-status`: watches are answered with 410.
 * - `gone-event`: watches get an ERROR event with code 410.
 * - `unavailable`: watches are answered with 503.
 * - `too-many-requests`: watches are answered with 429 and `Retry-After: 1`.
 * - `reset-mid-line`: watches are reset in the middle of an event.
 * - `half-json`: watches end, in good order, in the middle of an event.
 * - `silence`: watches stay open and say nothing; what was held comes when the fault ends.
 * - `black-hole`: watches stay open and say nothing, and those of that time never will.
 * - `duplicates`: each event comes twice, and then the one before it once more.
 * - `refused`: every connection is reset, whatever it asks.
 */
export type Fault =
  | 'gone-status'
  | 'gone-event'
  | 'unavailable'
  | 'too-many-requests'
  | 'reset-mid-line'
  | 'half-json'
  | 'silence'
  | 'black-hole'
  | 'duplicates'
  | 'refused';

export const FAULTS: readonly Fault[] = [
  'gone-status',
  'gone-event',
  'unavailable',
  'too-many-requests',
  'reset-mid-line',
  'half-json',
  'silence',
  'black-hole',
  'duplicates',
  'refused',
];

/** A request that the API server has answered. */
export interface Call {
  method: string;
  /** With its query. */
  path: string;
  status: number;
}

export interface FaultProxyOptions {
  /**
   * Called when the API server has answered, before the caller hears of it: the place to end a process after its n-th
   * write. Not called for watches.
   */
  onReply?: (call: Call) => void | Promise<void>;
}

export interface FaultProxy extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  server: string;
  /** A kubeconfig that leads through the proxy; with a token of its own, or as the upstream's client. */
  kubeconfig(token?: string): string;
  /** Plays `fault` on all watches, open and new, until the returned function is called. */
  play(fault: Fault): () => void;
  /** How many watches the fault of now, or the last one, has met. */
  met(): number;
  /** Watches that are open now. */
  watches(): number;
  close(): Promise<void>;
}

/** Starts a proxy on loopback that stands before a real API server and can spoil its watches. */
export async function startFaultProxy(
  upstream: Upstream,
  options: FaultProxyOptions = {},
): Promise<FaultProxy> {
  const proxy = new SpoilingProxy(upstream, options);
  await proxy.listen();
  return proxy;
}

class SpoilingProxy implements FaultProxy {
  readonly #upstream: Upstream;
  readonly #options: FaultProxyOptions;
  /** With the client certificate, and without: a caller that brings a token shall be known by that alone. */
  readonly #agents: { own: Agent; callers: Agent };
  readonly #http = createServer((request, response) => this.#handle(request, response));
  readonly #watches = new Set<Watch>();
  #fault: Fault | undefined;
  #met = 0;

  constructor(upstream: Upstream, options: FaultProxyOptions) {
    this.#upstream = upstream;
    this.#options = options;
    const trust = { keepAlive: true, ca: upstream.certificateAuthority };
    const own = new Agent({ ...trust, cert: upstream.clientCertificate, key: upstream.clientKey });
    this.#agents = { own, callers: new Agent(trust) };
  }

  get server(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve));
  }

  kubeconfig(token?: string): string {
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'proxy',
      contexts: [{ name: 'proxy', context: { cluster: 'proxy', user: 'proxy' } }],
      clusters: [{ name: 'proxy', cluster: { server: this.server, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'proxy', user: token ? { token } : {} }],
    });
  }

  play(fault: Fault): () => void {
    this.#fault = fault;
    this.#met = this.#watches.size;
    for (const watch of this.#watches) watch.begin(fault);
    return () => {
      if (this.#fault === fault) this.#fault = undefined;
      for (const watch of this.#watches) watch.end();
    };
  }

  met(): number {
    return this.#met;
  }

  watches(): number {
    return this.#watches.size;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#http.close(() => resolve());
      this.#http.closeAllConnections();
    });
    for (const agent of [this.#agents.own, this.#agents.callers]) agent.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const isWatch = /[?&]watch=(true|1)/.test(request.url ?? '');
    if (isWatch && this.#fault) this.#met += 1;
    if (this.#fault === 'refused') request.destroy();
    else if (isWatch && this.#fault && refuse(this.#fault, response)) return;
    else this.#forward(request, response, isWatch);
  }

  #forward(request: IncomingMessage, response: ServerResponse, isWatch: boolean): void {
    const target = new URL(request.url ?? '/', this.#upstream.server);
    const agent = request.headers.authorization ? this.#agents.callers : this.#agents.own;
    const { host: _, connection: __, ...headers } = request.headers;
    const outgoing = forward(target, { method: request.method, headers, agent }, (reply) => {
      if (isWatch && reply.statusCode === 200) this.#relayWatch(reply, response);
      else void this.#relay(request, reply, response);
    });
    // An API server that is away looks the same through the proxy as without it.
    outgoing.on('error', () => response.destroy());
    response.on('close', () => outgoing.destroy());
    request.pipe(outgoing);
  }

  async #relay(request: IncomingMessage, reply: IncomingMessage, response: ServerResponse): Promise<void> {
    const status = reply.statusCode ?? 502;
    await this.#options.onReply?.({ method: request.method ?? '', path: request.url ?? '', status });
    response.writeHead(status, reply.headers);
    reply.pipe(response);
    reply.on('error', () => response.destroy());
  }

  #relayWatch(reply: IncomingMessage, response: ServerResponse): void {
    const watch = new Watch(response);
    this.#watches.add(watch);
    response.on('close', () => this.#watches.delete(watch));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (this.#fault) watch.begin(this.#fault);
    const decoder = new StringDecoder('utf8');
    let rest = '';
    reply.on('data', (chunk: Buffer) => {
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) watch.pass(line);
    });
    reply.on('end', () => watch.pass(undefined));
    reply.on('error', () => response.destroy());
  }
}

/** One watch, from the API server to the caller, line by line. */
class Watch {
  readonly #response: ServerResponse;
  #fault: Fault | undefined;
  #held: (string | undefined)[] = [];
  #last = '{"type":"MODIFIED","object":{"kind":"Unknown","metadata":{"name":"a"}}}';
  #lost = false;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  begin(fault: Fault): void {
    this.#fault = fault;
    if (fault === 'gone-event') {
      this.#response.end(`${JSON.stringify({ type: 'ERROR', object: status(410, 'Expired') })}\n`);
    } else if (fault === 'half-json') this.#response.end(half(this.#last));
    else if (fault === 'reset-mid-line')
      this.#response.write(half(this.#last), () => this.#response.destroy());
    else if (fault === 'black-hole') this.#lost = true;
    else if (fault === 'refused') this.#response.destroy();
    else if (REFUSALS.has(fault)) this.#response.end();
  }

  end(): void {
    this.#fault = undefined;
    for (const line of this.#held.splice(0)) this.pass(line);
  }

  /** One event; undefined is the end. */
  pass(line: string | undefined): void {
    if (this.#lost) return;
    if (this.#fault === 'silence') {
      this.#held.push(line);
      return;
    }
    if (line === undefined) {
      this.#response.end();
      return;
    }
    this.#response.write(`${line}\n`);
    if (this.#fault === 'duplicates') this.#response.write(`${line}\n${this.#last}\n`);
    this.#last = line;
  }
}

const REFUSALS = new Map<Fault, { code: number; reason: string; headers?: Record<string, string> }>([
  ['gone-status', { code: 410, reason: 'Expired' }],
  ['unavailable', { code: 503, reason: 'ServiceUnavailable' }],
  ['too-many-requests', { code: 429, reason: 'TooManyRequests', headers: { 'retry-after': '1' } }],
]);

/** True when the fault is an answer of its own. */
function refuse(fault: Fault, response: ServerResponse): boolean {
  const refusal = REFUSALS.get(fault);
  if (!refusal) return false;
  const { code, reason, headers } = refusal;
  response.writeHead(code, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(status(code, reason)));
  return true;
}

function status(code: number, reason: string): object {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    code,
    reason,
    message: `${reason}, as the test wanted it`,
  };
}

function half(line: string): string {
  return line.slice(0, Math.ceil(line.length / 2));
}
