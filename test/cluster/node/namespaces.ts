import { readFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isAlive, type ProcessIdentity, parseRecord, readRecord, recordOf } from '../process-identity.ts';
import { endProcess, Program } from '../processes.ts';
import { GaveUp, waitFor } from '../wait.ts';
import { logDirectory, nodeDirectory, recordFile } from './state.ts';

const mountsScript = fileURLToPath(new URL('mounts.sh', import.meta.url));

/**
 * Makes the node's namespaces (mounts, network, processes, IPC, host name) and returns the process id,
 * as this machine sees it, of the first process in them. When that one ends, the kernel ends all
 * others and takes back every mount and every network interface: nothing has to be undone by hand.
 */
export async function createNamespaces(programsDirectory: string, initDirectory: string): Promise<number> {
  const unshare = new Program({
    command: 'unshare',
    args: [
      ...['--mount', '--net', '--pid', '--ipc', '--uts', '--fork', '--kill-child', '--mount-proc', '--'],
      ...['sh', mountsScript, nodeDirectory, programsDirectory, initDirectory],
    ],
    logFile: join(logDirectory, 'namespaces.log'),
    recordFile: recordFile('namespaces'),
    livesWith: 'itself',
  });
  const init = await waitFor('The first process of the node', 60_000, () => {
    unshare.assertRunning();
    const identity = readRecord(recordFile('namespaces'));
    return identity && childOf(identity.pid);
  });
  await writeFile(recordFile('node-init'), recordOf(init) ?? '');
  await waitFor('The mounts of the node', 60_000, async () => {
    unshare.assertRunning();
    return readFile(join(nodeDirectory, 'mounted')).catch(() => undefined);
  });
  return init;
}

/** Ends everything in the node's namespaces, started by whom it may be. Returns whether there was anything. */
export async function destroyNamespaces(): Promise<boolean> {
  const found = [
    readRecord(recordFile('namespaces')),
    readRecord(recordFile('node-init')),
    ...(await findByCommand()),
  ];
  const alive = found.filter((identity) => identity !== undefined).filter(isAlive);
  for (const identity of alive) await endProcess(identity, 0);
  return alive.length > 0;
}

/** The prefix of a command line that runs a program inside the node. */
export function enterNode(init: number): string[] {
  return ['nsenter', '--target', String(init), '--mount', '--net', '--pid', '--ipc', '--uts', '--wd=/', '--'];
}

/** The process id of the node's first process; throws when the node is down. */
export function nodeInit(): number {
  const identity = readRecord(recordFile('node-init'));
  if (!identity || !isAlive(identity))
    throw new GaveUp('The cluster is down; `npm run cluster -- up` starts it');
  return identity.pid;
}

// Whoever deletes .local while a node runs deletes the records too. Its command line names the directory.
async function findByCommand(): Promise<ProcessIdentity[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  return pids.flatMap((pid) => {
    const args = readQuietly(`/proc/${pid}/cmdline`).split('\0');
    if (!args.includes('--kill-child') || !args.includes(nodeDirectory)) return [];
    const identity = parseRecord(recordOf(pid) ?? '');
    return identity ? [identity] : [];
  });
}

function childOf(pid: number): number | undefined {
  const first = readQuietly(`/proc/${pid}/task/${pid}/children`).split(' ')[0];
  return first ? Number(first) : undefined;
}

function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
