import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { kubernetesPrograms } from './binary.ts';
import { localDirectory } from './paths.ts';
import { run } from './run.ts';

/**
 * Runs kubectl against the cluster of a kubeconfig and returns what it printed.
 * Throws an Error with its message when it fails. `input` goes to its standard input, for `apply -f -`.
 */
export async function kubectl(kubeconfigPath: string, args: readonly string[], input = ''): Promise<string> {
  return run(await kubectlPath(), ['--kubeconfig', kubeconfigPath, ...args], { input });
}

let path: Promise<string> | undefined;

/** The path of kubectl: the one compiled with the test cluster. */
export function kubectlPath(): Promise<string> {
  path ??= kubernetesPrograms(() => undefined).then((directory) => join(directory, 'kubectl'));
  return path;
}

/** Puts kubectl where a person finds it: `.local/bin/kubectl`. Returns that path. */
export async function linkKubectl(): Promise<string> {
  const link = join(localDirectory, 'bin', 'kubectl');
  await mkdir(join(localDirectory, 'bin'), { recursive: true });
  await rm(link, { force: true });
  await symlink(await kubectlPath(), link);
  return link;
}
