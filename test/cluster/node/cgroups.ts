import { access, mkdir, readdir, realpath, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitFor } from '../wait.ts';

const mountPoint = '/sys/fs/cgroup';

/** Makes the control group below which the kubelet puts every pod, in each hierarchy. */
export async function createCgroup(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) await mkdir(join(hierarchy, name), { recursive: true });
  if (await exists(join(mountPoint, 'cgroup.controllers'))) {
    await writeFile(join(mountPoint, 'cgroup.subtree_control'), '+cpu +cpuset +memory +pids');
  }
}

/** Removes it and all below it; every process in it must have ended. Returns whether there was one. */
export async function removeCgroup(name: string): Promise<boolean> {
  let found = false;
  for (const hierarchy of await hierarchies()) {
    const directory = join(hierarchy, name);
    if (!(await exists(directory))) continue;
    found = true;
    // The kernel lets go of a group some time after the last process in it.
    await waitFor(`The removal of ${directory}`, 60_000, async () => {
      await removeTree(directory);
      return true;
    });
  }
  return found;
}

/** The directories of all mounted hierarchies: one with cgroup v2, one for each controller with v1. */
async function hierarchies(): Promise<string[]> {
  if (await exists(join(mountPoint, 'cgroup.controllers'))) return [mountPoint];
  const names = await readdir(mountPoint);
  // v1 has links beside directories of several controllers, such as cpu to cpu,cpuacct.
  const directories = new Set(await Promise.all(names.map((name) => realpath(join(mountPoint, name)))));
  const checked = await Promise.all(
    [...directories].map(async (d) => ((await exists(join(d, 'cgroup.procs'))) ? [d] : [])),
  );
  return checked.flat();
}

async function removeTree(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeTree(join(directory, entry.name));
  }
  await rmdir(directory);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
