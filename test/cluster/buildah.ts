import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory } from './paths.ts';
import { run } from './run.ts';

/**
 * Runs buildah with a store of its own in the cache. In a mount namespace of its own too, where that
 * store lies in the usual place: nothing is left on the machine, no mount of a build that was ended half-way either.
 */
export async function buildah(args: readonly string[]): Promise<string> {
  const store = join(cacheDirectory(), 'buildah');
  await mkdir(store, { recursive: true });
  // The default is in /etc.
  const configuration = join(store, 'containers.conf');
  await writeFile(configuration, '[network]\nnetwork_config_dir = "/var/lib/networks"\n');
  const script = 'mount --bind "$0" /var/lib && exec buildah --runroot "$0/run" "$@"';
  const env = { ...process.env, CONTAINERS_CONF: configuration };
  return run('unshare', ['--mount', '--', 'sh', '-c', script, store, ...args], { env });
}
