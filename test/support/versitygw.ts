import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { freePort } from '../cluster/ports.ts';
import { GaveUp } from '../cluster/wait.ts';
import { type GoTool, goTool } from './gotool.ts';
import { ServerProcess } from './serverprocess.ts';

const versitygw: GoTool = {
  name: 'versitygw',
  module: 'github.com/versity/versitygw/cmd/versitygw@v1.8.0',
  packages: 375,
  purpose: 'the object store of the tests',
};

export interface VersitygwOptions {
  /** The address on which it listens; default: 127.0.0.1. */
  host?: string;
  /** PEM texts; with them it serves https. */
  tls?: { cert: string; key: string };
  /** The bucket that it begins with; default: ledgers. */
  bucket?: string;
  log?: (line: string) => void;
}

/** An S3-compatible store. It serves a directory: each one in it is a bucket. */
export interface ObjectStore extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  endpoint: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** Keys of somebody who may read nothing. */
  stranger: { accessKeyId: string; secretAccessKey: string };
  /** The bucket that it begins with. */
  bucket: string;
  /** The bucket's objects are files in here. */
  directory: string;
  stop(): Promise<void>;
}

/** Compiles versitygw once, outside the checkout; the first time that takes a minute or two. Returns the program. */
export function versitygwProgram(log: (line: string) => void): Promise<string> {
  return goTool(versitygw, log);
}

/** Starts one over an empty directory of its own; it ends with this process at the latest. */
export async function startVersitygw(options: VersitygwOptions = {}): Promise<ObjectStore> {
  const { host = '127.0.0.1', bucket = 'ledgers', tls, log = console.log } = options;
  const program = await versitygwProgram(log);
  const root = await mkdtemp(join(tmpdir(), 'segmentexport-s3-'));
  const at = (name: string): string => join(root, name);
  await mkdir(join(at('buckets'), bucket), { recursive: true });
  const keys = { accessKeyId: 'test-access-key', secretAccessKey: 'test-secret-key' };
  const stranger = { accessKeyId: 'strange-access-key', secretAccessKey: 'strange-secret-key' };
  await mkdir(at('accounts'));
  await writeFile(join(at('accounts'), 'users.json'), accounts(stranger));
  for (const [name, text] of Object.entries(tls ?? {})) await writeFile(at(name), text);
  const flags = ['--iam-dir', at('accounts'), ...(tls ? ['--cert', at('cert'), '--key', at('key')] : [])];
  for (let attempt = 1; ; attempt++) {
    const address = `${host}:${await freePort(host)}`;
    const endpoint = `${tls ? 'https' : 'http'}://${address}`;
    const args = ['--port', address, '--keep-alive', '--quiet', ...flags, 'posix', at('buckets')];
    const gateway = new Gateway([program, ...args], endpoint, keys, tls?.cert);
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
      stranger,
      endpoint,
      region: 'us-east-1',
      bucket,
      directory: join(at('buckets'), bucket),
      stop,
      [Symbol.asyncDispose]: stop,
    };
  }
}

/** As versitygw keeps them. */
function accounts({ accessKeyId: access, secretAccessKey: secret }: ObjectStore['stranger']): string {
  return JSON.stringify({ accessAccounts: { [access]: { access, secret, role: 'user' } } });
}

class Gateway {
  readonly #process: ServerProcess;
  readonly #endpoint: string;
  readonly #ca: string | undefined;

  constructor(
    command: readonly string[],
    endpoint: string,
    keys: { accessKeyId: string; secretAccessKey: string },
    ca: string | undefined,
  ) {
    this.#endpoint = endpoint;
    this.#ca = ca;
    this.#process = new ServerProcess({
      name: 'versitygw',
      command,
      // By the environment, so that even these keys are in no command line.
      env: { ROOT_ACCESS_KEY_ID: keys.accessKeyId, ROOT_SECRET_ACCESS_KEY: keys.secretAccessKey },
    });
  }

  async ready(): Promise<void> {
    await this.#process.answering(60_000, async () => {
      // Without credentials it refuses, and so it is there.
      return (await statusOf(this.#endpoint, this.#ca)) === 403 || undefined;
    });
  }

  async end(): Promise<void> {
    await this.#process.end();
  }
}

async function statusOf(url: string, ca: string | undefined): Promise<number | undefined> {
  const agent = new Agent(ca === undefined ? {} : { connect: { ca } });
  try {
    const reply = await request(url, { dispatcher: agent });
    await reply.body.dump();
    return reply.statusCode;
  } finally {
    await agent.close();
  }
}
