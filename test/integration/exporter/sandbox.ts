import { createHash, hash } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../sandbox/sandbox.ts';

/** A sandbox that ends with the test. */
export async function sandboxFor(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await startSandbox(options);
  onTestFinished(() => sandbox.close());
  return sandbox;
}

/** What the sandbox's digest of a segment must be that holds these people: computed from the rows alone. */
export function digestOf(addresses: readonly string[]): string {
  const digests = new Set(addresses.map((address) => hash('sha256', address.trim().toLowerCase())));
  const sum = createHash('sha256');
  for (const digest of [...digests].sort()) sum.update(`${digest}\n`);
  return sum.digest('hex');
}

/** Calls that would have changed something at Criteo. */
export function writes(sandbox: Sandbox): number {
  return sandbox
    .requests()
    .filter(({ method, path }) => method === 'PATCH' || path.endsWith('/create') || path.endsWith('/delete'))
    .length;
}
