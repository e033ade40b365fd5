import type { RunReason } from '../../../api/reasons.ts';
import type { CsvOptions, Delimiter } from '../../../api/rundocument.ts';
import { Fault } from '../../fault.ts';
import type { Row } from '../source.ts';
import { findColumns, hasColumns, type Wanted, withDelimiter } from './columns.ts';
import { Damaged } from './compression.ts';
import { CsvScanner, delimiters, readHeader } from './csv.ts';
import { maxBatch, rowMaker, type SegmentOf } from './rows.ts';
import { NotText, plainText } from './text.ts';

/**
 * The rows of one CSV file, in batches, without those that belong to no segment. With
 * `csv.columns` every record is a row, and a file without any is a table without rows.
 * @throws Fault SourceEmpty where there should be a header and is none, SourceNotCsv,
 * SourceDamaged, FieldAmbiguous, FieldNotFound, SegmentFieldNotFound, ConsentFieldNotFound.
 */
export async function* readTable(
  chunks: AsyncIterable<Buffer>,
  { delimiter, columns, encoding }: CsvOptions,
  wanted: Wanted,
  segmentOf: SegmentOf,
): AsyncGenerator<Row[], void> {
  const scanner = new CsvScanner(delimiter);
  /** Undefined until the header was read. */
  let toRow: (() => Row | undefined) | undefined;
  if (columns) toRow = rowMaker(scanner, findColumns(columns, wanted), wanted, segmentOf);
  /** The text up to the header's end, for a look at it under another delimiter. */
  let head = Buffer.alloc(0);
  const takeRows = function* (): Generator<Row[], void> {
    if (toRow === undefined && scanner.next()) {
      toRow = rowMaker(scanner, findColumns(scanner.cells(), wanted, 1), wanted, segmentOf);
    }
    let rows: Row[] = [];
    while (toRow !== undefined && scanner.next()) {
      const row = toRow();
      if (row !== undefined && rows.push(row) === maxBatch) {
        yield rows;
        rows = [];
      }
    }
    if (rows.length > 0) yield rows;
  };
  try {
    for await (const text of plainText(chunks, encoding)) {
      if (toRow === undefined) head = Buffer.concat([head, text]);
      scanner.push(text);
      yield* takeRows();
    }
    scanner.end();
    yield* takeRows();
  } catch (error) {
    const fault = textFault(error, 'SourceNotCsv', scanner.lastLine);
    // A header with quotes is no CSV at all under the wrong delimiter, so that fault may mean it too.
    const inHeader = toRow === undefined && fault instanceof Fault && headerReasons.includes(fault.reason);
    if (!inHeader) throw fault;
    throw withDelimiter(fault, otherDelimiter(head, delimiter, wanted));
  }
  if (toRow === undefined) throw new Fault('SourceEmpty');
}

/** What ended the text, as a fault with the line at which it did; any other error as it is. */
export function textFault(error: unknown, notText: RunReason, line: number): unknown {
  if (error instanceof NotText) return new Fault(notText, { line });
  return error instanceof Damaged ? new Fault('SourceDamaged', { line }) : error;
}

const headerReasons: readonly RunReason[] = [
  'FieldNotFound',
  'SegmentFieldNotFound',
  'ConsentFieldNotFound',
  'SourceNotCsv',
];

/** The delimiter under which the header would have what is wanted: the commonest mistake, told in the report. */
function otherDelimiter(head: Buffer, tried: Delimiter, wanted: Wanted): Delimiter | undefined {
  return delimiters.find((name) => name !== tried && hasColumns(readHeader(head, name) ?? [], wanted));
}
