import { access, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { inject } from 'vitest';
import { buildBundle } from '../../scripts/build.ts';
import { withLock } from '../cluster/lock.ts';

export interface Programs {
  /** Of `controller.mjs` and `exporter.mjs`, as the image has them. */
  directory: string;
  /** Environment that makes Node start them faster. */
  environment: Record<string, string>;
}

/** Built by the first test file that asks, and shared by all others of the run: it takes seconds of both cores. */
export async function builtPrograms(): Promise<Programs> {
  const at = (name: string): string => join(inject('runDirectory'), name);
  const directory = at('programs');
  await withLock(at('programs.lock'), async () => {
    if (await exists(directory)) return;
    // Whoever is ended in the middle of it leaves nothing that looks complete.
    await rename(await buildBundle({ outputDirectory: at('programs.new') }), directory);
  });
  return { directory, environment: { NODE_COMPILE_CACHE: at('compile-cache') } };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
