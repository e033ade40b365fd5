import { createReadStream } from 'node:fs';
import { readChunks } from '../exporter/source/files/mount.ts';
import { CsvScanner } from '../exporter/source/formats/csv.ts';
import { plainText } from '../exporter/source/formats/text.ts';

/**
 * Takes the addresses out of a list of `people.ts` with one CSV reader, and prints how
 * many records there were and how long the addresses are together.
 *
 * node reader.ts NAME FILE; all but `ours` and csv-parse must be installed first.
 */
const [, , name = '', file = ''] = process.argv;
const column = 10;
let records = 0;
let length = 0;

function see(address: string | undefined): void {
  records++;
  length += address?.length ?? 0;
}

type Records = NodeJS.ReadWriteStream & { on(event: 'data', listener: (record: string[]) => void): unknown };

/** A parser that is a stream, as most are. */
async function readBy(parser: Records): Promise<void> {
  await new Promise((resolve, reject) => {
    parser.on('data', (record) => see(record[column]));
    parser.on('end', resolve).on('error', reject);
    createReadStream(file).pipe(parser);
  });
}

const readers: Readonly<Record<string, () => Promise<void>>> = {
  ours: async () => {
    const scanner = new CsvScanner('Comma');
    for await (const text of plainText(readChunks(file, new AbortController().signal))) {
      scanner.push(text);
      while (scanner.next()) see(scanner.cell(column));
    }
    scanner.end();
    while (scanner.next()) see(scanner.cell(column));
  },
  'csv-parse': async () => {
    const { parse } = await import('csv-parse');
    // As this project used it before; taking records in the callback saves an event for each.
    const onRecord = (record: string[]): null => {
      see(record[column]);
      return null;
    };
    const parser = parse({
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      on_record: onRecord,
    });
    await readBy(parser as unknown as Records);
  },
  udsv: async () => {
    const { inferSchema, initParser } = await load('udsv');
    const decoder = new TextDecoder();
    let parser: ReturnType<typeof initParser>;
    for await (const chunk of createReadStream(file)) {
      const text = decoder.decode(chunk as Buffer, { stream: true });
      parser ??= initParser(inferSchema(text));
      parser.chunk(text, parser.stringArrs, (record: string[]) => {
        see(record[column]);
        return true;
      });
    }
    parser.end();
  },
  papaparse: async () => {
    const { default: papaparse } = await load('papaparse');
    await new Promise<void>((complete, error) => {
      const chunk = ({ data }: { data: string[][] }): void => {
        for (const record of data) see(record[column]);
      };
      papaparse.parse(createReadStream(file), { delimiter: ',', newline: '\n', chunk, complete, error });
    });
  },
  'fast-csv': async () => {
    const { parse } = await load('fast-csv');
    await readBy(parse());
  },
  'csv-parser': async () => {
    const { default: parser } = await load('csv-parser');
    await readBy(parser({ headers: false }));
  },
};

/** A package that is not among this project's. */
async function load(packageName: string) {
  return await import(packageName);
}

await readers[name]?.();
process.stdout.write(`${records} records, ${length} characters`);
