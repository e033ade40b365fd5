import { Ajv } from 'ajv';

/**
 * The run document: what the controller asks of one run. It travels as an
 * annotation of the pod template and is read by the exporter as a file, so a
 * Job's YAML tells exactly what it ran. It holds no secret and no address.
 */
export type RunDocument = CheckRun | ExportRun;

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

/** Proves the credentials and lists the advertisers; sends nothing else. */
export interface CheckRun extends RunBase {
  kind: 'Check';
  /** The connection's default; the check fails where the account may not use it. */
  advertiserId?: string;
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
  mode: 'AddOnly';
  match: { email: { field: string; fallbackFields: string[] } };
  source: { file: FileSource };
  segments: RunSegment[];
}

export interface FileSource {
  /** Relative to the mounted claim. */
  path: string;
  format: 'CSV';
  csv: { delimiter: Delimiter };
  /** The column whose value is the segment's name, where one file holds several. */
  segmentField?: string;
}

export type Delimiter = 'Comma' | 'Semicolon' | 'Tab';

export interface RunSegment {
  /** The name in the source. */
  name: string;
  /** The name at Criteo. */
  criteoName: string;
  existing: 'Refuse' | 'Keep';
}

const objectName = {
  type: 'object',
  required: ['namespace', 'name', 'uid'],
  additionalProperties: false,
  properties: {
    namespace: { type: 'string', minLength: 1, maxLength: 63 },
    name: { type: 'string', minLength: 1, maxLength: 253 },
    uid: { type: 'string', minLength: 1, maxLength: 64 },
  },
} as const;

const base = {
  formatVersion: { const: 1 },
  connection: objectName,
  api: {
    type: 'object',
    required: ['baseUrl', 'version'],
    additionalProperties: false,
    properties: {
      baseUrl: { type: 'string', pattern: '^https?://[^/?#@]+/?$', maxLength: 253 },
      version: { type: 'string', pattern: '^[0-9]{4}-(0[1-9]|1[0-2])$' },
    },
  },
  advertiserId: { type: 'string', pattern: '^[0-9]{1,19}$' },
} as const;

const field = { type: 'string', minLength: 1, maxLength: 256 } as const;

/** JSON schema of the run document; `oneOf` is told apart by `kind`. */
export const runDocumentSchema = {
  type: 'object',
  discriminator: { propertyName: 'kind' },
  required: ['kind'],
  oneOf: [
    {
      required: ['formatVersion', 'connection', 'api'],
      additionalProperties: false,
      properties: { ...base, kind: { const: 'Check' } },
    },
    {
      required: [
        'formatVersion',
        'connection',
        'api',
        'export',
        'generation',
        'advertiserId',
        'maxProfiles',
        'mode',
        'match',
        'source',
        'segments',
      ],
      additionalProperties: false,
      properties: {
        ...base,
        kind: { const: 'Export' },
        export: objectName,
        generation: { type: 'integer', minimum: 1 },
        name: { type: 'string', minLength: 1, maxLength: 100 },
        maxProfiles: { type: 'integer', minimum: 1, maximum: 1_000_000 },
        mode: { const: 'AddOnly' },
        match: {
          type: 'object',
          required: ['email'],
          additionalProperties: false,
          properties: {
            email: {
              type: 'object',
              required: ['field', 'fallbackFields'],
              additionalProperties: false,
              properties: { field, fallbackFields: { type: 'array', maxItems: 5, items: field } },
            },
          },
        },
        source: {
          type: 'object',
          required: ['file'],
          additionalProperties: false,
          properties: {
            file: {
              type: 'object',
              required: ['path', 'format', 'csv'],
              additionalProperties: false,
              properties: {
                path: { type: 'string', minLength: 1, maxLength: 500 },
                format: { const: 'CSV' },
                csv: {
                  type: 'object',
                  required: ['delimiter'],
                  additionalProperties: false,
                  properties: { delimiter: { enum: ['Comma', 'Semicolon', 'Tab'] } },
                },
                segmentField: field,
              },
            },
          },
        },
        segments: {
          type: 'array',
          minItems: 1,
          maxItems: 50,
          items: {
            type: 'object',
            required: ['name', 'criteoName', 'existing'],
            additionalProperties: false,
            properties: {
              name: { type: 'string', minLength: 1, maxLength: 200 },
              criteoName: { type: 'string', minLength: 1, maxLength: 200 },
              existing: { enum: ['Refuse', 'Keep'] },
            },
          },
        },
      },
    },
  ],
} as const;

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
