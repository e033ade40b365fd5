import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** What the files of one run of the tests share is in it; it is removed at the end. */
    runDirectory: string;
  }
}

/** A global setup of Vitest: makes the directory, and returns what removes it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'segmentexport-run-'));
  project.provide('runDirectory', directory);
  return () => rm(directory, { recursive: true, force: true });
}
