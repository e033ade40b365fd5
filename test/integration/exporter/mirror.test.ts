import { describe, expect, test } from 'vitest';
import type { Report } from '../../../api/report.ts';
import type { ExportRun, RunSegment } from '../../../api/rundocument.ts';
import { type MemoryHome, memoryHome } from '../../../exporter/ledger/testkit.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { type Here, runHere } from './inprocess.ts';
import { exportName, exportOf, segmentOf } from './program.ts';
import { digestOf, sandboxFor, writes } from './sandbox.ts';

const day = 86_400_000;
const address = (index: number): string => `person.${index}@example.com`;
const people = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => address(from + index));
const listOf = (all: readonly string[]): string => `email\n${all.join('\n')}\n`;
const foreigner = 'somebody.elses@example.com';

interface Story {
  sandbox: Sandbox;
  home: MemoryHome;
  /** One run with these people in the segment `readers`. */
  run(who: readonly string[], change?: Partial<ExportRun>, here?: Partial<Here>): Promise<Report>;
  /** Identifiers that were sent since the last time this was asked: adds, removes, emptyings. */
  sent(): { add: number; remove: number; empty: number };
}

async function begin(): Promise<Story> {
  const sandbox = await sandboxFor({ callsPerMinute: 0 });
  const home = memoryHome();
  return {
    sandbox,
    home,
    run: (who, change = {}, here = {}) =>
      runHere(mirrorOf(sandbox.url, change), { home, files: { 'people.csv': listOf(who) }, ...here }),
    sent: () => {
      const sent = { add: 0, remove: 0, empty: 0 };
      for (const { counts } of sandbox.requests()) {
        if (counts?.operation === 'empty') sent.empty += 1;
        else if (counts) sent[counts.operation as 'add' | 'remove'] += counts.identifiers;
      }
      sandbox.clearRequests();
      return sent;
    },
  };
}

const ledger = { volume: {}, resyncEveryHours: 720 };

function mirrorOf(url: string, change: Partial<ExportRun> = {}): ExportRun {
  return exportOf(url, { mode: 'Mirror', ledger, ...change });
}

const withSegments = (...segments: RunSegment[]): Partial<ExportRun> => ({
  segments,
  source: { file: { path: '.', format: 'CSV', csv: { delimiter: 'Comma' } } },
});

test('only changes are sent, and Criteo has exactly the source\u2019s people after each run', async () => {
  const { sandbox, run, sent } = await begin();
  const first = await run(people(0, 1000));
  expect(first.segments?.[0]).toMatchObject({ uploaded: 1000, removed: 0, held: 1000, action: 'Create' });
  expect(sent()).toEqual({ add: 1000, remove: 0, empty: 0 });

  const same = await run(people(0, 1000));
  expect(same).toMatchObject({ reason: 'Succeeded', segments: [{ uploaded: 0, removed: 0, held: 1000 }] });
  expect(sent()).toEqual({ add: 0, remove: 0, empty: 0 });

  const changed = await run(people(10, 1010));
  expect(changed.segments?.[0]).toMatchObject({ uploaded: 10, removed: 10, held: 1000, action: 'None' });
  expect(sent()).toEqual({ add: 10, remove: 10, empty: 0 });
  expect(sandbox.segments()).toMatchObject([{ name: 'readers', digest: digestOf(people(10, 1010)) }]);
  expect(sandbox.violations()).toEqual([]);
});

test('AddOnly with a ledger sends only who is new, and removes nobody', async () => {
  const { sandbox, run, sent } = await begin();
  await run(people(0, 100), { mode: 'AddOnly' });
  sent();
  const report = await run(people(50, 120), { mode: 'AddOnly' });
  expect(report.segments?.[0]).toMatchObject({ uploaded: 20, removed: 0, held: 120 });
  expect(sent()).toEqual({ add: 20, remove: 0, empty: 0 });
  expect(sandbox.segments()[0]?.digest).toBe(digestOf(people(0, 120)));
});

