import { Ajv, type ValidateFunction } from 'ajv';
import { caKey, sourceKeys } from './names.ts';
import { exitCodes, isRunReason, type RunReason, runReasons } from './reasons.ts';
import type { DeletionPolicy, Delimiter } from './rundocument.ts';

/**
 * The report: what one run did, in counts and codes. It is the container's
 * termination message, of which Kubernetes keeps 4096 bytes, so it travels in a
 * compact form (`encodeReport`); fifty segments fit.
 */
export interface Report {
  kind: 'Check' | 'Export' | 'Retire';
  /** Nothing was sent: the counts of the segments tell what would be. */
  plan?: true;
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
  /** Rows that could not be read, of which not even the segment is known. */
  malformed?: number;
  /** Segments at Criteo that have left the export, or whose export is gone: the first of them, and how many. */
  retired?: { total: number; list: RetiredReport[] };
  /** Where the guard stopped something: what a person approves, bound to the counts and the ledger's state. */
  approval?: string;
  /** Identifiers that a later run sends again, because changes at Criteo may have overtaken each other. */
  unsettled?: number;
  /** Calls made to Criteo, and milliseconds spent waiting for its rate limit. */
  calls: number;
  throttledMs: number;
  /** Criteo's Deprecation header was seen; with the date of its Sunset header, `YYYY-MM-DD`. */
  deprecated?: { sunset?: string };
}

/** Everything here is our own word or a number: never text from a file or an API. */
export interface ReportDetails {
  /** Which key of a Secret is missing: of the credentials, the ledger's store or the source. */
  key?: keyof typeof sourceKeys | typeof caKey;
  /** The line of the file at which reading failed, from 1. */
  line?: number;
  /** HTTP status of the reply that ended the run. */
  status?: number;
  /** The code of Criteo's, a store's or a database's error, where it has the form of one, or a word of ours. */
  code?: string;
  /** A delimiter under which the missing column would be found. */
  delimiter?: Delimiter;
  /** Index into match.email: 0 is `field`, 1 the first of `fallbackFields`. */
  fieldIndex?: number;
  /** Where it is not a column of match.email that is wrong. */
  column?: 'Segment' | 'Consent' | 'Modified' | 'ProfileKey';
  /** When the source's data was written; milliseconds since the epoch. */
  writtenAt?: number;
  /** Profiles counted when a limit was passed; identifiers that Criteo says a segment holds, or that would be removed. */
  count?: number;
  /** Identifiers of which `count` would be removed. */
  total?: number;
  /** `namespace/name` of the export that the owner marker names. */
  owner?: string;
}

export interface SegmentReport extends SegmentCounts {
  /** `NotRun`: the run ended before this segment's turn. */
  reason: RunReason | 'NotRun';
  details?: ReportDetails;
  /** Criteo's id of the segment, once known. */
  criteoSegmentId?: string;
  /** What was done to the segment at Criteo beside its list, or would be. */
  action: SegmentAction;
  /** Whose the segment at Criteo is. */
  origin?: SegmentOrigin;
  /** When the source says that the segment's data was last written; milliseconds since the epoch, to the second. */
  sourceWrittenAt?: number;
  /** What Criteo itself says of the segment at the end of the run, where it said so. */
  statistics?: SegmentStatistics;
}

/** In Criteo's words; it leaves out what it does not know. */
export interface SegmentStatistics {
  /** Identifiers in the segment, others' included. */
  numberOfIdentifiers?: number;
  /** Those that Criteo knows. */
  numberOfMatches?: number;
}

export const segmentActions = ['None', 'Create', 'Keep', 'TakeOver', 'Rename', 'Recreate'] as const;
export type SegmentAction = (typeof segmentActions)[number];

export const segmentOrigins = ['Created', 'Kept', 'TakenOver'] as const;
export type SegmentOrigin = (typeof segmentOrigins)[number];

export interface RetiredReport {
  reason: RunReason | 'NotRun';
  policy: DeletionPolicy;
  advertiserId: string;
  /** Absent where the segment was never made. */
  criteoSegmentId?: string;
  /** Identifiers that Criteo acknowledged as removed, or would remove. */
  removed: number;
  /** Identifiers of this export's that are still there. */
  held: number;
}

export interface SegmentCounts {
  /** Rows of the source that belong to the segment. */
  read: number;
  /** Rows whose address has not the form of one. */
  invalid: number;
  /** Rows that could not be read: too many or too few cells, or no object with text in its fields. */
  malformed: number;
  /** Rows without an address. */
  empty: number;
  /** Rows whose address was already seen in this segment. */
  duplicate: number;
  /** Rows of people without consent. */
  withoutConsent: number;
  /** Distinct addresses. */
  selected: number;
  /** Identifiers that Criteo acknowledged as added; in a plan, those that would be. */
  uploaded: number;
  /** Identifiers that Criteo acknowledged as removed; in a plan, those that would be. */
  removed: number;
  /** Identifiers that Criteo called invalid. */
  refused: number;
  /** Identifiers of this export's that the segment holds after the run, as Criteo acknowledged them. */
  held: number;
}

