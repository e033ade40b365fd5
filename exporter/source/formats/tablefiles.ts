import type { TableFiles } from '../../../api/rundocument.ts';
import type { StoredFile } from '../files/store.ts';
import type { SourceEvent } from '../source.ts';
import type { Wanted } from './columns.ts';
import { NdjsonTable } from './ndjson.ts';
import type { SegmentOf } from './rows.ts';
import { readTable } from './table.ts';

/** A table in one file, or in several that are its parts. */
export interface Table {
  /** The rows of the next file. @throws Fault SourceEmpty where it has no table at all, and the format's own. */
  read(file: StoredFile, signal: AbortSignal): AsyncIterable<SourceEvent>;
  /** All its files were read. @throws Fault where only now is known what is wrong. */
  end(): void;
}

/** The table of a format. */
export async function openTable(
  { format, csv }: Pick<TableFiles, 'format' | 'csv'>,
  wanted: Wanted,
  segmentOf: SegmentOf,
): Promise<Table> {
  if (format === 'NDJSON') {
    const table = new NdjsonTable(wanted, segmentOf);
    return { read: (file, signal) => table.read(file.read(signal)), end: () => table.end() };
  }
  const end = (): void => undefined;
  if (format === 'CSV') {
    return { read: (file, signal) => eventsOf(readTable(file.read(signal), csv, wanted, segmentOf)), end };
  }
  // Only who reads Parquet loads what reads it.
  const { readParquet } = await import('./parquet/table.ts');
  return { read: (file, signal) => readParquet(file, wanted, segmentOf, signal), end };
}

async function* eventsOf(batches: ReturnType<typeof readTable>): AsyncGenerator<SourceEvent, void> {
  for await (const rows of batches) yield { kind: 'rows', rows };
}
