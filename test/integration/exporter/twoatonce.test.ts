import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { exitCodes } from '../../../api/reasons.ts';
import type { ExportRun } from '../../../api/rundocument.ts';
import { Life } from '../../drill/crashing.ts';
import type { RequestEntry, Sandbox } from '../../sandbox/sandbox.ts';
import { exportOf, type Input, type Program, segmentOf, startExporter } from './program.ts';
import { digestOf, sandboxFor } from './sandbox.ts';

const people = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `person.${from + index}@example.com`);
const listOf = (all: readonly string[]): string => `email\n${all.join('\n')}\n`;
/** Four batches: the lease is looked at between them. */
const many = people(0, 150_001);

const advertisers = [{ id: '12345', name: 'Shop' }];
let directory: string;
let ledger: string;
let sandbox: Sandbox;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ledger-'));
  ledger = join(directory, 'ledger');
  await mkdir(ledger);
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const clients = ['first', 'second'].map((clientId) => ({ clientId, clientSecret: 'made-up', advertisers }));
  sandbox = await sandboxFor({ callsPerMinute: 0, clients });
});

/** A run whose calls Criteo can tell from another's by its client. */
async function start(
  clientId: 'first' | 'second',
  who: readonly string[],
  {
    leaseMs = 3000,
    change = {},
    ...input
  }: { leaseMs?: number; change?: Partial<ExportRun> } & Partial<Input> = {},
): Promise<Program> {
  const mirror = { mode: 'Mirror', ledger: { volume: {}, resyncEveryHours: 720 } } as const;
  const program = await startExporter({
    document: exportOf(sandbox.url, { ...mirror, ...change }),
    files: { 'people.csv': listOf(who) },
    credentials: { clientId, clientSecret: 'made-up' },
    env: {
      SEGMENTEXPORT_LEDGER_DIR: ledger,
      SEGMENTEXPORT_LEASE_MS: String(leaseMs),
      SEGMENTEXPORT_CALL_TIMEOUT_MS: '1400',
    },
    ...input,
  });
  onTestFinished(() => program.kill('SIGKILL'));
  return program;
}

const isWrite = ({ method, path }: RequestEntry): boolean =>
  method === 'PATCH' || method === 'DELETE' || path.endsWith('/create') || path.endsWith('/delete');
const writesOf = (clientId?: string): RequestEntry[] =>
  sandbox
    .requests()
    .filter((each) => isWrite(each) && (clientId === undefined || each.clientId === clientId));
const added = (): number =>
  writesOf().reduce((sum, { counts }) => sum + (counts?.operation === 'add' ? counts.identifiers : 0), 0);

/** Waits until the first identifiers of a run are on their way. */
async function firstAdd(clientId: string): Promise<void> {
  while (!writesOf(clientId).some(({ counts }) => counts?.operation === 'add')) await sleep(5);
}

/** Whose calls that change something these were, without repetition: two, where one sent all of its own before the other. */
function turns(): string[] {
  const clients = writesOf().map(({ clientId = '' }) => clientId);
  return clients.filter((client, index) => client !== clients[index - 1]);
}

test.each([0, 40, 150, 400])(
  'two runs at once, one %i ms after the other: never both send',
  async (laterMs) => {
    sandbox.addFault({ kind: 'delay', milliseconds: 60, path: '/contact-list$', times: 'always' });
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const change: Partial<ExportRun> = {
      source: { file: { path: '.', format: 'CSV', csv: { delimiter: 'Comma' } } },
      segments: names.map((name) => segmentOf(name)),
    };
    const files = (to: number) =>
      Object.fromEntries(names.map((name) => [`${name}.csv`, listOf(people(0, to))]));
    for (const [to, sent] of [
      [10, 60],
      [12, 72],
    ] as const) {
      const first = await start('first', [], { change, files: files(to) });
      await sleep(laterMs);
      const second = await start('second', [], { change, files: files(to) });
      const outcomes = await Promise.all([first.outcome, second.outcome]);
      const reasons = outcomes.map(({ report }) => report?.reason);
      expect(['Succeeded', 'LedgerBusy']).toEqual(expect.arrayContaining(reasons));
      expect(reasons).toContain('Succeeded');
      expect(turns()).toHaveLength(1);
      // The second found that nothing was left to do.
      expect(added()).toBe(sent - (to === 12 ? 60 : 0));
      const found = sandbox.segments().map(({ name, digest }) => [name, digest]);
      expect(found).toEqual(names.map((name) => [name, digestOf(people(0, to))]));
      sandbox.clearRequests();
    }
    expect(sandbox.violations()).toEqual([]);
  },
);

