import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { buildBundle } from '../scripts/build.ts';
import { benchDocument } from './document.ts';
import { type Figures, format, imageEnvironment, measure, medians, ratioOf } from './measure.ts';
import { makePeople, type People } from './people.ts';
import { BenchSandbox, credentials } from './sandbox.ts';

/** The aims. bench/README.md says why these. */
const aims = { first: 3, unchanged: 1.2, changed: 1.4, rssMiB: 240 };

export interface UploadOptions {
  /** People in the list; the aims are for a million. */
  rows: number;
  repetitions: number;
}

/** What was measured, once a repetition. */
interface Series {
  floor: Figures[];
  reading: Figures[];
  first: Figures[];
  unchanged: Figures[];
  changed: Figures[];
}

/** Measures exports to the sandbox beside the least they can take. Returns whether all aims are met. */
export async function benchUpload({ rows, repetitions }: UploadOptions): Promise<boolean> {
  const directory = await mkdtemp(join(tmpdir(), 'segmentexport-bench-'));
  let sandbox: BenchSandbox | undefined;
  try {
    console.log(`making the lists of ${rows} people (kept for the next time)`);
    const people = await makePeople(rows, false);
    const changed = await makePeople(rows, true);
    console.log('building the exporter');
    const bundle = await buildBundle({
      outputDirectory: join(directory, 'bundle'),
      entryPoints: { exporter: 'exporter/main.ts', reading: 'bench/reading.ts' },
    });
    sandbox = await BenchSandbox.start(directory);
    const bench = new Bench(directory, bundle, sandbox);
    await bench.prepare();
    const series: Series = { floor: [], reading: [], first: [], unchanged: [], changed: [] };
    for (let repetition = 1; repetition <= repetitions; repetition++) {
      console.log(`repetition ${repetition} of ${repetitions}`);
      await bench.repeat(people, changed, series);
    }
    return judge(series);
  } finally {
    await sandbox?.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

class Bench {
  readonly #directory: string;
  readonly #bundle: string;
  readonly #sandbox: BenchSandbox;

  constructor(directory: string, bundle: string, sandbox: BenchSandbox) {
    this.#directory = directory;
    this.#bundle = bundle;
    this.#sandbox = sandbox;
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }

  async prepare(): Promise<void> {
    await mkdir(this.#path('credentials'));
    for (const [key, value] of Object.entries(credentials)) {
      await writeFile(join(this.#path('credentials'), key), value, { mode: 0o600 });
    }
  }

  /** One of each. The order is part of what is measured: the ledger and the sandbox remember. */
  async repeat(people: People, changed: People, series: Series): Promise<void> {
    const note = (name: keyof Series, figures: Figures): void => {
      series[name].push(figures);
      console.log(`  ${name.padEnd(9)} ${format(figures)}`);
    };
    await this.#sandbox.reset();
    note('floor', await this.#floor(people.count));
    note('reading', await this.#reading(people));

    await this.#sandbox.reset();
    await rm(this.#path('ledger'), { recursive: true, force: true });
    await mkdir(this.#path('ledger'));
    const replaced = Math.floor((people.count + 49) / 100);
    note('first', await this.#export(people, people.count));
    note('unchanged', await this.#export(people, 0));
    note('changed', await this.#export(changed, 2 * replaced));
  }

  async #floor(count: number): Promise<Figures> {
    const { token, segmentId } = await this.#sandbox.prepareFloor();
    const args = [this.#sandbox.url, segmentId, String(count)];
    const program = join(import.meta.dirname, 'floor.ts');
    const { output } = await measure(program, args, { BENCH_TOKEN: token }, this.#directory);
    return JSON.parse(output) as Figures;
  }

  async #reading(people: People): Promise<Figures> {
    const args = [await this.#writeDocument(people), dirname(people.path)];
    const { figures, output } = await measure(
      join(this.#bundle, 'reading.mjs'),
      args,
      imageEnvironment,
      this.#directory,
    );
    const { digestBytes } = JSON.parse(output) as { digestBytes: number };
    if (digestBytes !== people.count * 32) throw new Error(`reading found ${digestBytes} bytes of digests`);
    return figures;
  }

  /** An export of the people, after which Criteo has them all, and has been sent so many identifiers. */
  async #export(people: People, sent: number): Promise<Figures> {
    const { figures } = await measure(
      join(this.#bundle, 'exporter.mjs'),
      [],
      {
        ...imageEnvironment,
        SEGMENTEXPORT_RUN_DOCUMENT: await this.#writeDocument(people),
        SEGMENTEXPORT_CREDENTIALS_DIR: this.#path('credentials'),
        SEGMENTEXPORT_SOURCE_DIR: dirname(people.path),
        SEGMENTEXPORT_LEDGER_DIR: this.#path('ledger'),
        SEGMENTEXPORT_CA_BUNDLE: this.#path('no-ca'),
        SEGMENTEXPORT_TERMINATION_MESSAGE: this.#path('report'),
        SEGMENTEXPORT_RUN_ID: 'bench',
      },
      this.#directory,
    );
    const { numberOfIdentifiers, digest } = await this.#sandbox.segment();
    const wasSent = await this.#sandbox.takeSent();
    if (numberOfIdentifiers !== people.count || digest !== people.digest) {
      throw new Error(`the sandbox has ${numberOfIdentifiers} identifiers, or others than it should`);
    }
    if (wasSent !== sent) throw new Error(`${wasSent} identifiers were sent, not ${sent}`);
    return figures;
  }

  async #writeDocument(people: People): Promise<string> {
    const path = this.#path('run.json');
    const document = benchDocument({
      api: { baseUrl: this.#sandbox.url, version: '2026-07' },
      mode: 'Mirror',
      ledger: { volume: {}, resyncEveryHours: 720 },
      source: { file: { path: basename(people.path), format: 'CSV', csv: { delimiter: 'Comma' } } },
    });
    await writeFile(path, JSON.stringify(document));
    return path;
  }
}

function judge(series: Series): boolean {
  const median = Object.fromEntries(
    Object.entries(series).map(([name, all]: [string, Figures[]]) => [name, medians(all)]),
  ) as Record<keyof Series, Figures>;
  console.log('medians');
  for (const [name, figures] of Object.entries(median)) console.log(`  ${name.padEnd(9)} ${format(figures)}`);
  const exports = [...series.first, ...series.unchanged, ...series.changed];
  const results = {
    first: ratioOf(median.first, median.floor),
    unchanged: ratioOf(median.unchanged, median.reading),
    changed: ratioOf(median.changed, median.reading),
    rssMiB: Math.max(...exports.map(({ rssMiB }) => rssMiB)),
  };
  const missed = (Object.keys(aims) as (keyof typeof aims)[]).filter((name) => results[name] > aims[name]);
  for (const name of missed) {
    console.log(`${name} misses its aim: ${results[name].toFixed(2)}, at most ${aims[name]}`);
  }
  const ratio = (name: 'first' | 'unchanged' | 'changed'): string => `${name}=${results[name].toFixed(2)}`;
  console.log(`${ratio('first')} ${ratio('unchanged')} ${ratio('changed')} rss=${results.rssMiB.toFixed(0)}`);
  return missed.length === 0;
}
