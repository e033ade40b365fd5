import { type RunOptions, run } from './run.ts';

// A mirror that is away for a moment, and another program that installs at the same time, are waited for.
const patience = ['-o', 'Acquire::Retries=5', '-o', 'DPkg::Lock::Timeout=300'];

/** Runs apt-get, which asks no questions; throws as `run` does. */
export async function aptGet(args: readonly string[], options: RunOptions = {}): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', ...options.env };
  await run('apt-get', [...patience, '-q', ...args], { ...options, env });
}
