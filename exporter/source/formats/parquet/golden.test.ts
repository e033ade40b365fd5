import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { never } from '../../../testkit.ts';
import { storedFile } from '../../files/memorystore.ts';
import expected from './golden/expected.json' with { type: 'json' };
import { readParquet } from './table.ts';

/**
 * One table, as the libraries that write most of the world's Parquet files wrote it: Arrow (pages of
 * version 1 and 2, with and without dictionaries and checksums, times of 96 bits), DuckDB, Polars and fastparquet.
 */
const directory = join(import.meta.dirname, 'golden');
const files = readdirSync(directory).filter((name) => name.endsWith('.parquet'));

async function columnsOf(bytes: Buffer, fields: readonly string[]): Promise<Record<string, string[]>> {
  const columns: Record<string, string[]> = Object.fromEntries(fields.map((name) => [name, []]));
  for await (const event of readParquet(storedFile({ bytes }), { fields }, () => 0, never)) {
    for (const { candidates } of event.kind === 'rows' ? event.rows : []) {
      for (const [index, name] of fields.entries()) columns[name]?.push(candidates[index] ?? '');
    }
  }
  return columns;
}

test.each(files)('%s', async (name) => {
  const { id, email, tier, ok, spent, since } = expected;
  // What fastparquet was given had no decimals and no times.
  const columns = name.startsWith('fastparquet')
    ? { id, email, tier, ok }
    : { id, email, tier, ok, spent, since };
  const bytes = readFileSync(join(directory, name));
  expect(await columnsOf(bytes, Object.keys(columns))).toEqual(columns);
});

test('a page whose bytes are not those of its checksum is damaged', async () => {
  const bytes = readFileSync(join(directory, 'arrow-plain-checksums.parquet'));
  const at = bytes.indexOf('person.7@');
  bytes.write('person.8@', at);
  await expect(columnsOf(bytes, ['email'])).rejects.toMatchObject({ reason: 'SourceDamaged' });
  await expect(columnsOf(bytes, ['tier'])).resolves.toEqual({ tier: expected.tier });
});
