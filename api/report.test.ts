import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exitCodes, type RunReason, runReasons } from './reasons.ts';
import {
  decodeReport,
  encodeReport,
  exitCodeOf,
  maxReportBytes,
  noCounts,
  type Report,
  type RetiredReport,
  type SegmentReport,
  segmentActions,
  segmentOrigins,
  sumCounts,
} from './report.ts';

const base: Report = {
  kind: 'Export',
  reason: 'Succeeded',
  startedAt: 1,
  finishedAt: 2,
  calls: 3,
  throttledMs: 4,
};
const reasons = Object.keys(runReasons) as RunReason[];
const count = fc.nat({ max: 1_000_000 });
const criteoId = fc.constantFrom('1', '9'.repeat(19));
const segment: fc.Arbitrary<SegmentReport> = fc
  .record({
    reason: fc.constantFrom<RunReason | 'NotRun'>(...reasons, 'NotRun'),
    criteoSegmentId: criteoId,
    action: fc.constantFrom(...segmentActions),
    origin: fc.constantFrom(...segmentOrigins),
    sourceWrittenAt: fc.nat({ max: 4_000_000_000 }).map((seconds) => (seconds + 1) * 1000),
    invalid: count,
    malformed: count,
    empty: count,
    duplicate: count,
    withoutConsent: count,
    selected: count,
    uploaded: count,
    removed: count,
    refused: count,
    held: count,
    statistics: fc.option(
      fc.record({ numberOfIdentifiers: count, numberOfMatches: count }, { requiredKeys: [] }),
      { nil: undefined },
    ),
  })
  .map(({ statistics, ...line }) => ({ ...line, ...(statistics ? { statistics } : {}) }))
  .map((line) => ({
    ...line,
    read: line.invalid + line.malformed + line.empty + line.duplicate + line.withoutConsent + line.selected,
  }));
const retired: fc.Arbitrary<RetiredReport> = fc.record({
  reason: fc.constantFrom<RunReason | 'NotRun'>(...reasons, 'NotRun'),
  policy: fc.constantFrom('Retain' as const, 'Empty' as const, 'Delete' as const),
  advertiserId: criteoId,
  criteoSegmentId: criteoId,
  removed: count,
  held: count,
});

test('a report comes back from the pod as it was', () => {
  fc.assert(
    fc.property(
      fc.array(segment, { maxLength: 20 }),
      fc.array(retired, { maxLength: 10 }),
      fc.constantFrom(...reasons),
      (segments, list, reason) => {
        const more = {
          retired: { total: 77, list },
          approval: '0123456789abcdef',
          unsettled: 5,
          malformed: 6,
        };
        const report: Report = { ...base, reason, segments, ...more, plan: true };
        expect(decodeReport(encodeReport(report))).toEqual(report);
      },
    ),
  );
});

test('the time at which a source was written is told to the second, and is not there where it is not known', () => {
  const lines = [{ sourceWrittenAt: 1_767_323_045_678 }, {}].map((told) => ({
    ...noCounts,
    reason: 'Succeeded' as const,
    action: 'None' as const,
    ...told,
  }));
  const [known, unknown] = decodeReport(encodeReport({ ...base, segments: lines }))?.segments ?? [];
  expect(known?.sourceWrittenAt).toBe(1_767_323_045_000);
  expect(unknown).not.toHaveProperty('sourceWrittenAt');
});

test("Criteo's statistics of fifty large segments fit, and go first where the report is longer", () => {
  const rows = {
    invalid: 20_000,
    empty: 20_000,
    duplicate: 50_000,
    withoutConsent: 100_000,
    selected: 1_000_000,
  };
  const large: SegmentReport = {
    ...noCounts,
    ...rows,
    read: 1_190_000,
    uploaded: 1_000_000,
    held: 1_000_000,
    reason: 'Succeeded',
    action: 'None',
    origin: 'Created',
    criteoSegmentId: '123456789',
    sourceWrittenAt: 1_767_323_045_000,
    statistics: { numberOfIdentifiers: 1_000_000, numberOfMatches: 600_000 },
  };
  const whole = { ...base, segments: Array.from({ length: 50 }, () => large) };
  expect(decodeReport(encodeReport(whole))).toEqual(whole);
  const details = { count: 1_000_000, total: 1_000_000 };
  const failed = { ...large, reason: 'RemovalGuard' as const, details };
  const longer = {
    ...whole,
    segments: [...whole.segments.slice(15), ...Array.from({ length: 15 }, () => failed)],
  };
  const { statistics: _, ...counted } = large;
  const { segments = [] } = decodeReport(encodeReport(longer)) ?? {};
  expect(segments[0]).toEqual(counted);
  expect(segments[49]).toEqual({ ...counted, reason: 'RemovalGuard', details });
});

