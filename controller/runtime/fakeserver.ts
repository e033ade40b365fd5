import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';

/** A request that a fake API server got, and the means to answer it badly. */
export class Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, body: string, response: ServerResponse) {
    const url = new URL(request.url ?? '/', 'http://server');
    this.method = request.method ?? '';
    this.path = url.pathname;
    this.query = url.searchParams;
    this.headers = request.headers;
    this.body = body;
    this.#response = response;
  }

  /** The connection, or this reply, has ended. */
  get closed(): boolean {
    return this.#response.closed;
  }

  get isWatch(): boolean {
    return this.query.get('watch') === 'true';
  }

  /** Answers at once and in full. */
  reply(status: number, body: unknown, headers: Record<string, string> = {}): void {
    this.#response.writeHead(status, { 'content-type': 'application/json', ...headers });
    this.#response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }

  /** Answers with a Kubernetes Status. */
  fail(code: number, reason: string, headers: Record<string, string> = {}): void {
    this.reply(code, { kind: 'Status', code, reason, message: `scripted ${reason}` }, headers);
  }

  /** Accepts a watch. */
  open(): void {
    this.#response.writeHead(200, { 'content-type': 'application/json' });
    this.#response.flushHeaders();
  }

  /** Sends text as it is. */
  write(text: string): void {
    this.#response.write(text);
  }

  /** Sends one event of a watch. */
  event(type: string, object: unknown): void {
    this.write(`${JSON.stringify({ type, object })}\n`);
  }

  end(): void {
    this.#response.end();
  }

  /** Breaks the connection. */
  reset(): void {
    this.#response.destroy();
  }
}

export interface FakeServer {
  url: string;
  /** Everything that was asked, in order. */
  exchanges: Exchange[];
  /** How many connections were made to it. */
  connections(): number;
  config(): KubeConfig;
  close(): Promise<void>;
}

/** For tests: an HTTP server on loopback that answers as `script` says. */
export async function startFakeServer(script: (exchange: Exchange) => void): Promise<FakeServer> {
  const exchanges: Exchange[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const exchange = new Exchange(request, Buffer.concat(chunks).toString('utf8'), response);
    exchanges.push(exchange);
    script(exchange);
  });
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    exchanges,
    connections: () => connections,
    config: () => configFor(url),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A kubeconfig for a server without TLS. */
export function configFor(server: string, user: { token?: string } = {}): KubeConfig {
  const config = new KubeConfig();
  config.loadFromClusterAndUser({ name: 'fake', server, skipTLSVerify: true }, { name: 'tester', ...user });
  return config;
}