/** What Kubernetes keeps of a termination message, in bytes. */
export const maxReportBytes = 4096;

const countNames = [
  'invalid',
  'malformed',
  'empty',
  'duplicate',
  'withoutConsent',
  'selected',
  'uploaded',
  'removed',
  'refused',
  'held',
] as const;

const statisticsNames = ['numberOfIdentifiers', 'numberOfMatches'] as const;

export const noCounts: Readonly<SegmentCounts> = {
  read: 0,
  invalid: 0,
  malformed: 0,
  empty: 0,
  duplicate: 0,
  withoutConsent: 0,
  selected: 0,
  uploaded: 0,
  removed: 0,
  refused: 0,
  held: 0,
};

/** Adds the counts of segments: an export's totals. */
export function sumCounts(segments: readonly SegmentCounts[]): SegmentCounts {
  const sum = { ...noCounts };
  for (const segment of segments) {
    // Past this a sum is not exact, and status would not take it.
    for (const name of ['read', ...countNames] as const)
      sum[name] = Math.min(sum[name] + segment[name], Number.MAX_SAFE_INTEGER);
  }
  return sum;
}

/** The exporter's exit code for a report. */
export function exitCodeOf(report: Report): number {
  if (report.reason !== 'SegmentsFailed') return exitCodes[runReasons[report.reason]];
  const reasons = [...(report.segments ?? []), ...(report.retired?.list ?? [])].map(({ reason }) => reason);
  const kinds = reasons.map((reason) => (reason === 'NotRun' ? undefined : runReasons[reason]));
  // A segment whose fault passes makes the whole Job worth a retry: sending again what is there is harmless.
  if (kinds.includes('passing')) return exitCodes.passing;
  if (report.segments?.some(({ reason }) => reason === 'Succeeded')) return exitCodes.partial;
  return kinds.includes('guard') ? exitCodes.guard : exitCodes.user;
}

// The wire form. Words are listed once and named by index. A segment is one text of numbers to the base
// of 36, with spaces between: reason, Criteo's id (0: none), action, origin (0: none), when the source was
// written (seconds; 0: unknown), then the counts;
// `read` is their sum. Where Criteo told statistics there are two numbers more, each plus 1 (0: not told). A retired one is the same of reason, policy, advertiser, id, removed, held.
// Fifty segments of 20,000 profiles take 2.7 KB that way, as arrays of numbers they would take 4.2 KB.
interface Wire {
  v: 4;
  kind: Report['kind'];
  plan?: true;
  words: string[];
  reason: number;
  details?: ReportDetails;
  started: number;
  finished: number;
  advertisers?: { total: number; ids: string[] };
  segments?: string[];
  /** By index of the segment. */
  segmentDetails?: Record<string, ReportDetails>;
  retired?: { total: number; list: string[] };
  approval?: string;
  unsettled?: number;
  malformed?: number;
  calls: number;
  throttled: number;
  deprecated?: { sunset?: string };
}

const count = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;

const detailsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    key: { enum: [...Object.values(sourceKeys), caKey] },
    line: count,
    status: { type: 'integer', minimum: 100, maximum: 599 },
    // A code of words; what could be a digest of an address is none.
    code: { type: 'string', pattern: '^(?!.*[0-9a-f]{32})[a-z][a-z0-9-]{0,63}$' },
    delimiter: { enum: ['Comma', 'Semicolon', 'Tab', 'Pipe'] },
    fieldIndex: { type: 'integer', minimum: 0, maximum: 5 },
    column: { enum: ['Segment', 'Consent', 'Modified', 'ProfileKey'] },
    writtenAt: count,
    count,
    total: count,
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
    v: { const: 4 },
    kind: { enum: ['Check', 'Export', 'Retire'] },
    plan: { const: true },
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
      items: { type: 'string', pattern: '^[0-9a-z]{1,13}( [0-9a-z]{1,13}){14}(( [0-9a-z]{1,13}){2})?$' },
    },
    segmentDetails: {
      type: 'object',
      propertyNames: { pattern: '^[0-9]{1,2}$' },
      additionalProperties: detailsSchema,
    },
    retired: {
      type: 'object',
      required: ['total', 'list'],
      additionalProperties: false,
      properties: {
        total: count,
        list: {
          type: 'array',
          maxItems: 50,
          items: { type: 'string', pattern: '^[0-9a-z]{1,13}( [0-9a-z]{1,13}){5}$' },
        },
      },
    },
    approval: { type: 'string', pattern: '^[0-9a-f]{16}$' },
    unsettled: count,
    malformed: count,
    calls: count,
    throttled: count,
    deprecated: {
      type: 'object',
      additionalProperties: false,
      properties: { sunset: { type: 'string', pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' } },
    },
  },
} as const;

