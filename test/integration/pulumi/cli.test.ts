import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { repositoryDirectory } from '../../cluster/paths.ts';

/** npm run test:pulumi where Pulumi, or a part of it, is missing. */
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'test-pulumi-cli-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

function testPulumi(path: string): Promise<{ code: number | null; printed: string }> {
  const child = spawn(process.execPath, [join(repositoryDirectory, 'test/pulumi/main.ts')], {
    env: { ...process.env, PATH: path },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  const keep = (chunk: Buffer): void => {
    printed += chunk.toString();
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, printed }));
  });
}

test('without the CLI it exits with 2, and says what is missing and where it was looked for', async () => {
  const { code, printed } = await testPulumi(directory);
  expect(code).toBe(2);
  expect(printed).toContain("pulumi (Pulumi's CLI): not in any directory of PATH");
  expect(printed).toContain('pulumi-resource-kubernetes');
});

test('with the CLI and without the plugin of Kubernetes it says that', async () => {
  const file = join(directory, 'pulumi');
  await writeFile(file, '#!/bin/sh\nexit 1\n');
  await chmod(file, 0o755);
  const { code, printed } = await testPulumi(directory);
  expect(code).toBe(2);
  expect(printed).toContain('pulumi-resource-kubernetes');
  expect(printed).not.toContain("Pulumi's CLI):");
});