test('what another run made after the ledger was read is not taken for a stranger\u2019s', async () => {
  const { url } = await sandboxFor({ callsPerMinute: 0 });
  const mirror = { mode: 'Mirror', ledger: { volume: {}, resyncEveryHours: 720 } } as const;
  const work = { document: exportOf(url, mirror), files: { 'people.csv': listOf(people(0, 10)) } };
  const first = new Life(join(directory, 'first'));
  const second = new Life(join(directory, 'second'), first.home);
  const reports: unknown[] = [];
  const report = await second.run(work, async ({ url: called }) => {
    if (called.includes('/search') && reports.length === 0) reports.push((await first.run(work)).reason);
  });
  expect([...reports, report.reason]).toEqual(['Succeeded', 'Succeeded']);
});

test('a run that slept through its lease sends nothing when it wakes', async () => {
  sandbox.addFault({ kind: 'delay', milliseconds: 400, path: '/contact-list$', times: 'always' });
  const sleeper = await start('first', many, { leaseMs: 2000 });
  await firstAdd('first');
  sleeper.kill('SIGSTOP');
  const other = await start('second', many, { leaseMs: 2000 });
  expect((await other.outcome).report?.reason).toBe('Succeeded');
  sleeper.kill('SIGCONT');
  const { report, exitCode } = await sleeper.outcome;
  expect([report?.reason, exitCode]).toEqual(['LedgerLeaseLost', exitCodes.passing]);
  expect(turns()).toEqual(['first', 'second']);
  expect(sandbox.segments()).toMatchObject([{ digest: digestOf(many) }]);
  sandbox.clearRequests();
  const next = await start('first', many);
  expect((await next.outcome).report?.reason).toBe('Succeeded');
  expect(writesOf()).toEqual([]);
});

const away = (): string => join(directory, 'away');

test.each<[string, () => Promise<void>, () => Promise<void>]>([
  ['that is gone', () => rename(ledger, away()), () => rename(away(), ledger)],
  [
    'in whose place is an empty one',
    async () => {
      await rename(ledger, away());
      await mkdir(ledger);
    },
    async () => {
      await rm(ledger, { recursive: true });
      await rename(away(), ledger);
    },
  ],
  ['that may not be read any more', () => chmod(ledger, 0), () => chmod(ledger, 0o700)],
])('cut off from a ledger %s, a run stops before its lease ends', async (_, cut, mend) => {
  const leaseMs = 3000;
  sandbox.addFault({ kind: 'delay', milliseconds: 900, operation: 'add', times: 'always' });
  const program = await start('first', many, { leaseMs, heedsPermissions: true });
  await firstAdd('first');
  await cut();
  const cutAt = Date.now();
  const { report, exitCode } = await program.outcome;
  expect(report?.reason).toMatch(/^Ledger(Unavailable|LeaseLost|Forbidden)$/);
  expect(exitCode).not.toBe(exitCodes.success);
  const last = Math.max(...writesOf().map(({ time }) => Date.parse(time)));
  // Whoever waits for the lease may send from its end on; the last call was over by then.
  expect(last - cutAt).toBeLessThan(leaseMs - 900);
  expect(added()).toBeLessThan(many.length);

  sandbox.clearFaults();
  await mend();
  const next = await start('second', many, { leaseMs });
  expect((await next.outcome).report?.reason).toBe('Succeeded');
  expect(sandbox.segments()).toMatchObject([{ digest: digestOf(many) }]);
});

test('the lock of a killed run is waited for, as long as its lease lasts and not longer', async () => {
  const leaseMs = 10_000;
  sandbox.addFault({ kind: 'delay', milliseconds: 900, operation: 'add' });
  const killed = await start('first', people(0, 100), { leaseMs });
  await firstAdd('first');
  killed.kill('SIGKILL');
  const killedAt = Date.now();
  await killed.outcome;
  const next = await start('second', people(1, 101), { leaseMs });
  expect((await next.outcome).report?.reason).toBe('Succeeded');
  const began = Date.parse(writesOf('second')[0]?.time ?? '');
  expect(began - killedAt).toBeGreaterThan(leaseMs);
  // Beside the lease: a tenth of it between two looks, and the start of the program on a machine that does much else.
  expect(began - killedAt).toBeLessThan(leaseMs * 2);
  expect(sandbox.segments()).toMatchObject([{ digest: digestOf(people(1, 101)) }]);
});