test('every identifier is sent again when it is time', async () => {
  const { run, sent } = await begin();
  await run(people(0, 100));
  sent();
  await run(people(0, 100), {}, { later: 29 * day });
  expect(sent().add).toBe(0);
  await run(people(0, 100), {}, { later: 30 * day });
  expect(sent().add).toBe(100);
  await run(people(0, 100), {}, { later: 31 * day });
  expect(sent().add).toBe(0);
});

test('a change that may have been overtaken by an older one is sent again a day later, once', async () => {
  const { sandbox, run, sent } = await begin();
  sandbox.addFault({ kind: 'late', operation: 'add', skip: 1 });
  await run(people(0, 100));
  // Acknowledged, and its effect is yet to come.
  await run(people(0, 101));
  const removed = await run(people(0, 100));
  expect(removed).toMatchObject({ reason: 'Succeeded', unsettled: 1 });
  sandbox.releaseEffects();
  expect(sandbox.segments()[0]?.digest).toBe(digestOf(people(0, 101)));
  sent();
  expect(await run(people(0, 100), {}, { later: day / 2 })).toMatchObject({ unsettled: 1 });
  expect(sent()).toEqual({ add: 0, remove: 0, empty: 0 });
  const settled = await run(people(0, 100), {}, { later: 2 * day });
  expect(settled.unsettled).toBeUndefined();
  expect(sent()).toEqual({ add: 0, remove: 1, empty: 0 });
  expect(sandbox.segments()[0]?.digest).toBe(digestOf(people(0, 100)));
  await run(people(0, 100), {}, { later: 3 * day });
  expect(sent()).toEqual({ add: 0, remove: 0, empty: 0 });
});

