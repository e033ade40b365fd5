import type { Consent, CsvOptions } from '../../../api/rundocument.ts';
import type { Clock } from '../../clock.ts';
import { Fault } from '../../fault.ts';
import { within } from '../files/filenames.ts';
import type { FileStore, StoredFile } from '../files/store.ts';
import type { Wanted } from '../formats/columns.ts';
import { readHeader } from '../formats/csv.ts';
import { readTable } from '../formats/table.ts';
import { plainText } from '../formats/text.ts';
import type { Source, SourceEvent } from '../source.ts';
import { type ExportFolder, foldersOf, type Part } from './exportfolder.ts';
import { type Entity, filesIn, formOf, type Model, named, parseModel } from './modeljson.ts';

export interface InsightsFolderOptions {
  store: FileStore;
  /** The export's folder. */
  path: string;
  /** A folder that was not written to for so long is complete. */
  settleSeconds: number;
  /** match.email: the field and its fallbacks. */
  fields: readonly string[];
  consent?: Consent | undefined;
  /** Output table names of the segments. */
  segments: readonly string[];
  clock: Clock;
}

/** The model of a tenant with 500 tables and a year of partitions has some 20 MB. */
const maxModelBytes = 64 * 1024 * 1024;
/** The first record of a file lies in this. */
const headBytes = 256 * 1024;

/**
 * What an export of Customer Insights leaves: for each table, and so for each segment, a folder a run with
 * CSV files, and a model.json that says which columns they have. Nothing there says that a run has ended:
 * complete is a folder that was not written to for a while, and that has all files which the model knows in it.
 */
export function insightsFolder(options: InsightsFolderOptions): Source {
  return {
    read: async function* (signal) {
      const model = await readModel(options, signal);
      const tables = await listTables(options, signal);
      for (const [segment, name] of options.segments.entries()) {
        const table = named(name, tables, (each) => each);
        if (table === undefined) continue;
        try {
          yield { kind: 'found', segment };
          yield* readSegment(options, model, table, segment, signal);
        } catch (error) {
          // Who withdrew consent, nobody knows without it: that is every segment's concern.
          if (!(error instanceof Fault) || error.reason === 'ConsentFieldNotFound') throw error;
          yield { kind: 'fault', segment, fault: error };
        }
      }
    },
  };
}

async function readModel({ store, path }: InsightsFolderOptions, signal: AbortSignal): Promise<Model> {
  const file = await store.find(within(path, 'model.json'), signal);
  if (file === undefined || file === 'Directory')
    throw new Fault('SourceNotFound', { code: 'model-json-missing' });
  if (file.size > maxModelBytes) throw new Fault('SourceNotFound', { code: 'model-json-unreadable' });
  return parseModel((await file.slice(0, file.size, signal)).toString('utf8'));
}

async function listTables({ store, path }: InsightsFolderOptions, signal: AbortSignal): Promise<string[]> {
  const tables: string[] = [];
  for await (const { kind, name } of store.list(path, signal)) if (kind === 'Directory') tables.push(name);
  return tables;
}

async function* readSegment(
  options: InsightsFolderOptions,
  model: Model,
  table: string,
  segment: number,
  signal: AbortSignal,
): AsyncGenerator<SourceEvent, void> {
  const entity = named(table, model.entities, ({ name }) => name);
  if (entity === undefined) throw new Fault('SourceNotFound', { code: 'table-not-in-model-json' });
  const folder = await newestComplete(options, entity, table, signal);
  yield { kind: 'written', segment, at: folder.writtenAt };
  const wanted: Wanted = { fields: options.fields, consent: options.consent };
  for (const part of folder.parts) {
    if (part.file.size === 0) continue;
    const csv = await optionsOf(part, entity, folder, signal);
    for await (const rows of readTable(part.file.read(signal), csv, wanted, () => segment)) {
      yield { kind: 'rows', rows };
    }
  }
}

async function newestComplete(
  { store, path, settleSeconds, clock }: InsightsFolderOptions,
  entity: Entity,
  table: string,
  signal: AbortSignal,
): Promise<ExportFolder> {
  for await (const folder of foldersOf(store, path, table, signal)) {
    const hasSettled = settleSeconds === 0 || clock.now() - folder.writtenAt >= settleSeconds * 1000;
    const names = new Set(folder.parts.map(({ name }) => name));
    const hasAll = filesIn(entity, folder.path).every((name) => names.has(name));
    if (names.size > 0 && hasSettled && hasAll) return folder;
  }
  throw new Fault('SourceIncomplete');
}

/**
 * How a part is read. That its columns are those of the model is not believed: where they are others, one
 * column's value would be taken for another's.
 */
async function optionsOf(
  { name, file }: Part,
  { columns, ...entity }: Entity,
  folder: ExportFolder,
  signal: AbortSignal,
): Promise<CsvOptions> {
  const { hasHeader, ...form } = formOf({ columns, ...entity }, folder.path, name);
  const first = await firstRecord(file, form, signal);
  if (hasHeader || isHeader(first, columns)) return form;
  if (first.length !== columns.length) throw new Fault('SourceNotCsv', { line: 1, code: 'columns-differ' });
  return { ...form, columns: [...columns] };
}

/** The names themselves, in whatever order: a header line of which the model does not tell. */
function isHeader(record: readonly string[], columns: readonly string[]): boolean {
  const names = record.map((name) => name.trim());
  return names.length === columns.length && columns.every((column) => names.includes(column.trim()));
}

async function firstRecord(
  file: StoredFile,
  { delimiter, encoding }: CsvOptions,
  signal: AbortSignal,
): Promise<string[]> {
  const end = Math.min(file.size, headBytes);
  const head: Buffer[] = [];
  const bytes = await file.slice(0, end, signal);
  try {
    for await (const text of plainText(only(bytes), encoding)) head.push(Buffer.from(text));
  } catch {
    // Cut off within a character, or no text: whoever reads it all will say so.
  }
  if (end === file.size) head.push(Buffer.from('\n'));
  const record = readHeader(Buffer.concat(head), delimiter);
  if (record === undefined) throw new Fault('SourceNotCsv', { line: 1 });
  return record;
}

async function* only(bytes: Buffer): AsyncGenerator<Buffer, void> {
  yield bytes;
}
