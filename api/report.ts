import { Ajv } from 'ajv';
import { exitCodes, isRunReason, type RunReason, runReasons } from './reasons.ts';

/**
 * The report: what one run did, in counts and codes. It is the container's
 * termination message, of which Kubernetes keeps 4096 bytes, so it travels in a
 * compact form (`encodeReport`); fifty segments fit.
 */
export interface Report {
  kind: 'Check' | 'Export';
  /** The whole run's; `SegmentsFailed` where only some of its segments failed. */
  reason: RunReason;
  /** Numbers and codes that the message for `reason` needs. */
  details?: ReportDetails;
  /** Milliseconds since the epoch. */
  startedAt: number;
  finishedAt: number;
  /** A check's: how many advertisers the account may use, and the first of their ids. */
  advertisers?: { total: number; ids: string[] };
  /** An export's, in the order of the run document. */
  segments?: SegmentReport[];
  /** Calls made to Criteo, and milliseconds spent waiting for its rate limit. */
  calls: number;
  throttledMs: number;
  /** Criteo's Deprecation header was seen; with the date of its Sunset header, `YYYY-MM-DD`. */
  deprecated?: { sunset?: string };
}

/** Everything here is our own word or a number: never text from a file or an API. */
export interface ReportDetails {
  /** Which key of the Secret is missing. */
  key?: 'clientId' | 'clientSecret';
  /** The line of the file at which reading failed, from 1. */
  line?: number;
  /** HTTP status of the reply that ended the run. */
  status?: number;
  /** Criteo's error code, where it has the form of one. */
  code?: string;
  /** A delimiter under which the missing column would be found. */
  delimiter?: 'Comma' | 'Semicolon' | 'Tab';
  /** Index into match.email: 0 is `field`, 1 the first of `fallbackFields`. */
  fieldIndex?: number;
  /** Profiles counted when the limit was passed, or identifiers that Criteo says a segment holds. */
  count?: number;
  /** `namespace/name` of the export that the owner marker names. */
  owner?: string;
}

export interface SegmentReport extends SegmentCounts {
  /** `NotRun`: the run ended before this segment's turn. */
  reason: RunReason | 'NotRun';
  details?: ReportDetails;
  /** Criteo's id of the segment, once known. */
  criteoSegmentId?: string;
}

export interface SegmentCounts {
  /** Rows of the source that belong to the segment. */
  read: number;
  /** Rows whose address has not the form of one. */
  invalid: number;
  /** Rows without an address. */
  empty: number;
  /** Rows whose address was already seen in this segment. */
  duplicate: number;
  /** Distinct addresses. */
  selected: number;
  /** Identifiers that Criteo acknowledged as valid. */
  uploaded: number;
  /** Identifiers that Criteo called invalid. */
  refused: number;
}

/** What Kubernetes keeps of a termination message, in bytes. */
export const maxReportBytes = 4096;

const countNames = ['read', 'invalid', 'empty', 'duplicate', 'selected', 'uploaded', 'refused'] as const;

export const noCounts: Readonly<SegmentCounts> = {
  read: 0,
  invalid: 0,
  empty: 0,
  duplicate: 0,
  selected: 0,
  uploaded: 0,
  refused: 0,
};

/** Adds the counts of segments: an export's totals. */
export function sumCounts(segments: readonly SegmentCounts[]): SegmentCounts {
  const sum = { ...noCounts };
  for (const segment of segments) {
    // Past this a sum is not exact, and status would not take it.
    for (const name of countNames) sum[name] = Math.min(sum[name] + segment[name], Number.MAX_SAFE_INTEGER);
  }
  return sum;
}

/** The exporter's exit code for a report. */
export function exitCodeOf(report: Report): number {
  const segments = report.segments ?? [];
  if (report.reason !== 'SegmentsFailed') return exitCodes[runReasons[report.reason]];
  // A segment whose fault passes makes the whole Job worth a retry: adding again what is there is harmless.
  if (segments.some((s) => s.reason !== 'NotRun' && runReasons[s.reason] === 'passing'))
    return exitCodes.passing;
  return segments.some((s) => s.reason === 'Succeeded') ? exitCodes.partial : exitCodes.user;
}

// The wire form. Reasons are listed once and named by index; a segment is
// [reason, criteoSegmentId | 0, read, invalid, empty, duplicate, selected, uploaded, refused].
interface Wire {
  v: 1;
  kind: Report['kind'];
  words: string[];
  reason: number;
  details?: ReportDetails;
  started: number;
  finished: number;
  advertisers?: { total: number; ids: string[] };
  segments?: (number | string)[][];
  /** By index of the segment. */
  segmentDetails?: Record<string, ReportDetails>;
  calls: number;
  throttled: number;
  deprecated?: { sunset?: string };
}

const count = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;

const detailsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    key: { enum: ['clientId', 'clientSecret'] },
    line: count,
    status: { type: 'integer', minimum: 100, maximum: 599 },
    // A code of words; what could be a digest of an address is none.
    code: { type: 'string', pattern: '^(?!.*[0-9a-f]{32})[a-z][a-z0-9-]{0,63}$' },
    delimiter: { enum: ['Comma', 'Semicolon', 'Tab'] },
    fieldIndex: { type: 'integer', minimum: 0, maximum: 5 },
    count,
    owner: {
      type: 'string',
      pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$',
    },
  },
} as const;

