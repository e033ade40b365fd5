import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildBundle } from '../scripts/build.ts';
import { benchDocument } from './document.ts';
import { type Figures, format, imageEnvironment, measure, medians } from './measure.ts';
import { makePeople } from './people.ts';
import { type Place, placeNames, preparePlace } from './places.ts';

/** The aims. bench/README.md says why these. */
const aims = { ratio: 3, rssMiB: 256 };
/** Those that hang on nothing but our own code and the disk. */
const hasRatioAim: readonly string[] = ['csv', 'parquet'];

export interface SourcesOptions {
  rows: number;
  repetitions: number;
  /** Names of places; all where there is none. */
  only: readonly string[];
}

interface Timed {
  wallMs: number;
  cpuMs: number;
}

/** What reading.ts prints: of the read alone, without the program's start. */
interface Read extends Timed {
  digestBytes: number;
}

/** Reads the same people from each kind of source beside the least that it can take. Returns whether all aims are met. */
export async function benchSources({ rows, repetitions, only }: SourcesOptions): Promise<boolean> {
  const unknown = only.filter((name) => !placeNames.includes(name));
  if (unknown.length > 0) throw new Error(`--only: ${unknown.join(', ')}: one of ${placeNames.join(', ')}`);
  const directory = await mkdtemp(join(tmpdir(), 'segmentexport-bench-'));
  try {
    console.log(`making the list of ${rows} people (kept for the next time)`);
    const people = await makePeople(rows, false);
    console.log('building the exporter');
    const bundle = await buildBundle({
      outputDirectory: join(directory, 'bundle'),
      entryPoints: { reading: 'bench/reading.ts' },
    });
    const floors = await floorOf(people.path, rows, directory);
    const faults: string[] = [];
    for (const name of placeNames.filter((each) => only.length === 0 || only.includes(each))) {
      await using place = await preparePlace(name, people, directory);
      const reads: (Read & { rssMiB: number })[] = [];
      for (let repetition = 0; repetition < repetitions; repetition++) {
        reads.push(await read(place, rows, join(bundle, 'reading.mjs'), directory));
      }
      faults.push(...tell(name, rows, reads, floors));
    }
    for (const fault of faults) console.log(fault);
    return faults.length === 0;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function floorOf(path: string, rows: number, directory: string): Promise<Timed> {
  const program = join(import.meta.dirname, 'sourcefloor.ts');
  const { output } = await measure(program, [path, String(rows)], {}, directory);
  const { hashing, reading } = JSON.parse(output) as { hashing: Timed; reading: Timed };
  console.log(`${'hashing'.padEnd(17)} ${seconds(hashing.wallMs)}, ${seconds(hashing.cpuMs)} of a core`);
  console.log(
    `${'reading the bytes'.padEnd(17)} ${seconds(reading.wallMs)}, ${seconds(reading.cpuMs)} of a core`,
  );
  return { wallMs: hashing.wallMs + reading.wallMs, cpuMs: hashing.cpuMs + reading.cpuMs };
}

async function read(
  place: Place,
  rows: number,
  program: string,
  directory: string,
): Promise<Read & { rssMiB: number }> {
  const documentFile = join(directory, 'run.json');
  const match = { email: { field: place.field, fallbackFields: [] } };
  const document = benchDocument({ source: place.source, match });
  await writeFile(documentFile, JSON.stringify(document));
  const env = {
    ...imageEnvironment,
    BENCH_SOURCE_CREDENTIALS: place.credentialsDirectory ?? '',
    BENCH_SOURCE_CA: place.caDirectory ?? '',
  };
  const { figures, output } = await measure(
    program,
    [documentFile, place.directory ?? directory],
    env,
    directory,
  );
  const result = JSON.parse(output) as Read;
  const people = Math.min(rows, 1_000_000);
  if (result.digestBytes !== people * 32)
    throw new Error(`reading found ${result.digestBytes} bytes of digests`);
  return { ...result, rssMiB: figures.rssMiB };
}

/** Prints a line, and returns the aims that were missed. */
function tell(
  name: string,
  rows: number,
  reads: readonly (Read & { rssMiB: number })[],
  floor: Timed,
): string[] {
  const median: Figures = medians(reads);
  const ratio = Math.max(median.wallMs / floor.wallMs, median.cpuMs / floor.cpuMs);
  const speed = Math.round(rows / (median.wallMs / 1000)).toLocaleString('en');
  const most = Math.max(...reads.map(({ rssMiB }) => rssMiB));
  console.log(
    `${name.padEnd(17)} ${format({ ...median, rssMiB: most })}; ${speed} rows/s; ${ratio.toFixed(2)} times the floor`,
  );
  const faults: string[] = [];
  if (hasRatioAim.includes(name) && ratio > aims.ratio) {
    faults.push(`${name} misses its aim: ${ratio.toFixed(2)} times the floor, at most ${aims.ratio}`);
  }
  if (most > aims.rssMiB)
    faults.push(`${name} misses its aim: ${most.toFixed(0)} MiB, at most ${aims.rssMiB}`);
  return faults;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}
