import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isRunReason } from './reasons.ts';
import { decodeReport, encodeReport, maxReportBytes, noCounts, type Report } from './report.ts';

/** A report comes from a pod, which may have been taken over: whatever is in it, nothing but codes and numbers is believed. */

const runs = Number(process.env.HOSTILE_RUNS ?? 2000);

/** With everything that a report can hold. */
const full: Report = {
  kind: 'Export',
  plan: true,
  reason: 'SegmentsFailed',
  details: {
    line: 7,
    status: 503,
    code: 'audience-not-found',
    delimiter: 'Semicolon',
    fieldIndex: 1,
    column: 'Consent',
  },
  startedAt: 1_764_000_000_000,
  finishedAt: 1_764_000_060_000,
  advertisers: { total: 2, ids: ['12345', '9999999999999999999'] },
  segments: [
    {
      ...noCounts,
      reason: 'Succeeded',
      action: 'Create',
      origin: 'Created',
      criteoSegmentId: '5678',
      selected: 9,
      statistics: { numberOfIdentifiers: 11, numberOfMatches: 4 },
    },
    {
      ...noCounts,
      reason: 'SegmentOwnedByAnother',
      action: 'None',
      details: { owner: 'shop/newsletter', count: 3 },
    },
  ],
  malformed: 3,
  retired: {
    total: 1,
    list: [
      {
        reason: 'RemovalGuard',
        policy: 'Empty',
        advertiserId: '12345',
        criteoSegmentId: '9',
        removed: 0,
        held: 4,
      },
    ],
  },
  approval: '0123456789abcdef',
  unsettled: 2,
  calls: 12,
  throttledMs: 40,
  deprecated: { sunset: '2027-01-31' },
};
const wire: unknown = JSON.parse(encodeReport(full));

/** What must be in no report: an address, a digest, a secret. */
const canary = 'Anna.Canary@private.example';
const poison: unknown[] = [
  ...[canary, 'f'.repeat(64), '', '\u0000', '\u202eanna', '__proto__', 'Succeeded', 'NotRun', 'constructor'],
  ...[null, true, -1, 0.5, 1e308, 2 ** 53, [], {}, [[]], [canary], { canary }, { toString: canary }],
  ...['0 0 0 0 0 0 0 0 0 0 0 0 0 0 0', `${'z'.repeat(13)} `.repeat(15).trim(), '\ud800'],
];

/** One value of a JSON tree replaced, one removed or one added. */
function poisoned(tree: unknown, numbers: Iterator<number>): unknown {
  const next = (below: number): number => (numbers.next().value ?? 0) % Math.max(below, 1);
  const value = poison[next(poison.length)];
  if (typeof tree !== 'object' || tree === null || next(4) === 0) return value;
  const copy = structuredClone(tree) as Record<string, unknown>;
  const names = Object.keys(copy);
  const name = names[next(names.length)] ?? '0';
  const how = next(6);
  if (how === 0) delete copy[name];
  else if (how === 1)
    Object.defineProperty(copy, JSON.stringify(value), {
      value: canary,
      enumerable: true,
      configurable: true,
    });
  else copy[name] = poisoned(copy[name], numbers);
  return copy;
}

/** Bytes of a real report, changed here and there; what is no UTF-8 comes as the replacement character, as from a kubelet. */
const mutatedText = fc
  .tuple(fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat({ max: 2 })), { maxLength: 8 }))
  .map(([changes]) => {
    const bytes = [...Buffer.from(JSON.stringify(wire))];
    for (const [at, byte, how] of changes) {
      const index = at % bytes.length;
      if (how === 0) bytes[index] = byte;
      else if (how === 1) bytes.splice(index, 1);
      else bytes.splice(index, 0, byte);
    }
    return Buffer.from(bytes).toString('utf8');
  });
const noise = fc
  .uint8Array({ maxLength: maxReportBytes })
  .map((bytes) => Buffer.from(bytes).toString('utf8'));
const poisonedText = fc
  .tuple(fc.infiniteStream(fc.nat()), fc.integer({ min: 1, max: 3 }))
  .map(([numbers, times]) => {
    let tree = wire;
    for (let time = 0; time < times; time++) tree = poisoned(tree, numbers);
    return JSON.stringify(tree) ?? '';
  });

test('nothing but codes of the closed lists and numbers comes out of a hostile report', () => {
  fc.assert(
    fc.property(fc.oneof(noise, mutatedText, poisonedText, fc.json()), (text) => {
      const report = decodeReport(text);
      if (report === undefined) return;
      expect(wordsOf(report)).toEqual([]);
      // What was believed is a report: it says the same again.
      expect(decodeReport(encodeReport(report))).toBeDefined();
    }),
    { numRuns: runs },
  );
});

test('such reports are often enough believed in part for this to mean something', () => {
  const texts = fc.sample(poisonedText, { numRuns: 1000, seed: 6 });
  const believed = texts.filter((text) => decodeReport(text) !== undefined).length;
  expect(believed).toBeGreaterThan(50);
  expect(believed).toBeLessThan(800);
});

test('a report of a megabyte, of a million brackets, or of texts that patterns would stumble over, is refused', () => {
  for (const text of [
    'x'.repeat(1_000_000),
    '['.repeat(1_000_000),
    `{"v":4,"words":[${'"Succeeded",'.repeat(90_000)}"Succeeded"]}`,
    JSON.stringify({ ...(wire as object), segments: [`${'0 '.repeat(500_000)}!`] }),
    JSON.stringify({ ...(wire as object), details: { code: `${'a-'.repeat(500_000)}!` } }),
    JSON.stringify({ ...(wire as object), details: { owner: `${'a-'.repeat(500_000)}!` } }),
  ]) {
    expect(decodeReport(text)).toBeUndefined();
  }
});

/** Texts in a report that are none of our own words, no number and no time. */
function wordsOf(value: unknown, name = ''): string[] {
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([key, child]) => wordsOf(child, Array.isArray(value) ? name : key));
  if (typeof value === 'number') return Number.isFinite(value) ? [] : [`${name}: ${value}`];
  if (typeof value !== 'string') return [];
  const isOurs =
    ownForms[name]?.test(value) ?? (value === 'NotRun' || isRunReason(value) || ownWords.has(value));
  return isOurs ? [] : [`${name}: ${value}`];
}

const ownForms: Record<string, RegExp> = {
  ids: /^[0-9]{1,19}$/,
  criteoSegmentId: /^[0-9]{1,19}$/,
  advertiserId: /^[0-9]{1,19}$/,
  approval: /^[0-9a-f]{16}$/,
  sunset: /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/,
  code: /^[a-z][a-z0-9-]{0,63}$/,
  owner: /^[a-z0-9.-]{1,63}\/[a-z0-9.-]{1,253}$/,
};
const ownWords = new Set([
  ...[
    'Check',
    'Export',
    'Retire',
    'Comma',
    'Semicolon',
    'Tab',
    'Pipe',
    'Segment',
    'Consent',
    'Modified',
    'ProfileKey',
  ],
  ...['None', 'Create', 'Keep', 'TakeOver', 'Rename', 'Recreate', 'Created', 'Kept', 'TakenOver'],
  ...[
    'Retain',
    'Empty',
    'Delete',
    'clientId',
    'clientSecret',
    'accessKeyId',
    'secretAccessKey',
    'sessionToken',
  ],
  ...['sasToken', 'accountKey', 'tenantId', 'username', 'password', 'ca.crt'],
]);
