import { rm } from 'node:fs/promises';
import { endRecorded } from '../processes.ts';
import { run, succeeds } from '../run.ts';
import { removeCgroup } from './cgroups.ts';
import { destroyNamespaces } from './namespaces.ts';
import { machineNames } from './settings.ts';
import { nodePrograms, recordFile, stateDirectory } from './state.ts';

/**
 * Removes everything that startNode made, complete or not, running or crashed; needs root where there
 * is anything. Returns a line for each thing that was there.
 */
export async function removeNode(): Promise<string[]> {
  if (process.platform !== 'linux') return [];
  const names = machineNames(stateDirectory);
  const removed: string[] = [];
  if (await destroyNamespaces()) removed.push('the node: its processes, containers, mounts and network');
  // They are nsenter, which waited for the programs that have just ended.
  for (const name of nodePrograms) await endRecorded(recordFile(name));
  // The kernel takes the link back with the namespace, but not before the next start may need its name.
  if (await succeeds('ip', ['link', 'show', names.link])) {
    await run('ip', ['link', 'delete', names.link]).catch(() => undefined);
    removed.push(`the network link ${names.link}`);
  }
  if (await removeCgroup(names.cgroup)) removed.push(`the control group ${names.cgroup}`);
  await rm(stateDirectory, { recursive: true, force: true });
  return removed;
}
