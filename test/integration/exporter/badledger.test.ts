import { chmod, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { exitCodes } from '../../../api/reasons.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { exportName, exportOf, type Outcome, runExporter } from './program.ts';
import { digestOf, sandboxFor, writes } from './sandbox.ts';

const people = Array.from({ length: 20 }, (_, index) => `person.${index}@example.com`);
const listOf = (all: readonly string[]): string => `email\n${all.join('\n')}\n`;

let directory: string;
let sandbox: Sandbox;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ledger-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  sandbox = await sandboxFor();
});

/** One run of the program in mode Mirror, as the pod's user would make it. */
async function run(who: readonly string[], ledger = directory): Promise<Outcome> {
  return await runExporter({
    document: exportOf(sandbox.url, { mode: 'Mirror', ledger: { volume: {}, resyncEveryHours: 720 } }),
    files: { 'people.csv': listOf(who) },
    heedsPermissions: true,
    env: { SEGMENTEXPORT_LEDGER_DIR: ledger },
  });
}

const root = (): string => join(directory, 'exports', exportName.uid);

async function newest(part: 'heads' | 'sets'): Promise<string> {
  const names = (await readdir(join(root(), part))).sort();
  return join(root(), part, names.at(-1) ?? '');
}

test.each<[string, string, number, () => Promise<void>]>([
  [
    'a head that is cut off',
    'LedgerDamaged',
    exitCodes.user,
    async () => truncate(await newest('heads'), 40),
  ],
  [
    'a head of a newer release',
    'LedgerTooNew',
    exitCodes.user,
    async () => writeFile(await newest('heads'), '{"format":"segmentexport.io/ledger","version":99}'),
  ],
  [
    'heads that are gone',
    'LedgerDamaged',
    exitCodes.user,
    () => rm(join(root(), 'heads'), { recursive: true }),
  ],
  ['a set that is gone', 'LedgerDamaged', exitCodes.user, async () => rm(await newest('sets'))],
  ['a set that is cut off', 'LedgerDamaged', exitCodes.user, async () => truncate(await newest('sets'), 64)],
  ['a directory that may not be read', 'LedgerForbidden', exitCodes.user, () => chmod(root(), 0)],
])('%s is named as %s, nothing is sent, and nothing is started over', async (_, reason, code, spoil) => {
  expect((await run(people)).report?.reason).toBe('Succeeded');
  await spoil();
  sandbox.clearRequests();
  const { report, exitCode } = await run(people.slice(1));
  await chmod(root(), 0o700);
  expect(report?.reason).toBe(reason);
  expect(exitCode).toBe(code);
  expect(writes(sandbox)).toBe(0);
  expect(sandbox.segments()).toMatchObject([{ digest: digestOf(people) }]);
});

test('a volume that is not mounted is told as unavailable, and the run is tried again', async () => {
  const { report, exitCode } = await run(people, join(directory, 'absent'));
  expect(report?.reason).toBe('LedgerUnavailable');
  expect(exitCode).toBe(exitCodes.passing);
  expect(writes(sandbox)).toBe(0);
});
