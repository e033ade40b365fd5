/** What the sandbox can be told: where it listens, who may call it, and how it behaves where the documents leave a choice. */

export type LogicalName =
  | 'msdynci_customerprofile'
  | 'msdynci_segmentmembership'
  | 'mscipriv_segmentmetadata';

export const logicalNames: LogicalName[] = [
  'msdynci_customerprofile',
  'msdynci_segmentmembership',
  'mscipriv_segmentmetadata',
];

/** A column as the metadata tells it. Rows are not held to its type: a column of another type is a test. */
export type Column = {
  name: string;
  type:
    | 'Boolean'
    | 'DateTime'
    | 'Decimal'
    | 'Integer'
    | 'Lookup'
    | 'Memo'
    | 'Picklist'
    | 'String'
    | 'Uniqueidentifier';
};

export type FilterFunction = 'contains' | 'endswith' | 'startswith' | 'In';

/** A credential of workload identity: whose JWT stands for a client secret. All three are compared with case. */
export type Federation = {
  issuer: string;
  subject: string;
  /** Default api://AzureADTokenExchange. */
  audience?: string;
  /** PEM; without it signatures are not checked. */
  publicKey?: string;
};

/** An app registration. */
export type Client = {
  clientId: string;
  clientSecret?: string;
  /** The secret is right, but its time is over. */
  secretExpired?: boolean;
  federations?: Federation[];
  /** Whether Dataverse has an application user for it; default true. */
  applicationUser?: boolean;
};

export type Behaviour = {
  /** `expires_in` of new tokens. */
  tokenLifetimeSeconds: number;
  /** Status of the token endpoint's `invalid_client`. */
  invalidClientStatus: 400 | 401;
  /** The TableType that the metadata tell for the msdynci_ tables. */
  tableType: 'Elastic' | 'Standard' | 'Virtual';
  changeTrackingEnabled: boolean;
  /** Other entity set names than the documented ones, by logical name. */
  entitySetNames: Partial<Record<LogicalName, string>>;
  /** Tables that this environment does not have. */
  absentTables: LogicalName[];
  /** Tables, or the metadata as EntityDefinitions, that the application user may not read. */
  missingRights: (LogicalName | 'EntityDefinitions')[];
  /** The tenant's own columns of the profile. */
  profileColumns: Column[];
  /** How the quotes in contains(msdynci_segments,'..') must be written to find anything: "Name", or \"Name\". */
  segmentQuotes: 'plain' | 'escaped' | 'either';
  /** What the other way gets. */
  otherQuotes: 'nothing' | 'badRequest';
  /** Whether msdynci_segments is {"Segments":[..]} or a bare array. */
  segmentsFormat: 'object' | 'array';
  /** One membership row a customer for each of them. */
  providers: string[];
  /** Whether _ % and [] in the strings of filter functions stand for other characters. */
  wildcards: boolean;
  /** Whether filters on strings tell "A" from "a". */
  caseSensitive: boolean;
  /** Filter functions that get a 400. */
  unsupportedFunctions: FilterFunction[];
  defaultPageSize: number;
  /** A larger odata.maxpagesize is ignored. */
  maxPageSize: number;
  /** Rows after which a query ends as if there were no more, as virtual tables may; 0 for none. */
  rowLimit: number;
  /** Requests that a user may make in a window; 0 switches the limit off. */
  requestsPerWindow: number;
  windowSeconds: number;
  /** Requests of a user that may be under way at once; 0 switches the limit off. */
  maxConcurrent: number;
  maxUrlLength: number;
  /** How long every reply of the Web API takes. */
  latencyMilliseconds: number;
};

