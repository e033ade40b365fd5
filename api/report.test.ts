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
const segment = fc.record({
  reason: fc.constantFrom<RunReason | 'NotRun'>(...reasons, 'NotRun'),
  criteoSegmentId: fc.constantFrom('1', '9'.repeat(19)),
  read: count,
  invalid: count,
  empty: count,
  duplicate: count,
  selected: count,
  uploaded: count,
  refused: count,
});

test('a report comes back from the pod as it was', () => {
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 50 }), fc.constantFrom(...reasons), (segments, reason) => {
      const report = { ...base, reason, segments };
      expect(decodeReport(encodeReport(report))).toEqual(report);
    }),
  );
});

test('fifty segments with their details fit into a termination message', () => {
  const details = { owner: `${'n'.repeat(63)}/${'e'.repeat(253)}`, count: 1_000_000 };
  const longest = {
    ...noCounts,
    read: 1_000_000,
    reason: 'SegmentOwnedByAnother' as const,
    criteoSegmentId: '9'.repeat(19),
    details,
  };
  const text = encodeReport({
    ...base,
    reason: 'SegmentsFailed',
    segments: Array.from({ length: 50 }, () => longest),
  });
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(maxReportBytes);
  expect(decodeReport(text)?.segments).toHaveLength(50);
});

test('a hundred advertisers fit, and their number is told where their ids do not', () => {
  const ids = Array.from({ length: 300 }, (_, index) => String(10 ** 18 + index));
  const text = encodeReport({ ...base, kind: 'Check', advertisers: { total: 300, ids } });
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(maxReportBytes);
  expect(decodeReport(text)?.advertisers).toMatchObject({ total: 300, ids: ids.slice(0, 100) });
});

describe('what is no report is not believed:', () => {
  const wire = JSON.parse(encodeReport({ ...base, segments: [{ ...noCounts, reason: 'Succeeded' }] }));
  test.each<[string, unknown]>([
    ['no JSON', '{'],
    ['cut off', encodeReport(base).slice(0, -5)],
    ['another version', { ...wire, v: 2 }],
    ['more than was agreed', { ...wire, note: 'anna@example.com' }],
    ['a reason that is none', { ...wire, words: ['anna'] }],
    ['a word that is not there', { ...wire, reason: 7 }],
    ['a negative count', { ...wire, segments: [[0, 0, -1, 0, 0, 0, 0, 0, 0]] }],
    ['a text in the place of a count', { ...wire, segments: [[0, 0, '1', 0, 0, 0, 0, 0, 0]] }],
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
    segments: kinds.map((reason) => ({ ...noCounts, reason })),
  });
  test.each<[string, Report, number]>([
    ['a success', base, exitCodes.success],
    ["a user's error", { ...base, reason: 'SecretNotFound' }, exitCodes.user],
    ['a passing fault', { ...base, reason: 'CriteoThrottled' }, exitCodes.passing],
    ['a fault of ours', { ...base, reason: 'InternalError' }, exitCodes.internal],
    ['a part that failed', failed('Succeeded', 'SegmentNotFound'), exitCodes.partial],
    ['all parts', failed('SegmentNotFound', 'NotRun'), exitCodes.user],
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