describe('segments that exist at Criteo', () => {
  const theirs = { advertiserId: '12345', name: 'readers', description: 'by hand', identifiers: [foreigner] };

  test('Keep adds and removes our own people, marks the segment, and leaves everybody else\u2019s', async () => {
    const { sandbox, run } = await begin();
    sandbox.addSegment(theirs);
    const keep = { segments: [segmentOf('readers', { existing: 'Keep' })] };
    const first = await run(people(0, 10), keep);
    expect(first.segments?.[0]).toMatchObject({ action: 'Keep', origin: 'Kept', uploaded: 10 });
    await run(people(2, 10), keep);
    expect(sandbox.segments()[0]).toMatchObject({
      description: `by hand [segmentexport.io/v1 owner=shop/newsletter uid=${exportName.uid} kept]`,
      digest: digestOf([...people(2, 10), foreigner]),
    });
  });

  test('a second export is refused with the first one\u2019s name, also from a segment that is kept', async () => {
    const { sandbox, run } = await begin();
    sandbox.addSegment(theirs);
    const keep = { segments: [segmentOf('readers', { existing: 'Keep' })] };
    await run(people(0, 10), keep);
    const other = { ...exportName, name: 'other', uid: 'another' };
    const report = await runHere(mirrorOf(sandbox.url, { ...keep, export: other }), {
      home: memoryHome(),
      files: { 'people.csv': listOf(people(5, 15)) },
    });
    expect(report.segments?.[0]).toMatchObject({
      reason: 'SegmentOwnedByAnother',
      details: { owner: 'shop/newsletter' },
    });
    expect(sandbox.segments()[0]?.digest).toBe(digestOf([...people(0, 10), foreigner]));
  });

  test('TakeOver empties once, then fills; whoever is put in later stays', async () => {
    const { sandbox, run, sent } = await begin();
    const { id } = sandbox.addSegment(theirs);
    const takeOver = { segments: [segmentOf('readers', { existing: 'TakeOver' })] };
    const first = await run(people(0, 10), takeOver);
    expect(first.segments?.[0]).toMatchObject({ action: 'TakeOver', origin: 'TakenOver', held: 10 });
    expect(sent()).toEqual({ add: 10, remove: 0, empty: 1 });
    expect(sandbox.segments()[0]?.digest).toBe(digestOf(people(0, 10)));
    sandbox.changeMembers({ segmentId: id, identifiers: [foreigner] });
    await run(people(1, 10), takeOver);
    expect(sent()).toEqual({ add: 0, remove: 1, empty: 0 });
    expect(sandbox.segments()[0]?.digest).toBe(digestOf([...people(1, 10), foreigner]));
  });

  test('a segment that is given back loses our marker, also where Criteo said for a moment that it is gone', async () => {
    const { sandbox, run } = await begin();
    sandbox.addSegment(theirs);
    const files = { './readers.csv': listOf(people(0, 10)), './other.csv': listOf(people(0, 10)) };
    const kept = segmentOf('readers', { existing: 'Keep' });
    await run([], withSegments(kept, segmentOf('other')), { files });
    const left = {
      ...withSegments(segmentOf('other')),
      removalGuard: { maxPercent: 100 },
      deletionPolicy: 'Empty',
    } as const;
    sandbox.addFault({ kind: 'status', status: 404, method: 'PATCH', path: 'audience-segments$' });
    expect(await run([], left, { files })).toMatchObject({
      retired: { list: [{ reason: 'CriteoReplyInvalid' }] },
    });
    expect(await run([], left, { files })).toMatchObject({ reason: 'Succeeded' });
    expect(sandbox.segments().find(({ name }) => name === 'readers')).toMatchObject({
      description: 'by hand',
      digest: digestOf([foreigner]),
    });
  });

  test('an emptying that comes late is put right a day later', async () => {
    const { sandbox, run } = await begin();
    sandbox.addSegment(theirs);
    sandbox.addFault({ kind: 'late', operation: 'empty' });
    const takeOver = { segments: [segmentOf('readers', { existing: 'TakeOver' })] };
    expect(await run(people(0, 10), takeOver)).toMatchObject({ reason: 'Succeeded', unsettled: 10 });
    sandbox.releaseEffects();
    expect(sandbox.segments()[0]?.numberOfIdentifiers).toBe(0);
    await run(people(0, 10), takeOver, { later: 2 * day });
    expect(sandbox.segments()[0]?.digest).toBe(digestOf(people(0, 10)));
  });

  test('a lost ledger is not started over; TakeOver is the way back', async () => {
    const { sandbox, run } = await begin();
    await run(people(0, 10));
    const lost = await run(people(5, 15), {}, { home: memoryHome() });
    expect(lost.segments?.[0]).toMatchObject({ reason: 'SegmentNotInLedger', details: { count: 10 } });
    expect(sandbox.segments()[0]?.digest).toBe(digestOf(people(0, 10)));
    const takeOver = { segments: [segmentOf('readers', { existing: 'TakeOver' })] };
    expect((await run(people(5, 15), takeOver, { home: memoryHome() })).reason).toBe('Succeeded');
    expect(sandbox.segments()[0]?.digest).toBe(digestOf(people(5, 15)));
  });
});

describe('changed by hand at Criteo', () => {
  async function filled() {
    const story = await begin();
    await story.run(people(0, 10));
    return { ...story, id: story.sandbox.segments()[0]?.id ?? '' };
  }

  test('a segment that was deleted is made again with everyone', async () => {
    const { sandbox, run, id } = await filled();
    sandbox.deleteSegment(id);
    const report = await run(people(0, 11));
    expect(report.segments?.[0]).toMatchObject({ action: 'Recreate', uploaded: 11, held: 11 });
    expect(sandbox.segments()).toMatchObject([{ digest: digestOf(people(0, 11)) }]);
    expect((await run(people(0, 11))).segments?.[0]).toMatchObject({ uploaded: 0, action: 'None' });
  });

  test('one that was renamed, or lost its marker, is put right', async () => {
    const { sandbox, run, id } = await filled();
    sandbox.changeSegment(id, { name: 'Mine', description: 'a note' });
    expect((await run(people(0, 10))).segments?.[0]).toMatchObject({ action: 'Rename', uploaded: 0 });
    expect(sandbox.segments()).toMatchObject([
      {
        name: 'readers',
        description: `a note [segmentexport.io/v1 owner=shop/newsletter uid=${exportName.uid}]`,
      },
    ]);
  });
});

