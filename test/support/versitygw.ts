import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { programKey } from '../cluster/binary.ts';
import { duration, ProgressReporter } from '../cluster/build-progress.ts';
import { withLock } from '../cluster/lock.ts';
import { cacheDirectory } from '../cluster/paths.ts';
import { GaveUp, waitFor } from '../cluster/wait.ts';

const module = 'github.com/versity/versitygw/cmd/versitygw@v1.8.0';
const flags = ['-trimpath', '-ldflags', '-s -w'];
/** Packages that it is compiled from, its dependencies and Go's own included; for the progress alone. */
const packages = 375;

/** An S3-compatible store on loopback. It serves a directory: each one in it is a bucket. */
export interface ObjectStore extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  endpoint: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** The bucket that it begins with. */
  bucket: string;
  /** The bucket's objects are files in here. */
  directory: string;
  stop(): Promise<void>;
}

/** Compiles versitygw once, outside the checkout; the first time that takes a minute or two. Returns the program. */
export async function versitygwProgram(log: (line: string) => void): Promise<string> {
  const parent = join(cacheDirectory(), 'versitygw');
  const directory = join(parent, programKey([module, ...flags]));
  const program = join(directory, 'versitygw');
  if (await exists(program)) return program;
  // Test files run at once; compiling twice on the same cores takes twice as long.
  return withLock(join(parent, 'lock'), async () => {
    if (await exists(program)) return program;
    const unfinished = `${directory}.new`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true });
    log(`Compiling ${module} (once; a minute or two on two cores)`);
    const start = performance.now();
    await install(unfinished);
    log(`Compiled in ${duration((performance.now() - start) / 1000)}`);
    await rename(unfinished, directory);
    return program;
  });
}

/** Starts one over an empty directory of its own; it ends with this process at the latest. */
export async function startVersitygw(log: (line: string) => void = console.log): Promise<ObjectStore> {
  const program = await versitygwProgram(log);
  const root = await mkdtemp(join(tmpdir(), 'segmentexport-s3-'));
  const bucket = 'ledgers';
  await mkdir(join(root, bucket));
  const keys = { accessKeyId: 'test-access-key', secretAccessKey: 'test-secret-key' };
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const gateway = new Gateway(program, root, port, keys);
    try {
      await gateway.ready();
    } catch (error) {
      await gateway.end();
      // Somebody else may have taken the port since we looked.
      if (attempt < 5 && error instanceof GaveUp) continue;
      await rm(root, { recursive: true, force: true });
      throw error;
    }
    const stop = async (): Promise<void> => {
      await gateway.end();
      await rm(root, { recursive: true, force: true });
    };
    return {
      ...keys,
      endpoint: `http://127.0.0.1:${port}`,
      region: 'us-east-1',
      bucket,
      directory: join(root, bucket),
      stop,
      [Symbol.asyncDispose]: stop,
    };
  }
}

class Gateway {
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  readonly #url: string;
  #output = '';

  constructor(
    program: string,
    root: string,
    port: number,
    keys: { accessKeyId: string; secretAccessKey: string },
  ) {
    this.#url = `http://127.0.0.1:${port}/`;
    // The kernel ends it with the process that runs the tests, however that ends.
    const args = [
      '--pdeathsig',
      'KILL',
      '--',
      program,
      '--port',
      `127.0.0.1:${port}`,
      '--keep-alive',
      '--quiet',
    ];
    this.#child = spawn('setpriv', [...args, 'posix', root], {
      // Nothing of the machine's own. By the environment, so that even these keys are in no command line.
      env: {
        PATH: process.env.PATH ?? '',
        ROOT_ACCESS_KEY_ID: keys.accessKeyId,
        ROOT_SECRET_ACCESS_KEY: keys.secretAccessKey,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-4000);
      });
    }
    this.#exit = once(this.#child, 'exit');
  }

  async ready(): Promise<void> {
    await waitFor('versitygw answering', 20_000, async () => {
      const { exitCode, signalCode } = this.#child;
      if (exitCode !== null || signalCode !== null) throw new GaveUp(`versitygw ended:\n${this.#output}`);
      // Without credentials it refuses, and so it is there.
      return (await fetch(this.#url)).status === 403 || undefined;
    });
  }

  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exit;
  }
}

async function install(directory: string): Promise<void> {
  const child = spawn('go', ['install', '-v', ...flags, module], {
    env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '', GOBIN: directory },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>;
  exit.catch(() => undefined);
  const progress = new ProgressReporter(packages);
  const lastLines: string[] = [];
  try {
    for await (const line of createInterface({ input: child.stderr })) {
      // Modules being downloaded are told here too; they are no packages.
      if (!line.startsWith('go: ')) progress.add(1);
      lastLines.push(line);
      if (lastLines.length > 20) lastLines.shift();
    }
    const [code, signal] = await exit.catch(() => {
      throw new Error(
        'versitygw, the object store of the tests, is compiled from source and needs Go 1.21 or newer ' +
          '(https://go.dev/dl), which fetches the exact version by itself.',
      );
    });
    if (code !== 0) {
      throw new Error(`go install ${module} ended (${signal ?? code}):\n${lastLines.join('\n')}`);
    }
  } finally {
    progress.end();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
