/** What the sandbox can be told: where it listens, who may call it, and how it behaves where Criteo's documents leave a choice. */

export type Permission = 'MarketingSolutions_Audience_Read' | 'MarketingSolutions_Audience_Manage';

export type Advertiser = { id: string; name: string };

/** An API client (an "app" in Criteo's portal). Without `permissions` it has both. */
export type Client = {
  clientId: string;
  clientSecret: string;
  advertisers: Advertiser[];
  permissions?: Permission[];
};

/** How failing items of a bulk call (create, update, delete) are told. */
export type ItemFailures = 'badRequest' | 'errors' | 'warnings' | 'emptyData';

export type Behaviour = {
  /** `expires_in` of new tokens. */
  tokenLifetimeSeconds: number;
  /** Calls a client may make in a window of 60 seconds; 0 switches the limit off. */
  callsPerMinute: number;
  /** Another length of that window, for tests that wait for its end. */
  rateWindowSeconds: number;
  /** Whether calls of /oauth2/token count against the limit. */
  countTokenCalls: boolean;
  /** Versions that are answered. An older one gets 410, any other 404. */
  versions: string[];
  /** Versions that carry `Deprecation: true` and this `Sunset` header (an HTTP date). */
  deprecatedVersions: Record<string, { sunset: string }>;
  itemFailures: ItemFailures;
  /** When two segment names of an advertiser count as the same. */
  nameComparison: 'exact' | 'trimmedCaseFolded';
  /** An advertiser that is not the account's in create or search: 403, or 200 with nothing in it. */
  foreignAdvertiser: 'forbidden' | 'emptyData';
  /** Status of `audience-invalid`, for a contact list whose segment does not exist. */
  missingSegmentStatus: 403 | 404;
  /** Status of `invalid_client`. */
  invalidClientStatus: 400 | 401;
  /** Status of a call with more than `maxIdentifiers`. */
  tooManyIdentifiersStatus: 400 | 413;
  maxIdentifiers: number;
  /** Larger request bodies get 413. */
  maxBodyBytes: number;
  /** The most segments in one page of a search, whatever `limit` asks for. */
  pageLimit: number;
  /** The part of identifiers, 0 to 1, that the statistics call matched. */
  matchRate: number;
  /** Whether statistics tell `matchRate` as 0 to 1 or as 0 to 100. */
  matchRateScale: 1 | 100;
};

export type SandboxOptions = Partial<Behaviour> & {
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 0: any free port. */
  port?: number;
  /** Default: one client, `defaultClient`. */
  clients?: Client[];
  /** PEM texts; with them the sandbox serves https. */
  tls?: { cert: string; key: string };
  /** The time in milliseconds since 1970; for tests of expiry and of the rate limit. */
  now?: () => number;
};

export const defaultClient: Client = {
  clientId: 'sandbox-client',
  clientSecret: 'sandbox-secret',
  advertisers: [{ id: '12345', name: 'Sandbox advertiser' }],
};

export const defaultBehaviour: Behaviour = {
  tokenLifetimeSeconds: 900,
  callsPerMinute: 250,
  rateWindowSeconds: 60,
  countTokenCalls: false,
  versions: ['2026-01', '2026-07'],
  deprecatedVersions: {},
  itemFailures: 'errors',
  nameComparison: 'exact',
  foreignAdvertiser: 'forbidden',
  missingSegmentStatus: 404,
  invalidClientStatus: 401,
  tooManyIdentifiersStatus: 400,
  maxIdentifiers: 50_000,
  maxBodyBytes: 10 * 1024 * 1024,
  pageLimit: 100,
  matchRate: 0.6,
  matchRateScale: 1,
};

/** JSON Schema of a change of behaviour, for the control interface and the command line. */
export const behaviourSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    tokenLifetimeSeconds: { type: 'integer', minimum: 0 },
    callsPerMinute: { type: 'integer', minimum: 0 },
    rateWindowSeconds: { type: 'integer', minimum: 1 },
    countTokenCalls: { type: 'boolean' },
    versions: { type: 'array', items: { type: 'string', pattern: '^\\d{4}-\\d{2}$' } },
    deprecatedVersions: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        required: ['sunset'],
        properties: { sunset: { type: 'string' } },
      },
    },
    itemFailures: { enum: ['badRequest', 'errors', 'warnings', 'emptyData'] },
    nameComparison: { enum: ['exact', 'trimmedCaseFolded'] },
    foreignAdvertiser: { enum: ['forbidden', 'emptyData'] },
    missingSegmentStatus: { enum: [403, 404] },
    invalidClientStatus: { enum: [400, 401] },
    tooManyIdentifiersStatus: { enum: [400, 413] },
    maxIdentifiers: { type: 'integer', minimum: 1 },
    maxBodyBytes: { type: 'integer', minimum: 1 },
    pageLimit: { type: 'integer', minimum: 1, maximum: 100 },
    matchRate: { type: 'number', minimum: 0, maximum: 1 },
    matchRateScale: { enum: [1, 100] },
  },
};
