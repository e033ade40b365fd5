import { Ajv } from 'ajv';
import { runDocumentSchema } from './rundocumentschema.ts';

/**
 * The run document: what the controller asks of one run. It travels as an
 * annotation of the pod template and is read by the exporter as a file, so a
 * Job's YAML tells exactly what it ran. It holds no secret and no address.
 */
export type RunDocument = CheckRun | ExportRun | RetireRun;

interface RunBase {
  formatVersion: 1;
  connection: ObjectName;
  api: {
    /** Scheme, host and port, without a path: `https://api.criteo.com`. */
    baseUrl: string;
    /** Path version, `YYYY-MM`. */
    version: string;
  };
}

export interface ObjectName {
  namespace: string;
  name: string;
  uid: string;
}

/** Proves the credentials, lists the advertisers and tries the object store of the ledger; sends nothing else. */
export interface CheckRun extends RunBase {
  kind: 'Check';
  /** The connection's default; the check fails where the account may not use it. */
  advertiserId?: string;
  /** Where it is an object store: a volume may be at work on another node. */
  ledger?: { s3: S3Place };
}

export interface ExportRun extends RunBase {
  kind: 'Export';
  export: ObjectName;
  /** The export's generation that this run serves. */
  generation: number;
  /** spec.name; goes into the description of the Criteo segments. */
  name?: string;
  advertiserId: string;
  /** Over all segments; more stops the run before anything is sent. */
  maxProfiles: number;
  /** Mirror needs a ledger. */
  mode: 'Mirror' | 'AddOnly';
  ledger?: RunLedger;
  /** Ends before the first call that writes, and tells what would be done. */
  plan?: true;
  /** The most of a segment's rows, and of all rows, that may hold no usable address, in percent. */
  rowFaultGuard: { maxPercent: number };
  /** Data that was written longer ago is not sent. */
  maxSourceAgeSeconds?: number;
  /** The most that a run may remove of what a segment holds, in percent. */
  removalGuard: { maxPercent: number };
  /** What a person approved: the token of a report that the guard stopped. */
  approval?: string;
  /** For segments that have left the export. */
  deletionPolicy: DeletionPolicy;
  match: { email: { field: string; fallbackFields: string[] } };
  consent?: Consent;
  source: RunSource;
  /** The source may be on the pod itself or its node's link: whoever runs the controller allowed its endpoint. */
  allowLocalSource?: true;
  segments: RunSegment[];
}

/**
 * Carries the deletionPolicy out for all segments that the export filled by this
 * connection: the export is gone, or uses another connection now.
 */
export interface RetireRun extends RunBase {
  kind: 'Retire';
  export: ObjectName;
  ledger: RunLedger;
  deletionPolicy: DeletionPolicy;
  /** Absent where the export itself was deleted: that was a person's word already. */
  removalGuard?: { maxPercent: number };
  approval?: string;
}

export type DeletionPolicy = 'Retain' | 'Empty' | 'Delete';

/** Exactly one of volume and s3. */
export interface RunLedger {
  /** Mounted at a path that both programs know. */
  volume?: Record<string, never>;
  s3?: S3Place;
  /** After so many hours a run sends every identifier again. */
  resyncEveryHours: number;
}

export interface S3Place {
  /** URL; absent: that of AWS for the region. */
  endpoint?: string;
  region: string;
  bucket: string;
  /** What the names of the objects begin with, without a slash at its end. */
  prefix: string;
}

/** Exactly one operator. A value that is missing, empty or unreadable is no consent, whatever the operator. */
export interface Consent {
  field: string;
  equals?: string;
  notEquals?: string;
  isTrue?: true;
}

/** Exactly one. */
export interface RunSource {
  file?: FileSource;
  s3?: S3Source;
  azureBlob?: AzureBlobSource;
  postgresql?: PostgresqlSource;
  customerInsights?: CustomerInsightsSource;
}

/** Files with tables, wherever they lie. */
export interface TableFiles {
  /** A file, or a directory; object stores mark one by a slash at its end. */
  path: string;
  /** `path` is a directory of which the newest complete entry is read. */
  newest?: Newest;
  format: TableFormat;
  /** Means something where the format is CSV. */
  csv: CsvOptions;
  /** The column whose value is the segment's name, where one table holds several. */
  segmentField?: string;
}

export interface Newest {
  /** Complete is what has it beside it: a file in a directory, or `<file><marker>`. */
  marker?: string;
  /** Without a marker, complete is what was not written to for so long. */
  settleSeconds: number;
}

export type TableFormat = 'CSV' | 'NDJSON' | 'Parquet';

export interface CsvOptions {
  delimiter: Delimiter;
  /** Of a file without a header line. */
  columns?: string[];
  /** Default: UTF8. */
  encoding?: Encoding;
}

export type Delimiter = 'Comma' | 'Semicolon' | 'Tab' | 'Pipe';
export type Encoding = 'UTF8' | 'UTF16LE' | 'Windows1252';

/** `path` is relative to the mounted claim. */
export interface FileSource extends TableFiles {}

/** Keys from a mounted Secret, unless there is a role. */
export interface S3Source extends TableFiles {
  /** URL; absent: that of AWS for the region. */
  endpoint?: string;
  region: string;
  bucket: string;
  workloadIdentity?: { roleARN: string };
}

/** A SAS token, an account key or a client's secret from a mounted Secret, unless there is an identity. */
export interface AzureBlobSource extends TableFiles {
  /** URL of the storage account. */
  endpoint: string;
  container: string;
  layout: 'Files' | 'CustomerInsights';
  /** Of the layout CustomerInsights: a folder that was not written to for so long is complete. */
  settleSeconds: number;
  workloadIdentity?: { tenantId: string; clientId: string };
  /** Scheme and host of the token endpoint. */
  authorityHost: string;
}

/** Exactly one of query and table. Name and password are in a mounted Secret. */
export interface PostgresqlSource {
  host: string;
  port: number;
  database: string;
  query?: string;
  /** `table`, or `schema.table`; the names as they are, without quotes. */
  table?: string;
  /** The authorities are those of a mounted Secret, and no others. */
  hasOwnCa: boolean;
  statementTimeoutSeconds: number;
  segmentField?: string;
  /** The column whose latest value tells when the data was written. */
  modifiedField?: string;
}

/** A client's secret from a mounted Secret, unless there is an identity. */
export interface CustomerInsightsSource {
  /** URL of the organization. */
  environmentUrl: string;
  tenantId: string;
  workloadIdentity?: { clientId: string };
  authorityHost: string;
  /** Logical names. */
  profileTable: string;
  profileKeyField: string;
  membershipType: string;
  modifiedFrom: 'Memberships' | 'SegmentMetadata';
  parallelScans: number;
}

export interface RunSegment {
  /** The name in the source. */
  name: string;
  /** The name at Criteo. */
  criteoName: string;
  existing: 'Refuse' | 'Keep' | 'TakeOver';
}

const validate = new Ajv({ discriminator: true, allErrors: false, strictTypes: false }).compile<RunDocument>(
  runDocumentSchema,
);

/**
 * Reads a run document.
 * @throws SyntaxError where it is no JSON, TypeError naming the first wrong field.
 */
export function parseRunDocument(text: string): RunDocument {
  const document: unknown = JSON.parse(text);
  if (validate(document)) return document;
  const error = validate.errors?.[0];
  throw new TypeError(`run document${error?.instancePath ?? ''}: ${error?.message ?? 'is not valid'}`);
}
