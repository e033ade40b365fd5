import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { drill } from '../../drill/drill.ts';

/** The short form of `npm run drill`. Where it fails, the logs of its rounds are kept, and the message says where. */
test('however often a run is killed, and whatever Criteo does: in the end it has what the sources say', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'segmentexport-drill-'));
  const { tally, failures } = await drill({
    seed: 2026,
    rounds: 24,
    minutes: 10,
    lanes: 2,
    ledger: 'volume',
    directory,
  });
  expect(failures, `kept in ${directory}`).toEqual([]);
  expect(tally.rounds).toBeGreaterThanOrEqual(24);
  expect(tally.killed).toBeGreaterThan(5);
  expect(tally.faults).toBeGreaterThan(3);
  expect(tally.quiet).toBeGreaterThanOrEqual(2);
  await rm(directory, { recursive: true, force: true });
}, 900_000);