let validator: ValidateFunction<Wire> | undefined;

/** Compiled where a report is read: the exporter only writes them, and would start later by a tenth of a second. */
function isWire(value: unknown): value is Wire {
  validator ??= new Ajv({ allowUnionTypes: true }).compile<Wire>(reportSchema);
  return validator(value);
}

/** More retired segments than this are told by their number alone. */
const maxRetired = 10;

/** The report in at most 4096 bytes; Criteo's statistics, then details of segments, then ids of advertisers, then retired segments, then times of sources are left out where it would be longer. */
export function encodeReport(report: Report): string {
  const words: string[] = [];
  const indexOf = (word: string): number => {
    if (!words.includes(word)) words.push(word);
    return words.indexOf(word);
  };
  const wire: Wire = {
    v: 4,
    kind: report.kind,
    words,
    reason: indexOf(report.reason),
    started: report.startedAt,
    finished: report.finishedAt,
    calls: report.calls,
    throttled: Math.round(report.throttledMs),
  };
  if (report.plan) wire.plan = true;
  if (report.details) wire.details = report.details;
  if (report.deprecated) wire.deprecated = report.deprecated;
  if (report.approval !== undefined) wire.approval = report.approval;
  if (report.unsettled !== undefined) wire.unsettled = report.unsettled;
  if (report.malformed !== undefined) wire.malformed = report.malformed;
  if (report.advertisers) {
    wire.advertisers = { total: report.advertisers.total, ids: report.advertisers.ids.slice(0, 100) };
  }
  if (report.segments) {
    wire.segments = report.segments.map((segment) =>
      numbers(
        indexOf(segment.reason),
        segment.criteoSegmentId ?? 0,
        segmentActions.indexOf(segment.action),
        segment.origin === undefined ? 0 : segmentOrigins.indexOf(segment.origin) + 1,
        Math.floor((segment.sourceWrittenAt ?? 0) / 1000),
        ...countNames.map((name) => segment[name]),
        ...(segment.statistics ? statisticsNames.map((name) => (segment.statistics?.[name] ?? -1) + 1) : []),
      ),
    );
    const details = report.segments.flatMap((segment, index) =>
      segment.details ? [[String(index), segment.details] as const] : [],
    );
    if (details.length > 0) wire.segmentDetails = Object.fromEntries(details);
  }
  if (report.retired) {
    const list = report.retired.list
      .slice(0, maxRetired)
      .map(({ reason, policy, advertiserId, criteoSegmentId = 0, removed, held }) =>
        numbers(indexOf(reason), policies.indexOf(policy), advertiserId, criteoSegmentId, removed, held),
      );
    wire.retired = { total: report.retired.total, list };
  }
  return JSON.stringify(fitting(wire));
}

const policies: readonly DeletionPolicy[] = ['Retain', 'Empty', 'Delete'];

/** Ids have up to 19 digits, more than a number holds exactly. */
function numbers(...values: (number | string)[]): string {
  return values.map((value) => BigInt(value).toString(36)).join(' ');
}

function readNumbers(text: string): bigint[] {
  return text.split(' ').map((word) => {
    let value = 0n;
    for (const letter of word) value = value * 36n + BigInt(Number.parseInt(letter, 36));
    return value;
  });
}

/** Where in a segment's line it stands when its data was written. */
const writtenAtIndex = 4;

function withoutTimes(line: string): string {
  return line.split(' ').with(writtenAtIndex, '0').join(' ');
}

/** How many numbers a segment's line has without statistics. */
const lineLength = writtenAtIndex + 1 + countNames.length;

function withoutStatistics(line: string): string {
  return line.split(' ').slice(0, lineLength).join(' ');
}

