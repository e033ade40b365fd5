import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { conditionOf, csvOf, digestOf, exportName, hasReason, people, type Shop, writes } from './shop.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

interface BadInput {
  name: string;
  files: Record<string, string>;
  /** Of the condition, and of the segment's line where it is a segment's fault. */
  reason: string;
  segmentReason?: string;
  /** Words that the message must have: what is wrong, and what would be right. */
  says: string[];
  /** Of the definition. */
  spec?: object;
  /** Files that were not written just now. */
  writtenAt?: Date;
  /** What another system did at Criteo before. */
  atCriteo?: (sandbox: Sandbox) => void;
  /** Default: the file as it should have been. */
  mend?: (shop: Shop) => Promise<void>;
  /** What Criteo's segments hold in the end; default: the people of the file. */
  digests?: string[];
}

const good = { 'people.csv': csvOf(people) };
const theirs = ['theirs@example.com'];

const badInputs: BadInput[] = [
  {
    name: 'a file that is missing',
    files: {},
    reason: 'SourceNotFound',
    says: ['spec.source.file.path: "people.csv" is not in the claim "data"', 'put the file there'],
  },
  {
    name: 'a file without the e-mail column',
    files: { 'people.csv': 'mail,segment\nanna@example.com,readers\n' },
    reason: 'FieldNotFound',
    says: ['spec.match.email: no column is named "email"', 'first line must hold the column names'],
  },
  {
    name: 'a file with another delimiter',
    files: { 'people.csv': 'email;segment\nanna@example.com;readers\n' },
    reason: 'FieldNotFound',
    says: ['no column is named', 'With spec.source.file.csv.delimiter: Semicolon it would be found'],
    mend: (shop) =>
      shop.patch('CriteoSegmentExport', exportName, {
        spec: { source: { file: { csv: { delimiter: 'Semicolon' } } } },
      }),
    digests: [digestOf(['anna@example.com'])],
  },
  {
    name: 'a segment that is not in the file',
    files: { 'people.csv': csvOf(people, 'others') },
    reason: 'SegmentsFailed',
    segmentReason: 'SegmentNotFound',
    says: ['1 of 1 segments failed', 'no row has "readers" in the column "segment"'],
  },
  {
    name: 'a file that is not CSV',
    files: { 'people.csv': '\u0000\u0001PAR1\u0000'.repeat(100) },
    reason: 'SourceNotCsv',
    says: [
      'spec.source.file.path: "people.csv" in the claim "data" is not readable as CSV',
      'check spec.source.file.csv.delimiter',
    ],
  },
  {
    name: 'an empty file',
    files: { 'people.csv': '' },
    reason: 'SourceEmpty',
    says: ['"people.csv" in the claim "data" is empty', 'a line of column names'],
  },
  {
    name: 'a file with another column in the place of the address',
    files: { 'people.csv': csvOf(['Anna', 'Berit', 'Chris', 'anna@example.com']) },
    reason: 'TooManyRowFaults',
    says: [
      'spec.rowFaultGuard.maxPercent: 3 of 4 rows are malformed or have an invalid address, more than the 50 percent that it allows; nothing was sent.',
      'Check spec.match.email',
    ],
  },
  {
    name: 'data that is older than the definition allows',
    files: good,
    spec: { maxSourceAgeSeconds: 3600 },
    writtenAt: new Date('2026-01-02T03:04:05Z'),
    reason: 'SegmentsFailed',
    segmentReason: 'SourceStale',
    says: [
      'spec.maxSourceAgeSeconds: the data of the segment "readers" was last written at 2026-01-02T03:04:05Z, longer ago than 3600 seconds; nothing was sent for it.',
      'See that what writes it still runs',
    ],
  },
  {
    name: 'a Criteo segment that exists and is not ours',
    files: good,
    reason: 'SegmentsFailed',
    segmentReason: 'SegmentNotOurs',
    says: [
      'Criteo has a segment "readers" that this export did not make and that holds 1 identifiers',
      'existing: Keep',
    ],
    atCriteo: (sandbox) => {
      sandbox.addSegment({ advertiserId: '12345', name: 'readers', readOnly: false, identifiers: theirs });
    },
    mend: (shop) =>
      shop.patch('CriteoSegmentExport', exportName, {
        spec: { segments: [{ name: 'readers', criteoName: 'Our readers' }] },
      }),
    digests: [digestOf(theirs), digestOf(people)],
  },
];

