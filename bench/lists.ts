import { once } from 'node:events';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer';
import type { People } from './people.ts';

export type ListForm = 'csv' | 'csv.gz' | 'ndjson' | 'parquet';

/** The same list in another form, made once and kept beside it. @returns its path. */
export async function listAs({ path }: People, form: ListForm): Promise<string> {
  if (form === 'csv') return path;
  const target = path.replace(/csv$/, form);
  if (existsSync(target)) return target;
  const part = `${target}.part`;
  if (form === 'csv.gz') await pipeline(createReadStream(path), createGzip(), createWriteStream(part));
  else if (form === 'ndjson') await writeNdjson(path, part);
  else await writeParquet(path, part);
  await rename(part, target);
  return target;
}

/** Rows of the list in pieces of ten thousand; none of its cells holds a line break. */
async function* rowsOf(path: string): AsyncGenerator<string[][], void> {
  let lines: string[] = [];
  for await (const line of createInterface({ input: createReadStream(path) })) {
    if (lines.push(line) === 10_000) {
      yield parse(lines.join('\n')) as string[][];
      lines = [];
    }
  }
  if (lines.length > 0) yield parse(lines.join('\n')) as string[][];
}

async function writeNdjson(path: string, target: string): Promise<void> {
  const file = createWriteStream(target);
  let header: string[] | undefined;
  for await (const rows of rowsOf(path)) {
    header ??= rows.shift() ?? [];
    const names = header;
    const text = rows.map((row) =>
      JSON.stringify(Object.fromEntries(names.map((name, index) => [name, row[index]]))),
    );
    if (!file.write(`${text.join('\n')}\n`)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'close');
}

/** Row groups of a hundred thousand rows, compressed with Snappy: what Spark and DuckDB write unless told otherwise. */
async function writeParquet(path: string, target: string): Promise<void> {
  const bytes = new ByteWriter();
  let writer: ParquetWriter | undefined;
  let header: string[] = [];
  let group: string[][] = [];
  const write = (): void => {
    if (group.length === 0) return;
    writer?.write({
      columnData: header.map((name, index) => ({ name, data: group.map((row) => row[index] ?? '') })),
      rowGroupSize: group.length,
    });
    group = [];
  };
  for await (const rows of rowsOf(path)) {
    if (!writer) {
      header = rows.shift() ?? [];
      const schema: SchemaElement[] = [
        { name: 'root', num_children: header.length },
        ...header.map(
          (name): SchemaElement => ({
            name,
            type: 'BYTE_ARRAY',
            converted_type: 'UTF8',
            repetition_type: 'REQUIRED',
          }),
        ),
      ];
      writer = new ParquetWriter({ writer: bytes, schema });
    }
    group.push(...rows);
    if (group.length >= 100_000) write();
  }
  write();
  writer?.finish();
  const file = createWriteStream(target);
  file.end(bytes.getBytes());
  await once(file, 'close');
}
