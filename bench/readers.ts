import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Figures, format, measure, medians } from './measure.ts';
import { makePeople } from './people.ts';

const names = ['ours', 'csv-parse', 'udsv', 'papaparse', 'fast-csv', 'csv-parser'];

/** Measures what CSV readers take for the same list; one that is not installed is left out. */
export async function benchReaders({
  rows,
  repetitions,
}: {
  rows: number;
  repetitions: number;
}): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'segmentexport-bench-'));
  try {
    const { path } = await makePeople(rows, false);
    for (const name of names) {
      const all: Figures[] = [];
      let result = '';
      for (let repetition = 0; repetition < repetitions; repetition++) {
        const program = join(import.meta.dirname, 'reader.ts');
        const measured = await measure(program, [name, path], {}, directory).catch(() => undefined);
        if (measured === undefined) break;
        all.push(measured.figures);
        result = measured.output;
      }
      const figures = all.length === 0 ? 'is not installed' : `${format(medians(all))}; ${result}`;
      console.log(`${name.padEnd(10)} ${figures}`);
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