export type DataverseOptions = Partial<Behaviour> & {
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 0: any free port. */
  port?: number;
  /** PEM texts; with them the sandbox serves https. */
  tls?: { cert: string; key: string };
  /** Names of the one tenant. Default `defaultTenants`. */
  tenants?: string[];
  /** Default: one client, `defaultClient`. */
  clients?: Client[];
  /** The organization's URL, which scopes must name; default: the URL by which the caller reached the sandbox. */
  organizationUrl?: string;
  /** The time in milliseconds since 1970; for tests of expiry and of limits. */
  now?: () => number;
};

export const defaultTenants = ['5d5bbae6-0000-4000-8000-00000000c0de', 'contoso.onmicrosoft.com'];

export const defaultClient: Client = {
  clientId: '0a991d00-0000-4000-8000-000000000001',
  clientSecret: 'dataverse-secret',
};

export const defaultBehaviour: Behaviour = {
  tokenLifetimeSeconds: 3599,
  invalidClientStatus: 401,
  tableType: 'Elastic',
  changeTrackingEnabled: true,
  entitySetNames: {},
  absentTables: [],
  missingRights: [],
  profileColumns: [
    { name: 'msdynci_email', type: 'String' },
    { name: 'msdynci_emailaddress2', type: 'String' },
    { name: 'msdynci_donotemail', type: 'Boolean' },
    { name: 'msdynci_firstname', type: 'String' },
    { name: 'msdynci_lastname', type: 'String' },
    { name: 'msdynci_city', type: 'String' },
    { name: 'msdynci_country', type: 'String' },
    { name: 'msdynci_birthdate', type: 'DateTime' },
    { name: 'msdynci_lifetimevalue', type: 'Decimal' },
  ],
  segmentQuotes: 'plain',
  otherQuotes: 'nothing',
  segmentsFormat: 'object',
  providers: ['CustomerInsights'],
  wildcards: true,
  caseSensitive: false,
  unsupportedFunctions: [],
  defaultPageSize: 5000,
  maxPageSize: 5000,
  rowLimit: 0,
  requestsPerWindow: 6000,
  windowSeconds: 300,
  maxConcurrent: 52,
  maxUrlLength: 32_768,
  latencyMilliseconds: 0,
};

const logicalName = { enum: logicalNames };
const strings = { type: 'array', items: { type: 'string' } };
const count = { type: 'integer', minimum: 0 };
const positive = { type: 'integer', minimum: 1 };

/** JSON Schema of a change of behaviour. */
export const behaviourSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    tokenLifetimeSeconds: count,
    invalidClientStatus: { enum: [400, 401] },
    tableType: { enum: ['Elastic', 'Standard', 'Virtual'] },
    changeTrackingEnabled: { type: 'boolean' },
    entitySetNames: {
      type: 'object',
      propertyNames: logicalName,
      additionalProperties: { type: 'string', pattern: '^\\w+$' },
    },
    absentTables: { type: 'array', items: logicalName },
    missingRights: { type: 'array', items: { enum: [...logicalNames, 'EntityDefinitions'] } },
    profileColumns: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'type'],
        properties: {
          name: { type: 'string', pattern: '^[a-z]\\w*$' },
          type: {
            enum: [
              'Boolean',
              'DateTime',
              'Decimal',
              'Integer',
              'Lookup',
              'Memo',
              'Picklist',
              'String',
              'Uniqueidentifier',
            ],
          },
        },
      },
    },
    segmentQuotes: { enum: ['plain', 'escaped', 'either'] },
    otherQuotes: { enum: ['nothing', 'badRequest'] },
    segmentsFormat: { enum: ['object', 'array'] },
    providers: strings,
    wildcards: { type: 'boolean' },
    caseSensitive: { type: 'boolean' },
    unsupportedFunctions: { type: 'array', items: { enum: ['contains', 'endswith', 'startswith', 'In'] } },
    defaultPageSize: positive,
    maxPageSize: positive,
    rowLimit: count,
    requestsPerWindow: count,
    windowSeconds: positive,
    maxConcurrent: count,
    maxUrlLength: positive,
    latencyMilliseconds: count,
  },
};
