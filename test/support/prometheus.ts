import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { stringify } from 'yaml';
import { aptGet } from '../cluster/apt.ts';
import { cachedProgram } from '../cluster/binary.ts';
import { withLock } from '../cluster/lock.ts';
import { cacheDirectory } from '../cluster/paths.ts';
import { freePort } from '../cluster/ports.ts';
import { run, succeeds } from '../cluster/run.ts';
import { GaveUp } from '../cluster/wait.ts';
import { ServerProcess } from './serverprocess.ts';

export interface PrometheusPrograms {
  prometheus: string;
  promtool: string;
}

/** One series of an answer, with its value at that moment. */
export interface Sample {
  labels: Record<string, string>;
  value: number;
}

/** A running server, on the loopback interface alone. */
export interface Prometheus extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  url: string;
  /**
   * An instant query, as of `at` (milliseconds since the epoch) or of now.
   * @throws Error with Prometheus' word on what is wrong with it.
   */
  query(expression: string, at?: number): Promise<Sample[]>;
  /** The field `data` of an answer of its HTTP API; `path` follows /api/v1/. */
  get(path: string, parameters?: Record<string, string>): Promise<unknown>;
  stop(): Promise<void>;
}

/**
 * Both programs: those on PATH, or those of Debian's package, which is unpacked outside the checkout and not
 * installed, so that no service of it runs.
 * @throws Error that tells what to install where there are neither.
 */
export async function prometheusPrograms(log: (line: string) => void): Promise<PrometheusPrograms> {
  const found = await Promise.all(
    ['prometheus', 'promtool'].map((program) => succeeds(program, ['--version'])),
  );
  if (found.every(Boolean)) return { prometheus: 'prometheus', promtool: 'promtool' };
  const directory = await cachedProgram('prometheus', [await release()], (target) => unpack(target, log));
  return {
    prometheus: join(directory, 'usr/bin/prometheus'),
    promtool: join(directory, 'usr/bin/promtool'),
  };
}

/** Of another release the package may need another C library. */
function release(): Promise<string> {
  return readFile('/etc/os-release', 'utf8').catch(() => '');
}

async function unpack(target: string, log: (line: string) => void): Promise<void> {
  if (!/^ID(_LIKE)?=.*(debian|ubuntu)/m.test(await release())) {
    throw new Error(
      'Prometheus is missing: put prometheus and promtool (2.42 or newer) on PATH. On Debian and Ubuntu they are fetched.',
    );
  }
  log('Fetching the Debian package prometheus (once; about 20 MB), without installing it');
  const place = await mkdtemp(join(tmpdir(), 'segmentexport-prometheus-'));
  try {
    // Other programs of the tests are installed by it, and apt-get waits for nobody.
    await withLock(join(cacheDirectory(), 'apt.lock'), async () => {
      // The lists are root's; others fetch by those that are there.
      if (process.getuid?.() === 0) await aptGet(['update']);
      await aptGet(['download', 'prometheus'], { cwd: place });
    });
    const fetched = (await readdir(place)).find((name) => name.endsWith('.deb'));
    if (!fetched) throw new Error('apt-get download prometheus left no package.');
    await run('dpkg', ['-x', join(place, fetched), target]);
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

/**
 * Starts one with an empty store; it ends with this process at the latest.
 * @param config as prometheus.yml has it.
 */
export async function startPrometheus(
  config: object,
  log: (line: string) => void = console.log,
): Promise<Prometheus> {
  const { prometheus } = await prometheusPrograms(log);
  const root = await mkdtemp(join(tmpdir(), 'segmentexport-prometheus-'));
  try {
    const configFile = join(root, 'prometheus.yml');
    await writeFile(configFile, stringify(config));
    for (let attempt = 1; ; attempt++) {
      const address = `127.0.0.1:${await freePort('127.0.0.1')}`;
      const flags = [
        `--config.file=${configFile}`,
        `--storage.tsdb.path=${join(root, 'data')}`,
        `--web.listen-address=${address}`,
      ];
      const server = new Server([prometheus, ...flags], `http://${address}`, root);
      try {
        await server.ready();
      } catch (error) {
        await server.end();
        // Somebody else may have taken the port since we looked.
        if (attempt < 5 && error instanceof GaveUp) continue;
        throw error;
      }
      const stop = async (): Promise<void> => {
        await server.end();
        await rm(root, { recursive: true, force: true });
      };
      return {
        url: server.url,
        query: (expression, at) => server.query(expression, at),
        get: (path, parameters) => server.get(path, parameters),
        stop,
        [Symbol.asyncDispose]: stop,
      };
    }
  } catch (error) {
    await rm(root, { recursive: true, force: true });
    throw error;
  }
}

class Server {
  readonly url: string;
  readonly #process: ServerProcess;

  constructor(command: readonly string[], url: string, cwd: string) {
    this.url = url;
    this.#process = new ServerProcess({ name: 'Prometheus', command, cwd });
  }

  async ready(): Promise<void> {
    await this.#process.answering(30_000, async () => {
      const { statusCode, body } = await request(`${this.url}/-/ready`);
      await body.dump();
      return statusCode === 200 || undefined;
    });
  }

  async query(expression: string, at = Date.now()): Promise<Sample[]> {
    const parameters = { query: expression, time: String(at / 1000) };
    const { resultType, result } = (await this.get('query', parameters)) as Answer;
    if (resultType === 'scalar') return [{ labels: {}, value: Number(result[1]) }];
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  async get(path: string, parameters: Record<string, string> = {}): Promise<unknown> {
    const { body } = await request(`${this.url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const answer = (await body.json()) as { status: string; error?: string; data?: unknown };
    if (answer.status !== 'success') throw new Error(`Prometheus, ${path}: ${answer.error}`);
    return answer.data;
  }

  async end(): Promise<void> {
    await this.#process.end();
  }
}

type Answer =
  | { resultType: 'scalar'; result: [number, string] }
  | { resultType: 'vector'; result: { metric: Record<string, string>; value: [number, string] }[] };
