import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { nameOf, type Place, storeGround } from '../integration/ledger/homes.ts';
import { buildExporter } from './exporterprocess.ts';
import { Lane, type Tally } from './lane.ts';

export interface DrillOptions {
  seed: number;
  rounds: number;
  minutes: number;
  /** Exports that are drilled side by side: most of a run's time is waiting. */
  lanes: number;
  ledger: 'volume' | 's3';
  /** Ledgers and logs are kept here. */
  directory: string;
  progress?: NodeJS.WriteStream;
}

export interface DrillResult {
  tally: Tally;
  failures: string[];
}

export async function drill(options: DrillOptions): Promise<DrillResult> {
  const ledgers = join(options.directory, 'ledgers');
  await mkdir(ledgers, { recursive: true });
  if (options.ledger === 'volume') return await drillWith(options, (uid) => volumePlace(ledgers, uid));
  await using ground = await storeGround();
  const result = await drillWith(options, (uid) => ground.place(uid));
  if (result.failures.length > 0) await cp(ground.directory, ledgers, { recursive: true });
  return result;
}

function volumePlace(ledgerDirectory: string, uid: string): Place {
  const ledger = { volume: {}, resyncEveryHours: 720 };
  return { ledger, export: nameOf(uid), ledgerDirectory, credentialsDirectory: '/does-not-exist' };
}

async function drillWith(options: DrillOptions, place: (uid: string) => Place): Promise<DrillResult> {
  const { seed, rounds, minutes, lanes, directory } = options;
  const program = await buildExporter(join(directory, 'program'));
  const tally: Tally = { rounds: 0, killed: 0, faults: 0, quiet: 0, stuck: 0 };
  const end = performance.now() + minutes * 60_000;
  const failures: string[] = [];
  // One that failed ends the others too: each round after it would only delay the news.
  const goesOn = (): boolean => failures.length === 0 && tally.rounds < rounds && performance.now() < end;
  const endProgress = options.progress && startProgress(options.progress, tally, rounds);
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      const laneDirectory = join(directory, `lane-${lane}`);
      const laneSeed = seed * 64 + lane;
      await Lane.run({ lane, seed: laneSeed, place, program, directory: laneDirectory, tally, goesOn }).catch(
        (error: unknown) => {
          failures.push(error instanceof Error ? error.message : 'an unknown failure');
        },
      );
    }),
  );
  endProgress?.();
  return { tally, failures };
}

/** A bar that moves on a terminal, else a line now and then. Returns what ends it. */
function startProgress(stream: NodeJS.WriteStream, tally: Tally, of: number): () => void {
  const width = 24;
  const show = (): void => {
    const { rounds, killed, faults, quiet } = tally;
    const text = `${rounds} of ${of} rounds, ${killed} killed, ${faults} faults played, ${quiet} quiet points equal`;
    if (!stream.isTTY) return void stream.write(`${text}\n`);
    const filled = Math.round(Math.min(1, rounds / of) * width);
    const bar = `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ${text}`;
    stream.write(`\r\x1b[K${bar.slice(0, stream.columns - 1)}`);
  };
  const timer = setInterval(show, stream.isTTY ? 500 : 15_000);
  return () => {
    clearInterval(timer);
    if (stream.isTTY) stream.write('\r\x1b[K');
  };
}