describe('made read-only by hand', () => {
  test('a segment is named as that, before and in the middle of a run, and goes on once it is writable', async () => {
    const { sandbox, run, home } = await begin();
    await run(people(0, 10));
    const id = sandbox.segments()[0]?.id ?? '';
    sandbox.changeSegment(id, { readOnly: true });
    expect((await run(people(0, 11))).segments?.[0]?.reason).toBe('SegmentReadOnly');
    sandbox.changeSegment(id, { readOnly: false });
    // The run has looked by then, and is about to send.
    home.onWrite = () => sandbox.changeSegment(id, { readOnly: true });
    expect((await run(people(0, 11))).segments?.[0]?.reason).toBe('SegmentReadOnly');
    home.onWrite = undefined;
    sandbox.changeSegment(id, { readOnly: false });
    expect((await run(people(0, 11))).reason).toBe('Succeeded');
    expect(sandbox.segments()[0]?.digest).toBe(digestOf(people(0, 11)));
  });
});

describe('a changed definition', () => {
  test('another name at Criteo renames the segment, so that audiences keep it', async () => {
    const { sandbox, run, sent } = await begin();
    await run(people(0, 10));
    sent();
    const report = await run(people(0, 10), { segments: [segmentOf('readers', { criteoName: 'Fans' })] });
    expect(report.segments?.[0]).toMatchObject({ action: 'Rename', uploaded: 0 });
    expect(sandbox.segments()).toMatchObject([{ name: 'Fans', digest: digestOf(people(0, 10)) }]);
    expect(sent()).toEqual({ add: 0, remove: 0, empty: 0 });
  });

  const two = withSegments(segmentOf('a'), segmentOf('b'));
  const one = withSegments(segmentOf('a'));
  const files = { 'a.csv': listOf(people(0, 10)), 'b.csv': listOf(people(5, 25)) };
  const unguarded = { removalGuard: { maxPercent: 100 } };
  const names = (sandbox: Sandbox) => sandbox.segments().map((each) => [each.name, each.numberOfIdentifiers]);

  test.each([
    [
      'Retain',
      [
        ['a', 10],
        ['b', 20],
      ],
      { policy: 'Retain', removed: 0, held: 20 },
    ],
    [
      'Empty',
      [
        ['a', 10],
        ['b', 0],
      ],
      { policy: 'Empty', removed: 20, held: 0 },
    ],
    ['Delete', [['a', 10]], { policy: 'Delete', removed: 20, held: 0 }],
  ] as const)('a segment taken out is retired by deletionPolicy: %s, once', async (policy, left, told) => {
    const { sandbox, run } = await begin();
    await run([], two, { files });
    const change = { ...one, ...unguarded, deletionPolicy: policy };
    const report = await run([], change, { files });
    expect(report).toMatchObject({
      reason: 'Succeeded',
      retired: { total: 1, list: [{ reason: 'Succeeded', ...told }] },
    });
    expect(names(sandbox)).toEqual(left);
    expect((await run([], change, { files })).retired).toBeUndefined();
    // And back again.
    await run([], { ...two, ...unguarded }, { files });
    expect(names(sandbox)).toEqual([
      ['a', 10],
      ['b', 20],
    ]);
  });

  test('the guard holds a retirement until a person approves it', async () => {
    const { sandbox, run } = await begin();
    await run([], two, { files });
    const change = { ...one, deletionPolicy: 'Delete' } as const;
    const stopped = await run([], change, { files });
    expect(stopped).toMatchObject({
      reason: 'SegmentsFailed',
      segments: [{ reason: 'Succeeded' }],
      retired: { list: [{ reason: 'RemovalGuard', policy: 'Delete', held: 20 }] },
    });
    expect(names(sandbox)).toEqual([
      ['a', 10],
      ['b', 20],
    ]);
    const approved = await run([], { ...change, approval: stopped.approval ?? '' }, { files });
    expect(approved.reason).toBe('Succeeded');
    expect(names(sandbox)).toEqual([['a', 10]]);
  });

  test('another advertiser is another segment; the old one is retired', async () => {
    const { sandbox, run } = await begin();
    sandbox.putClient({
      clientId: 'sandbox-client',
      clientSecret: 'sandbox-secret',
      advertisers: [
        { id: '12345', name: 'a' },
        { id: '7', name: 'b' },
      ],
    });
    await run(people(0, 10));
    await run(people(0, 10), { advertiserId: '7', deletionPolicy: 'Delete', ...unguarded });
    expect(sandbox.segments()).toMatchObject([{ advertiserId: '7', digest: digestOf(people(0, 10)) }]);
  });
});

