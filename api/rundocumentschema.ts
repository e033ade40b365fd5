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
const url = { type: 'string', pattern: '^https?://[^/?#@]+(/[^?#@]*)?$', maxLength: 500 } as const;
const authorityHost = { type: 'string', pattern: '^https?://[^/?#@]+$', maxLength: 253 } as const;
const uuid = { type: 'string', pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' } as const;
const logicalName = { type: 'string', pattern: '^[a-z][a-z0-9_]{0,127}$' } as const;

const s3Place = {
  type: 'object',
  required: ['region', 'bucket', 'prefix'],
  additionalProperties: false,
  properties: {
    endpoint: url,
    region: { type: 'string', minLength: 1, maxLength: 64 },
    bucket: { type: 'string', minLength: 3, maxLength: 63 },
    prefix: { type: 'string', minLength: 1, maxLength: 500 },
  },
} as const;

const ledger = {
  type: 'object',
  required: ['resyncEveryHours'],
  additionalProperties: false,
  properties: {
    volume: { type: 'object', additionalProperties: false },
    s3: s3Place,
    resyncEveryHours: { type: 'integer', minimum: 1, maximum: 99_999 },
  },
  oneOf: [{ required: ['volume'] }, { required: ['s3'] }],
} as const;

const maxPercent = {
  type: 'object',
  required: ['maxPercent'],
  additionalProperties: false,
  properties: { maxPercent: { type: 'integer', minimum: 0, maximum: 100 } },
} as const;

const approval = { type: 'string', pattern: '^[0-9a-f]{16}$' } as const;
const deletionPolicy = { enum: ['Retain', 'Empty', 'Delete'] } as const;

const consent = {
  type: 'object',
  required: ['field'],
  additionalProperties: false,
  properties: { field, equals: field, notEquals: field, isTrue: { const: true } },
  oneOf: [{ required: ['equals'] }, { required: ['notEquals'] }, { required: ['isTrue'] }],
} as const;

const tableFiles = {
  path: { type: 'string', minLength: 1, maxLength: 500 },
  newest: {
    type: 'object',
    required: ['settleSeconds'],
    additionalProperties: false,
    properties: {
      marker: { type: 'string', pattern: '^[^/]{1,100}$' },
      settleSeconds: { type: 'integer', minimum: 0, maximum: 86_400 },
    },
  },
  format: { enum: ['CSV', 'NDJSON', 'Parquet'] },
  csv: {
    type: 'object',
    required: ['delimiter'],
    additionalProperties: false,
    properties: {
      delimiter: { enum: ['Comma', 'Semicolon', 'Tab', 'Pipe'] },
      columns: {
        type: 'array',
        minItems: 1,
        maxItems: 200,
        items: { type: 'string', minLength: 1, maxLength: 128 },
      },
      encoding: { enum: ['UTF8', 'UTF16LE', 'Windows1252'] },
    },
  },
  segmentField: field,
} as const;

const source = {
  type: 'object',
  additionalProperties: false,
  properties: {
    file: {
      type: 'object',
      required: ['path', 'format', 'csv'],
      additionalProperties: false,
      properties: tableFiles,
    },
    s3: {
      type: 'object',
      required: ['region', 'bucket', 'path', 'format', 'csv'],
      additionalProperties: false,
      properties: {
        ...tableFiles,
        endpoint: url,
        region: s3Place.properties.region,
        bucket: s3Place.properties.bucket,
        workloadIdentity: {
          type: 'object',
          required: ['roleARN'],
          additionalProperties: false,
          properties: { roleARN: { type: 'string', pattern: '^arn:aws', maxLength: 500 } },
        },
      },
    },
    azureBlob: {
      type: 'object',
      required: [
        'endpoint',
        'container',
        'path',
        'layout',
        'settleSeconds',
        'authorityHost',
        'format',
        'csv',
      ],
      additionalProperties: false,
      properties: {
        ...tableFiles,
        endpoint: url,
        container: { type: 'string', minLength: 3, maxLength: 63 },
        layout: { enum: ['Files', 'CustomerInsights'] },
        settleSeconds: { type: 'integer', minimum: 0, maximum: 86_400 },
        workloadIdentity: {
          type: 'object',
          required: ['tenantId', 'clientId'],
          additionalProperties: false,
          properties: { tenantId: uuid, clientId: uuid },
        },
        authorityHost,
      },
    },
    postgresql: {
      type: 'object',
      required: ['host', 'port', 'database', 'hasOwnCa', 'statementTimeoutSeconds'],
      additionalProperties: false,
      properties: {
        host: { type: 'string', minLength: 1, maxLength: 253 },
        port: { type: 'integer', minimum: 1, maximum: 65_535 },
        database: { type: 'string', minLength: 1, maxLength: 63 },
        query: { type: 'string', minLength: 1, maxLength: 10_000 },
        table: { type: 'string', minLength: 1, maxLength: 127 },
        hasOwnCa: { type: 'boolean' },
        statementTimeoutSeconds: { type: 'integer', minimum: 1, maximum: 86_400 },
        segmentField: field,
        modifiedField: field,
      },
      oneOf: [{ required: ['query'] }, { required: ['table'] }],
    },
    customerInsights: {
      type: 'object',
      required: [
        'environmentUrl',
        'tenantId',
        'authorityHost',
        'profileTable',
        'profileKeyField',
        'membershipType',
        'modifiedFrom',
        'parallelScans',
      ],
      additionalProperties: false,
      properties: {
        environmentUrl: url,
        tenantId: uuid,
        workloadIdentity: {
          type: 'object',
          required: ['clientId'],
          additionalProperties: false,
          properties: { clientId: uuid },
        },
        authorityHost,
        profileTable: logicalName,
        profileKeyField: logicalName,
        membershipType: { type: 'string', minLength: 1, maxLength: 50 },
        modifiedFrom: { enum: ['Memberships', 'SegmentMetadata'] },
        parallelScans: { type: 'integer', minimum: 1, maximum: 16 },
      },
    },
  },
  minProperties: 1,
  maxProperties: 1,
} as const;

/** JSON schema of the run document; `oneOf` is told apart by `kind`. */
export const runDocumentSchema = {
  type: 'object',
  discriminator: { propertyName: 'kind' },
  required: ['kind'],
  oneOf: [
    {
      required: ['formatVersion', 'connection', 'api'],
      additionalProperties: false,
      properties: {
        ...base,
        kind: { const: 'Check' },
        ledger: {
          type: 'object',
          required: ['s3'],
          additionalProperties: false,
          properties: { s3: s3Place },
        },
      },
    },
    {
      required: ['formatVersion', 'connection', 'api', 'export', 'ledger', 'deletionPolicy'],
      additionalProperties: false,
      properties: {
        ...base,
        kind: { const: 'Retire' },
        export: objectName,
        ledger,
        deletionPolicy,
        removalGuard: maxPercent,
        approval,
      },
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
        'rowFaultGuard',
        'removalGuard',
        'deletionPolicy',
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
        mode: { enum: ['Mirror', 'AddOnly'] },
        ledger,
        plan: { const: true },
        rowFaultGuard: maxPercent,
        maxSourceAgeSeconds: { type: 'integer', minimum: 1, maximum: 31_536_000 },
        removalGuard: maxPercent,
        approval,
        deletionPolicy,
        consent,
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
        source,
        allowLocalSource: { const: true },
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
              existing: { enum: ['Refuse', 'Keep', 'TakeOver'] },
            },
          },
        },
      },
    },
  ],
} as const;
