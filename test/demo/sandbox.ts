import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { localDirectory, repositoryDirectory } from '../cluster/paths.ts';
import { endRecorded, Program } from '../cluster/processes.ts';
import { waitFor } from '../cluster/wait.ts';

const directory = join(localDirectory, 'demo');
const recordFile = join(directory, 'sandbox.process');
const logFile = join(directory, 'sandbox.log');

export interface DemoSandbox {
  url: string;
  /** Files with the credentials, because a secret belongs in no command line. */
  clientIdFile: string;
  clientSecretFile: string;
}

export interface ReceivedSegment {
  name: string;
  description: string;
  numberOfIdentifiers: number;
  digest: string;
}

/** Starts the sandbox as a program of its own, so that it can outlive the demo (`keep`). */
export async function startDemoSandbox(host: string, keep: boolean): Promise<DemoSandbox> {
  await stopDemoSandbox();
  await mkdir(directory, { recursive: true });
  const clientIdFile = join(directory, 'clientId');
  const clientSecretFile = join(directory, 'clientSecret');
  await writeFile(clientIdFile, 'sandbox-client', { mode: 0o600 });
  await writeFile(clientSecretFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
  const program = new Program({
    command: process.execPath,
    args: [
      join(repositoryDirectory, 'test/sandbox/main.ts'),
      ...['--host', host, '--client-secret-file', clientSecretFile],
    ],
    logFile,
    recordFile,
    livesWith: keep ? 'itself' : 'parent',
  });
  const url = await waitFor("the sandbox's address", 20_000, async () => {
    program.assertRunning();
    return /http:\/\/[0-9.]+:[0-9]+/.exec(await readFile(logFile, 'utf8'))?.[0];
  });
  return { url, clientIdFile, clientSecretFile };
}

/** Ends the sandbox of this demo, or of an earlier one that was kept. */
export async function stopDemoSandbox(): Promise<boolean> {
  const ended = await endRecorded(recordFile);
  await rm(directory, { recursive: true, force: true });
  return ended;
}

export async function receivedSegments(sandbox: DemoSandbox): Promise<ReceivedSegment[]> {
  const response = await fetch(`${sandbox.url}/sandbox/segments`);
  const body = (await response.json()) as { segments: ReceivedSegment[] } | ReceivedSegment[];
  return Array.isArray(body) ? body : body.segments;
}
