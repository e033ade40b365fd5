import type { RunReason } from '../../api/reasons.ts';
import type { Delimiter } from '../../api/rundocument.ts';
import { Fault } from '../fault.ts';
import { type Columns, findColumns, hasColumns, pick, type Wanted, withDelimiter } from './columns.ts';
import { consentRule } from './consent.ts';
import { CsvScanner, delimiters, readHeader } from './csv.ts';
import type { Row } from './source.ts';
import { NotText, plainText } from './text.ts';

/** Rows of larger batches outlive a collection of young garbage; V8 then makes room for more of it, 8 to 100 MB. */
const maxBatch = 64;

/**
 * The rows of one CSV file, in batches, without those that belong to no segment.
 * `segmentOf` is asked with the value of the segment field, empty where there is none.
 * @throws Fault SourceEmpty, SourceNotCsv, FieldNotFound, SegmentFieldNotFound, ConsentFieldNotFound.
 */
export async function* readTable(
  chunks: AsyncIterable<Buffer>,
  delimiter: Delimiter,
  wanted: Wanted,
  segmentOf: (value: string) => number | undefined,
): AsyncGenerator<Row[], void> {
  const scanner = new CsvScanner(delimiter);
  /** Undefined until the header was read. */
  let toRow: (() => Row | undefined) | undefined;
  /** The text up to the header's end, for a look at it under another delimiter. */
  let head = Buffer.alloc(0);
  const takeRows = function* (): Generator<Row[], void> {
    if (toRow === undefined && scanner.next()) {
      toRow = rowMaker(scanner, findColumns(scanner.cells(), wanted), wanted, segmentOf);
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
    for await (const text of plainText(chunks)) {
      if (toRow === undefined) head = Buffer.concat([head, text]);
      scanner.push(text);
      yield* takeRows();
    }
    scanner.end();
    yield* takeRows();
  } catch (error) {
    const fault = error instanceof NotText ? new Fault('SourceNotCsv', { line: scanner.lastLine }) : error;
    // A header with quotes is no CSV at all under the wrong delimiter, so that fault may mean it too.
    const inHeader = toRow === undefined && fault instanceof Fault && headerReasons.includes(fault.reason);
    if (!inHeader) throw fault;
    throw withDelimiter(fault, otherDelimiter(head, delimiter, wanted));
  }
  if (toRow === undefined) throw new Fault('SourceEmpty');
}

const headerReasons: readonly RunReason[] = [
  'FieldNotFound',
  'SegmentFieldNotFound',
  'ConsentFieldNotFound',
  'SourceNotCsv',
];

/** Makes a row of the record at which the scanner is; undefined where it belongs to no segment. */
function rowMaker(
  scanner: CsvScanner,
  columns: Columns,
  { consent }: Wanted,
  segmentOf: (value: string) => number | undefined,
): () => Row | undefined {
  const { segmentField, consentField } = columns;
  const gives = consent && consentRule(consent);
  return () => {
    const segment = segmentOf(segmentField === undefined ? '' : scanner.cell(segmentField).trim());
    if (segment === undefined) return undefined;
    const candidates = pick(scanner, columns);
    // In a row whose cells have shifted, another column's value could pass for consent.
    const isReadable = candidates !== 'misshapen';
    const hasConsent =
      gives === undefined || (isReadable && consentField !== undefined && gives(scanner.cell(consentField)));
    return { segment, candidates, hasConsent };
  };
}

/** The delimiter under which the header would have what is wanted: the commonest mistake, told in the report. */
function otherDelimiter(head: Buffer, tried: Delimiter, wanted: Wanted): Delimiter | undefined {
  return delimiters.find((name) => name !== tried && hasColumns(readHeader(head, name) ?? [], wanted));
}