test('fifty segments with their details fit into a termination message', () => {
  const details = { owner: `${'n'.repeat(63)}/${'e'.repeat(253)}`, count: 1_000_000 };
  const million = Object.fromEntries(Object.keys(noCounts).map((name) => [name, 1_000_000]));
  const longest: SegmentReport = {
    ...noCounts,
    ...million,
    reason: 'SegmentOwnedByAnother',
    action: 'Recreate',
    origin: 'TakenOver',
    criteoSegmentId: '9'.repeat(19),
    sourceWrittenAt: 4_000_000_000_000,
    details,
  };
  const gone: RetiredReport = {
    reason: 'RemovalGuard',
    policy: 'Delete',
    advertiserId: '9'.repeat(19),
    criteoSegmentId: '9'.repeat(19),
    removed: 1_000_000,
    held: 1_000_000,
  };
  const text = encodeReport({
    ...base,
    reason: 'SegmentsFailed',
    segments: Array.from({ length: 50 }, () => longest),
    retired: { total: 60, list: Array.from({ length: 60 }, () => gone) },
  });
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(maxReportBytes);
  expect(decodeReport(text)?.segments).toHaveLength(50);
  expect(decodeReport(text)?.retired?.total).toBe(60);
});

test('a hundred advertisers fit, and their number is told where their ids do not', () => {
  const ids = Array.from({ length: 300 }, (_, index) => String(10 ** 18 + index));
  const text = encodeReport({ ...base, kind: 'Check', advertisers: { total: 300, ids } });
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(maxReportBytes);
  expect(decodeReport(text)?.advertisers).toMatchObject({ total: 300, ids: ids.slice(0, 100) });
});

describe('what is no report is not believed:', () => {
  const wire = JSON.parse(
    encodeReport({ ...base, segments: [{ ...noCounts, reason: 'Succeeded', action: 'None' }] }),
  );
  /** A segment of fifteen numbers. */
  const line = (read: string, action = '0'): string => `0 0 ${action} 0 0 ${read}${' 0'.repeat(9)}`;
  test('but its like is', () => {
    expect(decodeReport(JSON.stringify({ ...wire, segments: [line('0')] }))).toBeDefined();
  });
  test.each<[string, unknown]>([
    ['no JSON', '{'],
    ['cut off', encodeReport(base).slice(0, -5)],
    ['another version', { ...wire, v: 3 }],
    ['more than was agreed', { ...wire, note: 'anna@example.com' }],
    ['a reason that is none', { ...wire, words: ['anna'] }],
    ['a word that is not there', { ...wire, reason: 7 }],
    ['a negative count', { ...wire, segments: [line('-1')] }],
    ['a text in the place of a count', { ...wire, segments: [line('Anna')] }],
    ['a count that no number holds', { ...wire, segments: [line('zzzzzzzzzzzzz')] }],
    ['an action that is none', { ...wire, segments: [line('0', 'z')] }],
    ['too few numbers', { ...wire, segments: ['0 0 0 0'] }],
    ['a retired segment of no advertiser', { ...wire, retired: { total: 1, list: ['0 0 0 0 0 0'] } }],
    ['an approval that is no token', { ...wire, approval: 'anna' }],
    ['a key of no Secret', { ...wire, details: { key: 'anna@example.com' } }],
    ['a column that is none', { ...wire, details: { column: 'Anna' } }],
    ['a text in a detail', { ...wire, details: { code: 'Anna Andersen' } }],
    ['more advertisers than status can hold', { ...wire, advertisers: { total: 2 ** 31, ids: [] } }],
  ])('%s', (_, text) => {
    expect(decodeReport(typeof text === 'string' ? text : JSON.stringify(text))).toBeUndefined();
  });
});

describe('the exit code', () => {
  const failed = (...kinds: (RunReason | 'NotRun')[]): Report => ({
    ...base,
    reason: 'SegmentsFailed',
    segments: kinds.map((reason) => ({ ...noCounts, reason, action: 'None' as const })),
  });
  test.each<[string, Report, number]>([
    ['a success', base, exitCodes.success],
    ["a user's error", { ...base, reason: 'SecretNotFound' }, exitCodes.user],
    ['a passing fault', { ...base, reason: 'CriteoThrottled' }, exitCodes.passing],
    ['a fault of ours', { ...base, reason: 'InternalError' }, exitCodes.internal],
    ['a part that failed', failed('Succeeded', 'SegmentNotFound'), exitCodes.partial],
    ['all parts', failed('SegmentNotFound', 'NotRun'), exitCodes.user],
    ['a guard', failed('RemovalGuard', 'SegmentNotFound'), exitCodes.guard],
    ['a guard beside a success', failed('RemovalGuard', 'Succeeded'), exitCodes.partial],
    ['a part that passes', failed('Succeeded', 'SegmentNotFound', 'CriteoUnavailable'), exitCodes.passing],
  ])('of %s', (_, report, code) => {
    expect(exitCodeOf(report)).toBe(code);
  });
});

test('totals are sums, as far as a number can hold them', () => {
  expect(
    sumCounts([
      { ...noCounts, read: 2, uploaded: 1 },
      { ...noCounts, read: 3 },
    ]),
  ).toEqual({ ...noCounts, read: 5, uploaded: 1 });
  const most = { ...noCounts, read: Number.MAX_SAFE_INTEGER };
  expect(sumCounts([most, most]).read).toBe(Number.MAX_SAFE_INTEGER);
});