describe.concurrent('a run of', () => {
  test.each(badInputs)('$name: $reason, nothing is sent; mended, the next request succeeds', async (bad) => {
    const shop = await world.shop();
    bad.atCriteo?.(shop.sandbox);
    const untouched = shop.sandbox.segments();
    await shop.startController();
    await shop.settle({ files: bad.files, ...(bad.spec ? { export: bad.spec } : {}) });
    if (bad.writtenAt) await shop.dateFiles(Object.keys(bad.files), bad.writtenAt);

    await shop.request();
    const failed = await shop.untilExport(bad.reason, hasReason('Ready', bad.reason));
    const message = expect.stringContaining(bad.says[0] ?? '');
    expect(conditionOf(failed, 'Ready')).toMatchObject({ status: 'False', message });
    expect(conditionOf(failed, 'Stalled')).toMatchObject({ status: 'True', reason: bad.reason, message });
    expect(conditionOf(failed, 'LastRunSucceeded')).toMatchObject({
      status: 'False',
      reason: bad.reason,
      message,
    });
    expect(conditionOf(failed, 'Reconciling')).toBeUndefined();
    for (const words of bad.says) expect(failed.status?.lastRun?.message).toContain(words);
    expect(failed.status?.lastRun).toMatchObject({
      outcome: 'Failed',
      reason: bad.reason,
      profiles: { uploaded: 0 },
    });
    if (bad.segmentReason !== undefined) {
      expect(failed.status?.segments).toMatchObject([
        { outcome: 'Failed', reason: bad.segmentReason, uploaded: 0 },
      ]);
    }
    const event = await shop.untilEvent(bad.reason, exportName);
    expect(event).toMatchObject({ type: 'Warning', count: 1, note: message });
    expect((await shop.events()).filter(({ type }) => type === 'Warning')).toEqual([event]);
    expect(shop.sandbox.segments()).toEqual(untouched);
    expect(writes(shop.sandbox)).toBe(0);

    await (bad.mend?.(shop) ?? shop.putFiles(good));
    await shop.request();
    const mended = await shop.untilRuns(2);
    expect(mended.status?.lastRun?.outcome).toBe('Succeeded');
    expect(conditionOf(mended, 'Ready')).toMatchObject({ status: 'True', reason: 'RunSucceeded' });
    expect(conditionOf(mended, 'LastRunSucceeded')).toMatchObject({ status: 'True' });
    expect(conditionOf(mended, 'Stalled')).toBeUndefined();
    expect(shop.sandbox.segments().map(({ digest }) => digest)).toEqual(bad.digests ?? [digestOf(people)]);
  });
});

test('where one segment of two fails, the other is sent, and the status tells both', async () => {
  const shop = await world.shop();
  await shop.startController();
  await shop.settle({ export: { segments: [{ name: 'readers' }, { name: 'lapsed' }] } });
  await shop.request();
  const { status } = await shop.untilRuns(1);
  expect(status?.lastRun).toMatchObject({ outcome: 'PartiallySucceeded', reason: 'SegmentsFailed' });
  expect(status?.segments).toMatchObject([
    { name: 'readers', outcome: 'Succeeded', uploaded: 3, sourceWrittenAt: expect.stringMatching(/Z$/) },
    { name: 'lapsed', outcome: 'Failed', reason: 'SegmentNotFound' },
  ]);
  expect(shop.sandbox.segments().map(({ digest }) => digest)).toEqual([digestOf(people)]);
});