/** What is left out first is what is missed least. */
function fitting(wire: Wire): Wire {
  const countsOnly: Wire = {
    ...wire,
    ...(wire.segments ? { segments: wire.segments.map(withoutStatistics) } : {}),
  };
  const { segmentDetails: _, ...withoutDetails } = countsOnly;
  const { advertisers, retired } = wire;
  const withoutIds: Wire = {
    ...withoutDetails,
    ...(advertisers ? { advertisers: { total: advertisers.total, ids: [] } } : {}),
  };
  const withoutLists: Wire = {
    ...withoutIds,
    ...(retired ? { retired: { total: retired.total, list: [] } } : {}),
  };
  const fits = (candidate: Wire): boolean => Buffer.byteLength(JSON.stringify(candidate)) <= maxReportBytes;
  const withoutAll: Wire = {
    ...withoutLists,
    ...(countsOnly.segments ? { segments: countsOnly.segments.map(withoutTimes) } : {}),
  };
  return [wire, countsOnly, withoutDetails, withoutIds, withoutLists].find(fits) ?? withoutAll;
}

/** The report of a termination message, or undefined where it is none: cut off, of another format, or no JSON. */
export function decodeReport(text: string): Report | undefined {
  let wire: unknown;
  try {
    wire = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isWire(wire)) return undefined;
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
  if (wire.plan) report.plan = true;
  if (wire.details) report.details = wire.details;
  if (wire.deprecated) report.deprecated = wire.deprecated;
  if (wire.approval !== undefined) report.approval = wire.approval;
  if (wire.unsettled !== undefined) report.unsettled = wire.unsettled;
  if (wire.malformed !== undefined) report.malformed = wire.malformed;
  if (wire.advertisers) report.advertisers = wire.advertisers;
  if (wire.segments) {
    const details = wire.segmentDetails ?? {};
    const segments = wire.segments.map((line, index) =>
      decodeSegment(readNumbers(line), wire.words, details[String(index)]),
    );
    if (segments.includes(undefined)) return undefined;
    report.segments = segments.filter((segment) => segment !== undefined);
  }
  if (wire.retired) {
    const list = wire.retired.list.map((line) => decodeRetired(readNumbers(line), wire.words));
    if (list.includes(undefined)) return undefined;
    report.retired = { total: wire.retired.total, list: list.filter((item) => item !== undefined) };
  }
  return report;
}

function decodeSegment(
  [reasonIndex, id, actionIndex, originIndex, writtenSeconds, ...rest]: bigint[],
  words: readonly string[],
  details: ReportDetails | undefined,
): SegmentReport | undefined {
  const reason = reasonAt(words, reasonIndex);
  const action = segmentActions[Number(actionIndex)];
  const counts = rest.map(Number);
  if (reason === undefined || action === undefined || !counts.every(Number.isSafeInteger)) return undefined;
  const segment: SegmentReport = { reason, action, ...noCounts };
  for (const [index, name] of countNames.entries()) segment[name] = counts[index] ?? 0;
  const { invalid, malformed, empty, duplicate, withoutConsent, selected } = segment;
  segment.read = invalid + malformed + empty + duplicate + withoutConsent + selected;
  const origin = segmentOrigins[Number(originIndex) - 1];
  if (origin !== undefined) segment.origin = origin;
  if (isId(id)) segment.criteoSegmentId = String(id);
  const writtenAt = Number(writtenSeconds) * 1000;
  if (writtenAt > 0 && Number.isSafeInteger(writtenAt)) segment.sourceWrittenAt = writtenAt;
  if (details) segment.details = details;
  const told = counts.slice(countNames.length);
  if (told.length > 0) segment.statistics = decodeStatistics(told);
  return segment;
}

function decodeStatistics(told: readonly number[]): SegmentStatistics {
  const statistics: SegmentStatistics = {};
  for (const [index, name] of statisticsNames.entries()) {
    const value = told[index] ?? 0;
    if (value > 0) statistics[name] = value - 1;
  }
  return statistics;
}

function decodeRetired(
  [reasonIndex, policyIndex, advertiser, id, removed, held]: bigint[],
  words: readonly string[],
): RetiredReport | undefined {
  const reason = reasonAt(words, reasonIndex);
  const policy = policies[Number(policyIndex)];
  const counts = [Number(removed), Number(held)] as const;
  if (reason === undefined || policy === undefined || !counts.every(Number.isSafeInteger)) return undefined;
  if (!isId(advertiser)) return undefined;
  return {
    reason,
    policy,
    advertiserId: String(advertiser),
    ...(isId(id) ? { criteoSegmentId: String(id) } : {}),
    removed: counts[0],
    held: counts[1],
  };
}

function reasonAt(words: readonly string[], index: bigint | undefined): RunReason | 'NotRun' | undefined {
  const reason = words[Number(index)];
  return reason === 'NotRun' || (reason !== undefined && isRunReason(reason)) ? reason : undefined;
}

/** Criteo's ids are numbers of at most 19 digits, and 0 is none. */
function isId(value: bigint | undefined): value is bigint {
  return value !== undefined && value > 0n && value < 10n ** 19n;
}
