import type { RunSource } from '../../../api/rundocument.ts';
import type { MessageContext } from './context.ts';
import { named } from './words.ts';

export type SourceKind = keyof RunSource;
type Run<Kind extends SourceKind> = NonNullable<RunSource[Kind]>;
type AnyTables = Run<'file'> | Run<'s3'> | Run<'azureBlob'>;

/** How the messages speak of a source: fields of the user's manifest, and what they name. */
export interface SourceWords {
  kind: SourceKind | undefined;
  /** Of the whole source: `spec.source.s3`. */
  field: string;
  /** Of what is read: `spec.source.s3.path`. */
  readField: string;
  /** What is read: `the object "people.csv" in the bucket "data" at https://...`. */
  whole: string;
  /** The same, or the part of it that is the segment's, where it is a segment's message. */
  place: string;
  /** Who is asked for it: `the object store at https://...`. */
  server: string;
  /** By which field it is found: `spec.source.s3.endpoint`. */
  serverField: string;
  /** Where it has files, the options by which they are read. */
  tables?: AnyTables;
  /** The container of one is what the source has: a file, an object, a blob. */
  fileWord: string;
}

export function sourceWords(context: MessageContext): SourceWords {
  const words = wordsOf(context);
  return { ...words, place: partOf(words, context) };
}

type Words = Omit<SourceWords, 'place'>;

function wordsOf({ source }: MessageContext): Words {
  const { file, s3, azureBlob, postgresql, customerInsights } = source?.run ?? {};
  if (file) return fileWords(file, source?.claimName);
  if (s3) return s3Words(s3);
  if (azureBlob) return azureBlobWords(azureBlob);
  if (postgresql) return postgresqlWords(postgresql);
  if (customerInsights) return customerInsightsWords(customerInsights);
  // The run document cannot be read.
  const field = 'spec.source';
  return {
    kind: undefined,
    field,
    readField: field,
    whole: 'the source',
    server: 'the source',
    serverField: field,
    fileWord: 'file',
  };
}

function fileWords(file: Run<'file'>, claimName: string | undefined): Words {
  const field = 'spec.source.file';
  const claim = named('the claim', claimName);
  return {
    kind: 'file',
    field,
    readField: `${field}.path`,
    whole: `${newest(file)}"${file.path}" in ${claim}`,
    server: `the volume of ${claim}`,
    serverField: `${field}.persistentVolumeClaim`,
    tables: file,
    fileWord: 'file',
  };
}

function s3Words(s3: Run<'s3'>): Words {
  const field = 'spec.source.s3';
  const where = s3.endpoint === undefined ? `of AWS in ${s3.region}` : `at ${s3.endpoint}`;
  return {
    kind: 's3',
    field,
    readField: `${field}.path`,
    whole: `${newest(s3)}${stored(s3.path, 'object')} in the bucket "${s3.bucket}" ${where}`,
    server: s3.endpoint === undefined ? `S3 ${where}` : `the object store ${where}`,
    serverField: s3.endpoint === undefined ? `${field}.region` : `${field}.endpoint`,
    tables: s3,
    fileWord: 'object',
  };
}

function azureBlobWords(blob: Run<'azureBlob'>): Words {
  const field = 'spec.source.azureBlob';
  const what =
    blob.layout === 'CustomerInsights'
      ? `the export of Customer Insights "${blob.path}"`
      : stored(blob.path, 'blob');
  return {
    kind: 'azureBlob',
    field,
    readField: `${field}.path`,
    whole: `${newest(blob)}${what} in the container "${blob.container}" at ${blob.endpoint}`,
    server: `the storage account at ${blob.endpoint}`,
    serverField: `${field}.endpoint`,
    tables: blob,
    fileWord: 'blob',
  };
}

function postgresqlWords({ host, port, database, table }: Run<'postgresql'>): Words {
  const field = 'spec.source.postgresql';
  const at = `the database "${database}" at ${host}${port === 5432 ? '' : ` (port ${port})`}`;
  return {
    kind: 'postgresql',
    field,
    readField: table === undefined ? `${field}.query` : `${field}.table`,
    whole: table === undefined ? `the query of ${at}` : `the table "${table}" of ${at}`,
    server: at,
    serverField: `${field}.host`,
    fileWord: 'table',
  };
}

function customerInsightsWords({ environmentUrl, profileTable }: Run<'customerInsights'>): Words {
  const field = 'spec.source.customerInsights';
  return {
    kind: 'customerInsights',
    field,
    readField: `${field}.profileTable`,
    whole: `the table "${profileTable}" of the environment ${environmentUrl}`,
    server: `the environment ${environmentUrl}`,
    serverField: `${field}.environmentUrl`,
    fileWord: 'table',
  };
}

/** In a directory of one file a segment it is that file that is at fault. */
function partOf({ whole, tables }: Words, { segment }: MessageContext): string {
  const isShared = !tables || tables.segmentField !== undefined || (!tables.newest && isFile(tables.path));
  return isShared || !segment ? whole : `what is there for the segment "${segment.name}" in ${whole}`;
}

/** As the schema tells a file from a directory, by its name. */
function isFile(path: string): boolean {
  return /[.](csv|tsv|txt|json|ndjson|jsonl|parquet)([.](gz|zst))?$/i.test(path);
}

/** Object stores mark a directory by a slash at its end. */
function stored(path: string, what: 'object' | 'blob'): string {
  return path.endsWith('/') ? `what is below "${path}"` : `the ${what} "${path}"`;
}

function newest(tables: AnyTables): string {
  return tables.newest ? 'the newest of ' : '';
}
