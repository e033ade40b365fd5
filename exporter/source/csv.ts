import { CsvError, type Options, parse } from 'csv-parse';
import { parse as parseSync } from 'csv-parse/sync';
import type { Delimiter } from '../../api/rundocument.ts';
import { Fault } from '../fault.ts';

export const delimiterCharacters: Readonly<Record<Delimiter, string>> = {
  Comma: ',',
  Semicolon: ';',
  Tab: '\t',
};

/** A quote that is never closed would make the rest of the file one record. */
const maxRecordBytes = 1024 * 1024;

function optionsFor(delimiter: Delimiter): Options<string[]> {
  return {
    delimiter: delimiterCharacters[delimiter],
    // Named, not discovered: a file with both kinds of line end would lose rows.
    record_delimiter: ['\r\n', '\n', '\r'],
    bom: true,
    skip_empty_lines: true,
    relax_column_count: true,
    max_record_size: maxRecordBytes,
  };
}

/**
 * The records of CSV text (RFC 4180), in batches. Empty lines are none.
 * @throws Fault SourceNotCsv with the line.
 */
export async function* readRecords(
  text: AsyncIterable<Buffer>,
  delimiter: Delimiter,
): AsyncGenerator<string[][], void> {
  let batch: string[][] = [];
  /** The line at which the last whole record ended. */
  let lastLine = 0;
  const parser = parse({
    ...optionsFor(delimiter),
    // Taking records here, not from the stream, saves an event for each.
    on_record: (record: string[], { lines }) => {
      batch.push(record);
      lastLine = lines;
      return null;
    },
  });
  // Failures arrive through the callbacks below; without a listener they would end the process.
  parser.on('error', () => undefined);
  parser.resume();
  const take = (): string[][] => {
    const taken = batch;
    batch = [];
    return taken;
  };
  try {
    for await (const chunk of text) {
      await settled((done) => parser.write(chunk, done));
      if (batch.length > 0) yield take();
    }
    await settled((done) => parser.end(done));
    if (batch.length > 0) yield take();
  } catch (error) {
    throw error instanceof CsvError ? toFault(error, lastLine) : error;
  } finally {
    parser.destroy();
  }
}

async function settled(act: (done: (error?: Error | null) => void) => void): Promise<void> {
  await new Promise<void>((resolve, reject) => act((error) => (error ? reject(error) : resolve())));
}

/** The error's text has the cell in it; only the line leaves. */
function toFault(error: CsvError, lastLine: number): Fault {
  // Noticed only at the end of the file, or a megabyte later; what is to be mended stands where the record begins.
  const isEndless = error.code === 'CSV_QUOTE_NOT_CLOSED' || error.code === 'CSV_MAX_RECORD_SIZE';
  const line: unknown = isEndless ? lastLine + 1 : error.lines;
  return new Fault('SourceNotCsv', typeof line === 'number' ? { line } : undefined);
}

/** The first record of the text that starts with `head`, or undefined where it has none under this delimiter. */
export function readHeader(head: Buffer, delimiter: Delimiter): string[] | undefined {
  try {
    return parseSync(head, { ...optionsFor(delimiter), to: 1 })[0];
  } catch {
    return undefined;
  }
}
