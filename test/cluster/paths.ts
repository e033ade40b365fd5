import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout's top directory, without a trailing slash. */
export const repositoryDirectory = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** What belongs to this checkout and may be thrown away: kubeconfig, state, logs. Never under version control. */
export const localDirectory = join(repositoryDirectory, '.local');

/** The kubeconfig of the cluster that `npm run cluster -- up` made. */
export const kubeconfigPath = join(localDirectory, 'kubeconfig');

/**
 * Where compiled programs and images are kept, outside the checkout: a fresh clone
 * on the same machine must not compile Kubernetes again.
 */
export function cacheDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const base = environment.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(base, 'criteo-segment-export');
}
