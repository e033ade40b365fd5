import type { RunReason } from '../../api/reasons.ts';
import type { Delimiter } from '../../api/rundocument.ts';
import { Fault } from '../fault.ts';
import { type Columns, findColumns, hasColumns, pick, type Wanted, withDelimiter } from './columns.ts';
import { delimiterCharacters, readHeader, readRecords } from './csv.ts';
import type { Row } from './source.ts';
import { plainText } from './text.ts';

/**
 * The rows of one CSV file, in batches, without those that belong to no segment.
 * `segmentOf` is asked with the value of the segment field, empty where there is none.
 * @throws Fault SourceEmpty, SourceNotCsv, FieldNotFound, SegmentFieldNotFound.
 */
export async function* readTable(
  chunks: AsyncIterable<Buffer>,
  delimiter: Delimiter,
  wanted: Wanted,
  segmentOf: (value: string) => number | undefined,
): AsyncGenerator<Row[], void> {
  let columns: Columns | undefined;
  let head = Buffer.alloc(0);
  const text = tap(plainText(chunks), (chunk) => {
    if (columns === undefined) head = Buffer.concat([head, chunk]);
  });
  try {
    for await (const records of readRecords(text, delimiter)) {
      const body: readonly string[][] = columns === undefined ? records.slice(1) : records;
      columns ??= findColumns(records[0] ?? [], wanted);
      const rows = toRows(body, columns, segmentOf);
      if (rows.length > 0) yield rows;
    }
  } catch (error) {
    // A header with quotes is no CSV at all under the wrong delimiter, so that fault may mean it too.
    const inHeader = columns === undefined && error instanceof Fault && headerReasons.includes(error.reason);
    if (!inHeader) throw error;
    throw withDelimiter(error, otherDelimiter(head, delimiter, wanted));
  }
  if (columns === undefined) throw new Fault('SourceEmpty');
}

const headerReasons: readonly RunReason[] = ['FieldNotFound', 'SegmentFieldNotFound', 'SourceNotCsv'];

function toRows(
  records: readonly string[][],
  columns: Columns,
  segmentOf: (value: string) => number | undefined,
): Row[] {
  const rows: Row[] = [];
  for (const record of records) {
    const value = columns.segmentField === undefined ? '' : (record[columns.segmentField] ?? '');
    const segment = segmentOf(value.trim());
    if (segment !== undefined) rows.push({ segment, candidates: pick(record, columns) });
  }
  return rows;
}

/** The delimiter under which the header would have what is wanted: the commonest mistake, told in the report. */
function otherDelimiter(head: Buffer, tried: Delimiter, wanted: Wanted): Delimiter | undefined {
  const others = (Object.keys(delimiterCharacters) as Delimiter[]).filter((name) => name !== tried);
  return others.find((name) => hasColumns(readHeader(head, name) ?? [], wanted));
}

async function* tap<T>(items: AsyncIterable<T>, see: (item: T) => void): AsyncGenerator<T, void> {
  for await (const item of items) {
    see(item);
    yield item;
  }
}