/** JSON schema of the report's wire form. A report comes from a pod: nothing else of it is believed. */
export const reportSchema = {
  type: 'object',
  required: ['v', 'kind', 'words', 'reason', 'started', 'finished', 'calls', 'throttled'],
  additionalProperties: false,
  properties: {
    v: { const: 1 },
    kind: { enum: ['Check', 'Export'] },
    words: { type: 'array', maxItems: 60, items: { type: 'string', pattern: '^[A-Za-z]{1,40}$' } },
    reason: count,
    details: detailsSchema,
    started: count,
    finished: count,
    advertisers: {
      type: 'object',
      required: ['total', 'ids'],
      additionalProperties: false,
      properties: {
        total: { ...count, maximum: 2_147_483_647 },
        ids: { type: 'array', maxItems: 100, items: { type: 'string', pattern: '^[0-9]{1,19}$' } },
      },
    },
    segments: {
      type: 'array',
      maxItems: 50,
      items: {
        type: 'array',
        minItems: 9,
        maxItems: 9,
        items: { anyOf: [count, { type: 'string', pattern: '^[0-9]{1,19}$' }] },
      },
    },
    segmentDetails: {
      type: 'object',
      propertyNames: { pattern: '^[0-9]{1,2}$' },
      additionalProperties: detailsSchema,
    },
    calls: count,
    throttled: count,
    deprecated: {
      type: 'object',
      additionalProperties: false,
      properties: { sunset: { type: 'string', pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' } },
    },
  },
} as const;

const validate = new Ajv({ allowUnionTypes: true }).compile<Wire>(reportSchema);

/** The report in at most 4096 bytes; details of segments, then ids of advertisers, are left out where it would be longer. */
export function encodeReport(report: Report): string {
  const words: string[] = [];
  const indexOf = (word: string): number => {
    if (!words.includes(word)) words.push(word);
    return words.indexOf(word);
  };
  const wire: Wire = {
    v: 1,
    kind: report.kind,
    words,
    reason: indexOf(report.reason),
    started: report.startedAt,
    finished: report.finishedAt,
    calls: report.calls,
    throttled: Math.round(report.throttledMs),
  };
  if (report.details) wire.details = report.details;
  if (report.deprecated) wire.deprecated = report.deprecated;
  if (report.advertisers) {
    wire.advertisers = { total: report.advertisers.total, ids: report.advertisers.ids.slice(0, 100) };
  }
  if (report.segments) {
    wire.segments = report.segments.map((segment) => [
      indexOf(segment.reason),
      segment.criteoSegmentId ?? 0,
      ...countNames.map((name) => segment[name]),
    ]);
    const details = report.segments.flatMap((segment, index) =>
      segment.details ? [[String(index), segment.details] as const] : [],
    );
    if (details.length > 0) wire.segmentDetails = Object.fromEntries(details);
  }
  return JSON.stringify(fitting(wire));
}

function fitting(wire: Wire): Wire {
  const fits = (candidate: Wire): boolean => Buffer.byteLength(JSON.stringify(candidate)) <= maxReportBytes;
  if (fits(wire)) return wire;
  const { segmentDetails: _, ...shorter } = wire;
  if (fits(shorter) || !shorter.advertisers) return shorter;
  return { ...shorter, advertisers: { total: shorter.advertisers.total, ids: [] } };
}

/** The report of a termination message, or undefined where it is none: cut off, of another format, or no JSON. */
export function decodeReport(text: string): Report | undefined {
  let wire: unknown;
  try {
    wire = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!validate(wire)) return undefined;
  const reason = wire.words[wire.reason];
  if (reason === undefined || !isRunReason(reason)) return undefined;
  const report: Report = {
    kind: wire.kind,
    reason,
    startedAt: wire.started,
    finishedAt: wire.finished,
    calls: wire.calls,
    throttledMs: wire.throttled,
  };
  if (wire.details) report.details = wire.details;
  if (wire.deprecated) report.deprecated = wire.deprecated;
  if (wire.advertisers) report.advertisers = wire.advertisers;
  if (wire.segments) {
    const segments: SegmentReport[] = [];
    for (const [index, tuple] of wire.segments.entries()) {
      const segment = decodeSegment(tuple, wire.words, wire.segmentDetails?.[String(index)]);
      if (!segment) return undefined;
      segments.push(segment);
    }
    report.segments = segments;
  }
  return report;
}

function decodeSegment(
  tuple: readonly (number | string)[],
  words: readonly string[],
  details: ReportDetails | undefined,
): SegmentReport | undefined {
  const [reasonIndex, id, ...counts] = tuple;
  const reason = typeof reasonIndex === 'number' ? words[reasonIndex] : undefined;
  if (reason === undefined || !(reason === 'NotRun' || isRunReason(reason))) return undefined;
  const segment: SegmentReport = { reason, ...noCounts };
  for (const [index, name] of countNames.entries()) {
    const value = counts[index];
    if (typeof value !== 'number') return undefined;
    segment[name] = value;
  }
  if (typeof id === 'string') segment.criteoSegmentId = id;
  if (details) segment.details = details;
  return segment;
}
