import type { FileMetaData, RowGroup, SchemaTree } from 'hyparquet';
import { parquetSchema } from 'hyparquet/src/metadata.js';
import { Fault } from '../../../fault.ts';
import type { StoredFile } from '../../files/store.ts';
import type { Row, SourceEvent } from '../../source.ts';
import { arrange, type ColumnFaults, findColumns, type Wanted, wantedColumns } from '../columns.ts';
import { maxBatch, rowMaker, type SegmentOf } from '../rows.ts';
import { ColumnRows } from './column.ts';
import { orDamaged, sound } from './damage.ts';
import { readMetadata } from './metadata.ts';
import type { PageColumn } from './page.ts';
import { type TextOf, textOfColumn } from './text.ts';

/** A column that is wanted, as the file has it. */
type FileColumn = Omit<PageColumn, 'codec'> & { name: string };

/**
 * The rows of one Parquet file: of the columns that are wanted and no others, page by page, so
 * that row groups may be as large as they like.
 * @throws Fault SourceEmpty, SourceNotParquet, SourceDamaged; FieldNotFound, SegmentFieldNotFound,
 * ConsentFieldNotFound, FieldAmbiguous; FieldNotText where a column is nested, or no text.
 */
export async function* readParquet(
  file: StoredFile,
  wanted: Wanted,
  segmentOf: SegmentOf,
  signal: AbortSignal,
): AsyncGenerator<SourceEvent, void> {
  const metadata = await readMetadata(file, signal);
  const columns = orDamaged(() => findFileColumns(metadata, wanted));
  let read = 0;
  for (const group of metadata.row_groups) {
    const open = orDamaged(() => openColumns(file, group, columns));
    const rows = Number(group.num_rows);
    yield* readGroup(open, rows, { wanted, segmentOf, signal });
    read += rows;
  }
  sound(read === Number(metadata.num_rows));
}

function findFileColumns(metadata: FileMetaData, wanted: Wanted): FileColumn[] {
  const { children } = parquetSchema(metadata);
  const names = children.map(({ element }) => element.name);
  const { fields, segmentField, consentField } = findColumns(names, wanted);
  const indexes = [...fields, segmentField, consentField].filter((index) => index !== undefined);
  return wantedColumns(wanted).map(([, faults], at) => {
    const column = children[indexes[at] ?? -1];
    const found = column && columnOf(column, faults);
    if (!found) throw notText(faults);
    return found;
  });
}

function columnOf({ element, children }: SchemaTree, faults: ColumnFaults): FileColumn | undefined {
  const { name, type, type_length: typeLength, repetition_type: repetition } = element;
  const textOf = textOfColumn(element);
  if (children.length > 0 || type === undefined || repetition === 'REPEATED' || !textOf) return undefined;
  return { name, type, typeLength, isNullable: repetition === 'OPTIONAL', textOf: telling(textOf, faults) };
}

/** The same, that tells of which column a value is no text. */
function telling(textOf: TextOf, faults: ColumnFaults): TextOf {
  return (value) => {
    try {
      return textOf(value);
    } catch (error) {
      throw error instanceof Fault ? notText(faults) : error;
    }
  };
}

function notText({ details }: ColumnFaults): Fault {
  return new Fault('FieldNotText', details);
}

/** One reader a wanted column; a column that is wanted twice has two. */
function openColumns(file: StoredFile, group: RowGroup, columns: readonly FileColumn[]): ColumnRows[] {
  const count = Number(group.num_rows);
  sound(count >= 0);
  return columns.map((column) => {
    const chunk = group.columns.find(({ meta_data: data }) => {
      return data?.path_in_schema.length === 1 && data.path_in_schema[0] === column.name;
    });
    // Encrypted, or in a file of its own.
    if (!chunk?.meta_data || chunk.file_path) throw new Fault('SourceNotParquet');
    const { codec } = chunk.meta_data;
    return new ColumnRows(file, chunk.meta_data, { ...column, codec }, count);
  });
}

interface Reading {
  wanted: Wanted;
  segmentOf: SegmentOf;
  signal: AbortSignal;
}

async function* readGroup(
  columns: readonly ColumnRows[],
  rowCount: number,
  { wanted, segmentOf, signal }: Reading,
): AsyncGenerator<SourceEvent, void> {
  const cell = (index: number): string => columns[index]?.text ?? '';
  const indexes = arrange([...columns.keys()], wanted, columns.length);
  const toRow = rowMaker({ cellCount: columns.length, cell }, indexes, wanted, segmentOf);
  for (let rest = rowCount; rest > 0; ) {
    // Pages of different columns end at different rows.
    let ready = rest;
    for (const column of columns) ready = Math.min(ready, await column.ready(signal));
    sound(ready > 0);
    rest -= ready;
    let batch: Row[] = [];
    for (; ready > 0; ready--) {
      for (const column of columns) column.next();
      const row = toRow();
      if (row !== undefined && batch.push(row) === maxBatch) {
        yield { kind: 'rows', rows: batch };
        batch = [];
      }
    }
    if (batch.length > 0) yield { kind: 'rows', rows: batch };
  }
}
