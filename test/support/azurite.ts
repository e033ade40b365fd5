import { randomBytes } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ContainerClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { cachedProgram } from '../cluster/binary.ts';
import { duration } from '../cluster/build-progress.ts';
import { repositoryDirectory } from '../cluster/paths.ts';
import { run } from '../cluster/run.ts';
import { NodeChild } from './childprocess.ts';

/** Packages of its own folder, with a lock file of their own: the project needs none of them. */
const folder = join(repositoryDirectory, 'test/support/azurite');
const listening = /successfully listens on \S+:(\d+)\n/;
const files = ['package.json', 'package-lock.json', '.npmrc'];

export interface AzuriteOptions {
  /** The address on which it listens; default: 127.0.0.1. */
  host?: string;
  /** PEM texts; with them it serves https, and takes tokens of Microsoft Entra, whoever has signed them. */
  tls?: { cert: string; key: string };
  log?: (line: string) => void;
}

/** Azure's blob storage, its blobs in memory. */
export interface BlobStore extends AsyncDisposable {
  /** URL of the account: `http://127.0.0.1:PORT/ACCOUNT`. */
  endpoint: string;
  accountKey: string;
  /** The container that it begins with. */
  container: string;
  put(name: string, content: string | Buffer, metadata?: Record<string, string>): Promise<void>;
  remove(name: string): Promise<void>;
  /** A SAS token for the container; `permissions` as Azure writes them, `rl` to read and list. */
  sasToken(permissions?: string, expiresInSeconds?: number): string;
  stop(): Promise<void>;
}

/** Installs Azurite once, outside the checkout; the first time that takes a minute. Returns its program. */
export async function azuriteProgram(log: (line: string) => void): Promise<string> {
  const contents = await Promise.all(files.map((name) => readFile(join(folder, name))));
  const directory = await cachedProgram('azurite', contents, async (target) => {
    for (const name of files) await copyFile(join(folder, name), join(target, name));
    log('Installing Azurite (once; about a minute)');
    const start = performance.now();
    await run('npm', ['ci', '--ignore-scripts', '--no-update-notifier'], { cwd: target });
    log(`Installed in ${duration((performance.now() - start) / 1000)}`);
  });
  return join(directory, 'node_modules/azurite/dist/src/blob/main.js');
}

/** Starts an empty one; it ends with this process at the latest. */
export async function startAzurite(options: AzuriteOptions = {}): Promise<BlobStore> {
  const { host = '127.0.0.1', tls, log = console.log } = options;
  const program = await azuriteProgram(log);
  const directory = await mkdtemp(join(tmpdir(), 'segmentexport-azurite-'));
  const secure: string[] = [];
  for (const [name, text] of Object.entries(tls ?? {})) {
    await writeFile(join(directory, name), text);
    secure.push(`--${name}`, join(directory, name));
  }
  if (tls) secure.push('--oauth', 'basic');
  const account = 'segmentstore';
  const accountKey = randomBytes(64).toString('base64');
  const child = new NodeChild(
    program,
    [
      ...['--blobHost', host, '--blobPort', '0', '--inMemoryPersistence', '--disableTelemetry'],
      // It knows the versions of the API up to its own release; the client's may be newer.
      ...['--skipApiVersionCheck', '--silent', ...secure],
    ],
    // By the environment, so that even this key is in no command line.
    { AZURITE_ACCOUNTS: `${account}:${accountKey}`, HOME: directory },
  );
  const stop = async (): Promise<void> => {
    child.signal('SIGKILL');
    await child.ended;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await child.said(listening);
    const port = listening.exec(child.output)?.[1];
    const endpoint = `${tls ? 'https' : 'http'}://${host}:${port}/${account}`;
    const credential = new StorageSharedKeyCredential(account, accountKey);
    const container = 'segments';
    const trust = tls ? { tlsOptions: { ca: tls.cert } } : {};
    const client = new ContainerClient(`${endpoint}/${container}`, credential, trust as object);
    await client.create();
    return {
      endpoint,
      accountKey,
      container,
      put: async (name, content, metadata = {}) => {
        await client.getBlockBlobClient(name).uploadData(Buffer.from(content), { metadata });
      },
      remove: async (name) => {
        await client.deleteBlob(name);
      },
      sasToken: (permissions = 'rl', expiresInSeconds = 3600) =>
        generateBlobSASQueryParameters(
          {
            containerName: container,
            permissions: ContainerSASPermissions.parse(permissions),
            expiresOn: new Date(Date.now() + expiresInSeconds * 1000),
          },
          credential,
        ).toString(),
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