describe('the removal guard', () => {
  test('stops what would remove more than it allows, until a person approves just that', async () => {
    const { sandbox, run } = await begin();
    await run(people(0, 100));
    const stopped = await run(people(40, 110));
    expect(stopped).toMatchObject({
      reason: 'SegmentsFailed',
      segments: [{ reason: 'RemovalGuard', details: { count: 40, total: 100 }, held: 100 }],
    });
    expect(sandbox.segments()[0]?.digest).toBe(digestOf(people(0, 100)));
    // The source has changed since the person looked.
    const approval = stopped.approval ?? '';
    const other = await run(people(41, 110), { approval });
    expect(other.segments?.[0]).toMatchObject({ reason: 'RemovalGuard', details: { count: 41 } });
    expect(other.approval).not.toBe(approval);
    expect((await run(people(40, 110), { approval })).reason).toBe('Succeeded');
    expect(sandbox.segments()[0]?.digest).toBe(digestOf(people(40, 110)));
  });

  test('an approval does not outlive a change of what Criteo holds', async () => {
    const { run } = await begin();
    await run(people(0, 100));
    const { approval = '' } = await run(people(40, 100));
    await run(people(0, 101));
    expect((await run(people(40, 101), { approval })).segments?.[0]?.reason).toBe('RemovalGuard');
  });

  test('an empty source is stopped at any limit', async () => {
    const { sandbox, run } = await begin();
    await run(people(0, 10));
    const { segments } = await run([], { removalGuard: { maxPercent: 100 } });
    expect(segments?.[0]).toMatchObject({ reason: 'RemovalGuard', details: { count: 10, total: 10 } });
    expect(sandbox.segments()[0]?.numberOfIdentifiers).toBe(10);
  });
});

