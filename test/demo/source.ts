import { mkdir, readFile, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { localDirectory, repositoryDirectory } from '../cluster/paths.ts';
import { endRecorded, Program } from '../cluster/processes.ts';
import { waitFor } from '../cluster/wait.ts';
import { azuriteProgram } from '../support/azurite.ts';
import { postgresqlPrograms } from '../support/postgresql.ts';
import { versitygwProgram } from '../support/versitygw.ts';
import type { Served } from './sources/served.ts';

const directory = join(localDirectory, 'demo-source');
const recordFile = join(directory, 'server.process');
const logFile = join(directory, 'server.log');
const servedFile = join(directory, 'served.json');

/** The kinds of source that the demo can read the list from. */
export const sourceKinds = ['file', 's3', 'postgresql', 'azureBlob', 'customerInsights'] as const;
export type SourceKind = (typeof sourceKinds)[number];

export function isSourceKind(text: string): text is SourceKind {
  return (sourceKinds as readonly string[]).includes(text);
}

/** Starts a server with the example's list in it, on an address that pods reach. */
export async function startSource(
  kind: Exclude<SourceKind, 'file'>,
  host: string,
  keep: boolean,
  log: (line: string) => void,
): Promise<Served> {
  await stopSource();
  await mkdir(directory, { recursive: true });
  // Here, where their progress is seen.
  if (kind === 's3') await versitygwProgram(log);
  if (kind === 'azureBlob') await azuriteProgram(log);
  if (kind === 'postgresql') await postgresqlPrograms(log);
  const program = new Program({
    command: process.execPath,
    args: [join(repositoryDirectory, 'test/demo/sources/main.ts'), kind, host, servedFile],
    logFile,
    recordFile,
    livesWith: keep ? 'itself' : 'parent',
    environment: { XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache') },
  });
  const text = await waitFor('the server of the source', 60_000, async () => {
    program.assertRunning();
    return await readFile(servedFile, 'utf8').catch(() => undefined);
  });
  return JSON.parse(text) as Served;
}

/** Ends the server of this demo, or of an earlier one that was kept. */
export async function stopSource(): Promise<boolean> {
  const ended = await endRecorded(recordFile);
  await rm(directory, { recursive: true, force: true });
  return ended;
}
