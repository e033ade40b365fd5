import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { repositoryDirectory } from '../../cluster/paths.ts';

/** The list of the example, as it lies in the repository. */
export const listFile = join(repositoryDirectory, 'examples/data/people.csv.gz');

/** A row of the list, by column. */
export type Row = Record<'customer_id' | 'email' | 'segment', string>;

export async function readList(): Promise<Row[]> {
  const text = gunzipSync(await readFile(listFile)).toString('utf8');
  return parse(text, { bom: true, columns: true }) as Row[];
}