describe('people whose consent is gone', () => {
  const consent = { field: 'ok', isTrue: true } as const;
  const rows = (entries: readonly (readonly [string, string])[]): Record<string, string> => ({
    'people.csv': `email,ok\n${entries.map(([who, ok]) => `${who},${ok}`).join('\n')}\n`,
  });
  const all = people(0, 10).map((who) => [who, 'yes'] as const);
  const without = (...gone: string[]) =>
    all.map(([who]) => [who, gone.includes(who) ? 'no' : 'yes'] as const);

  test.each(['Mirror', 'AddOnly'] as const)('leave in mode %s', async (mode) => {
    const { sandbox, run } = await begin();
    await run([], { mode, consent }, { files: rows(all) });
    const report = await run([], { mode, consent }, { files: rows(without(address(0), address(1))) });
    expect(report.segments?.[0]).toMatchObject({ withoutConsent: 2, selected: 8, removed: 2, held: 8 });
    expect(sandbox.segments()[0]?.digest).toBe(digestOf(people(2, 10)));
  });

  test('leave past the guard, which holds the others', async () => {
    const { sandbox, run } = await begin();
    await run([], { consent }, { files: rows(all) });
    const files = rows([
      [address(0), 'no'],
      [address(1), 'yes'],
    ]);
    const stopped = await run([], { consent }, { files });
    expect(stopped.segments?.[0]).toMatchObject({
      reason: 'RemovalGuard',
      details: { count: 8 },
      removed: 1,
      held: 9,
    });
    expect(sandbox.segments()[0]?.digest).toBe(digestOf(people(1, 10)));
    expect((await run([], { consent, approval: stopped.approval ?? '' }, { files })).reason).toBe(
      'Succeeded',
    );
    expect(sandbox.segments()[0]?.digest).toBe(digestOf([address(1)]));
  });

  test('leave a segment whose every member has withdrawn, without a guard', async () => {
    const { sandbox, run } = await begin();
    await run([], { consent }, { files: rows(all) });
    const report = await run([], { consent }, { files: rows(all.map(([who]) => [who, ''])) });
    expect(report).toMatchObject({ reason: 'Succeeded', segments: [{ removed: 10, held: 0 }] });
    expect(sandbox.segments()[0]?.numberOfIdentifiers).toBe(0);
  });
});

describe('a plan', () => {
  test('tells what a run would do, and does none of it', async () => {
    const { sandbox, run, sent } = await begin();
    await run(people(0, 100));
    sent();
    const report = await run(people(10, 105), { plan: true });
    expect(report).toMatchObject({
      plan: true,
      reason: 'Succeeded',
      segments: [{ uploaded: 5, removed: 10, held: 95 }],
    });
    expect(writes(sandbox)).toBe(0);
    expect((await run(people(10, 105))).segments?.[0]).toMatchObject({ uploaded: 5, removed: 10 });
  });

  test('what the guard would stop can be approved from the plan', async () => {
    const { sandbox, run } = await begin();
    await run(people(0, 100));
    const plan = await run(people(90, 100), { plan: true });
    expect(plan.segments?.[0]).toMatchObject({
      reason: 'RemovalGuard',
      removed: 90,
      details: { count: 90, total: 100 },
    });
    expect((await run(people(90, 100), { approval: plan.approval ?? '' })).reason).toBe('Succeeded');
    expect(sandbox.segments()[0]?.digest).toBe(digestOf(people(90, 100)));
  });

  test('shows retirements, new segments and refusals, each with its reason', async () => {
    const { sandbox, run } = await begin();
    const files = Object.fromEntries(
      ['a', 'b', 'c', 'd'].map((name) => [`${name}.csv`, listOf(people(0, 5))]),
    );
    await run([], withSegments(segmentOf('a'), segmentOf('b')), { files });
    sandbox.addSegment({ advertiserId: '12345', name: 'd', identifiers: [foreigner] });
    const segments = withSegments(segmentOf('a'), segmentOf('c'), segmentOf('d'));
    const report = await run([], { ...segments, plan: true, deletionPolicy: 'Empty' }, { files });
    expect(report.segments).toMatchObject([
      { action: 'None', uploaded: 0 },
      { action: 'Create', uploaded: 5 },
      { reason: 'SegmentNotOurs', uploaded: 0, details: { count: 1 } },
    ]);
    expect(report.retired?.list).toMatchObject([{ policy: 'Empty', removed: 5, reason: 'RemovalGuard' }]);
  });
});

test('more people than the limit, over all segments, stop a run before the first call that writes', async () => {
  const { sandbox, run } = await begin();
  const files = { 'a.csv': listOf(people(0, 10)), 'b.csv': listOf(people(0, 10)) };
  const segments = withSegments(segmentOf('a'), segmentOf('b'));
  const report = await run([], { ...segments, maxProfiles: 19 }, { files });
  expect(report).toMatchObject({ reason: 'TooManyProfiles', details: { count: 20 } });
  expect(writes(sandbox)).toBe(0);
});
