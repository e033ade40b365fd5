import type { Delimiter, Encoding } from '../../../api/rundocument.ts';
import { isRecord } from '../../criteo/problems.ts';
import { Fault } from '../../fault.ts';

/** What a model.json (Common Data Model) says of the tables whose files lie beside it, as far as reading them needs it. */
export interface Model {
  entities: readonly Entity[];
}

export interface Entity {
  name: string;
  /** Names of its columns, in the order in which files without a header line have them. */
  columns: readonly string[];
  partitions: readonly Partition[];
}

export interface Partition {
  /** Path of a file, with slashes; the last of it are folders below the model.json, and the file's name. */
  path: string;
  format: FileFormat;
}

/** How a file is written, in the model's own words; one that it leaves away has a documented default. */
interface FileFormat {
  columnHeaders?: unknown;
  delimiter?: unknown;
  encoding?: unknown;
  quoteStyle?: unknown;
  csvStyle?: unknown;
}

export interface CsvForm {
  delimiter: Delimiter;
  encoding: Encoding;
  /** The model says that the first line holds the names. */
  hasHeader: boolean;
}

/** @throws Fault SourceNotFound where the text is no model. */
export function parseModel(text: string): Model {
  const json = parsed(text);
  if (!isRecord(json) || !Array.isArray(json.entities)) throw unreadable();
  return { entities: json.entities.filter(isRecord).flatMap(readEntity) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    return undefined;
  }
}

function unreadable(): Fault {
  return new Fault('SourceNotFound', { code: 'model-json-unreadable' });
}

function readEntity({ name, attributes, partitions, fileFormatSettings }: Record<string, unknown>): Entity[] {
  // One that points to another model's has no attributes, and no files here.
  if (typeof name !== 'string' || !Array.isArray(attributes)) return [];
  const columns = attributes.map((attribute) => (isRecord(attribute) ? attribute.name : undefined));
  if (!columns.every((column) => typeof column === 'string')) throw unreadable();
  const ofEntity = isRecord(fileFormatSettings) ? fileFormatSettings : {};
  const list = Array.isArray(partitions) ? partitions.filter(isRecord) : [];
  return [{ name, columns, partitions: list.flatMap((partition) => readPartition(partition, ofEntity)) }];
}

function readPartition(
  { location, fileFormatSettings }: Record<string, unknown>,
  ofEntity: FileFormat,
): Partition[] {
  if (typeof location !== 'string') return [];
  const format = isRecord(fileFormatSettings) ? fileFormatSettings : ofEntity;
  return [{ path: pathOf(location), format }];
}

/** Locations are URLs, of whatever endpoint the account was written by. */
function pathOf(location: string): string {
  const path = URL.parse(location)?.pathname ?? location;
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** The one of that name; else, where only one is, the one whose name differs in case. */
export function named<T>(name: string, all: readonly T[], nameOf: (one: T) => string): T | undefined {
  const exact = all.find((one) => nameOf(one) === name);
  if (exact !== undefined) return exact;
  const alike = all.filter((one) => nameOf(one).toLowerCase() === name.toLowerCase());
  return alike.length === 1 ? alike[0] : undefined;
}

/** Names of the files that the model knows in a folder: `Table/2026/11/22/0312`. */
export function filesIn(entity: Entity, folder: string): string[] {
  return entity.partitions.flatMap(({ path }) => {
    const slash = path.lastIndexOf('/');
    return isBelow(path.slice(0, slash), folder) ? [path.slice(slash + 1)] : [];
  });
}

/** Whether a path is the folder's, whatever lies above. */
function isBelow(path: string, folder: string): boolean {
  return path === folder || path.endsWith(`/${folder}`);
}

/**
 * How a file is written: as the model says of it, else of all the others of its table.
 * @throws Fault SourceNotCsv where it says what is not understood, or of several files not the same.
 */
export function formOf(entity: Entity, folder: string, file: string): CsvForm {
  const { partitions } = entity;
  const own = partitions.filter(({ path }) => isBelow(path, `${folder}/${file}`));
  const forms = (own.length > 0 ? own : partitions).map(({ format }) => readForm(format));
  const [form = readForm({})] = forms;
  const isOne = forms.every((other) => JSON.stringify(other) === JSON.stringify(form));
  if (!isOne) throw new Fault('SourceNotCsv', { code: 'file-formats-differ' });
  return form;
}

const delimiters: Readonly<Record<string, Delimiter>> = {
  ',': 'Comma',
  ';': 'Semicolon',
  '\t': 'Tab',
  '|': 'Pipe',
};

const encodings: Readonly<Record<string, Encoding>> = {
  'utf-8': 'UTF8',
  utf8: 'UTF8',
  'utf-16': 'UTF16LE',
  'utf-16le': 'UTF16LE',
  unicode: 'UTF16LE',
  'windows-1252': 'Windows1252',
};

/** The others mean another text than RFC 4180. */
const quoteStyles: readonly unknown[] = ['QuoteStyle.Csv'];
const csvStyles: readonly unknown[] = ['CsvStyle.QuoteAlways', 'CsvStyle.QuoteAfterDelimiter'];

function readForm(format: FileFormat): CsvForm {
  const { columnHeaders = false, delimiter = ',', encoding = 'UTF-8' } = format;
  const { quoteStyle = 'QuoteStyle.Csv', csvStyle = 'CsvStyle.QuoteAlways' } = format;
  const form = {
    delimiter: delimiters[String(delimiter)],
    encoding: encodings[String(encoding).toLowerCase()],
    hasHeader: columnHeaders,
  };
  if (
    form.delimiter === undefined ||
    form.encoding === undefined ||
    typeof form.hasHeader !== 'boolean' ||
    !quoteStyles.includes(quoteStyle) ||
    !csvStyles.includes(csvStyle)
  ) {
    throw new Fault('SourceNotCsv', { code: 'file-format-unknown' });
  }
  return form as CsvForm;
}
