import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { errorMessage } from './errors.ts';

export interface HealthCheck {
  /** One word, shown in the reply. */
  name: string;
  /** What is wrong, or undefined. A check that throws fails. */
  check: () => string | undefined;
}

export interface HealthServerOptions {
  /** `127.0.0.1`, or `::` in a pod, where the kubelet asks. */
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Failing means: restart this process. */
  live: HealthCheck[];
  /** Failing means: not yet of use. */
  ready: HealthCheck[];
  /** The text of /metrics. */
  metrics?: () => string;
}

export interface HealthServer {
  port: number;
  close(): Promise<void>;
}

/** Serves /healthz (and /livez), /readyz and /metrics. A check's name after the path asks for that one: /healthz/queue. */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const { status, text, type = 'text/plain' } = route(options, request.method ?? '', request.url ?? '');
    response.writeHead(status, {
      'content-type': `${type}; charset=utf-8`,
      'x-content-type-options': 'nosniff',
    });
    response.end(text);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        // A probe's kept connection would hold up the end of the process.
        server.closeAllConnections();
      }),
  };
}

interface Reply {
  status: number;
  text: string;
  type?: string;
}

function route(options: HealthServerOptions, method: string, url: string): Reply {
  const [path = ''] = url.split('?', 1);
  const [, endpoint, one] = path.split('/');
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, text: 'only GET\n' };
  if (endpoint === 'healthz' || endpoint === 'livez') return answer(endpoint, options.live, one);
  if (endpoint === 'readyz') return answer(endpoint, options.ready, one);
  if (endpoint === 'metrics' && options.metrics) {
    return exposition(options.metrics);
  }
  return { status: 404, text: 'try /healthz, /readyz or /metrics\n' };
}

/** A fault in making them must not end the process, whose work does not need them. */
function exposition(metrics: () => string): Reply {
  try {
    return { status: 200, text: metrics(), type: 'text/plain; version=0.0.4' };
  } catch (error) {
    return { status: 500, text: `${errorMessage(error)}\n` };
  }
}

function answer(endpoint: string, all: HealthCheck[], one: string | undefined): Reply {
  const checks = one ? all.filter(({ name }) => name === one) : all;
  if (one && checks.length === 0) return { status: 404, text: `no check "${one}"\n` };
  const results = checks.map((check) => ({ name: check.name, failure: run(check) }));
  const failed = results.some(({ failure }) => failure !== undefined);
  const lines = results.map(({ name, failure }) =>
    failure === undefined ? `[+]${name} ok` : `[-]${name} failed: ${failure}`,
  );
  const summary = `${endpoint} check ${failed ? 'failed' : 'passed'}`;
  return { status: failed ? 503 : 200, text: `${[...lines, summary].join('\n')}\n` };
}

function run({ check }: HealthCheck): string | undefined {
  try {
    return check();
  } catch (error) {
    return errorMessage(error);
  }
}
