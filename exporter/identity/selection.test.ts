import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fault } from '../fault.ts';
import type { Row, Source, SourceEvent } from '../source/source.ts';
import { never } from '../testkit.ts';
import { guardRowFaults, Selection, type SourceLimits, select } from './selection.ts';

const sourceOf = (...events: SourceEvent[]): Source => ({
  read: async function* () {
    yield* events;
  },
});
type Short = [segment: number, candidates: Row['candidates'], hasConsent?: boolean];
const rows = (...all: Short[]): SourceEvent => ({
  kind: 'rows',
  rows: all.map(([segment, candidates, hasConsent = true]) => ({ segment, candidates, hasConsent })),
});
const selections = (count: number): Selection[] => Array.from({ length: count }, () => new Selection(100));
const limits: SourceLimits = { maxFaultPercent: 50, now: 10_000 };
const options = { maxProfiles: 10, signal: never, onRows: () => undefined };

/** The names of those whose addresses at example.com a set holds. */
function namesIn(digests: Uint8Array): string {
  const hex = Buffer.from(digests).toString('hex').match(/.{64}/g) ?? [];
  expect(hex).toEqual([...hex].sort());
  const known = new Map([...'abcdefgh'].map((name) => [hash('sha256', `${name}@example.com`), name]));
  return hex
    .map((digest) => known.get(digest) ?? '?')
    .sort()
    .join('');
}

const person = (name: string): readonly string[] => [`${name}@example.com`];

test('each row is counted once, under what became of it', async () => {
  const [gold, silver] = selections(2) as [Selection, Selection];
  await select(
    sourceOf(
      rows([0, ['a@example.com']], [0, [' A@example.com']], [1, ['a@example.com']], [0, ['', '']]),
      rows([0, ['none']], [0, 'misshapen']),
    ),
    [gold, silver],
    options,
  );
  expect(gold.counts).toMatchObject({
    read: 5,
    selected: 1,
    duplicate: 1,
    empty: 1,
    invalid: 1,
    malformed: 1,
  });
  expect(silver.counts).toMatchObject({ read: 1, selected: 1, duplicate: 0 });
  expect([gold, silver].map((selection) => namesIn(selection.drain()))).toEqual(['a', 'a']);
});

test('the limit counts all segments together, and stops the reading', async () => {
  const all = selections(2);
  const source = sourceOf(rows([0, person('a')], [1, person('a')]), rows([0, person('b')], [0, person('c')]));
  await expect(select(source, all, { ...options, maxProfiles: 2 })).rejects.toMatchObject({
    reason: 'TooManyProfiles',
    details: { count: 3 },
  });
  const enough = await select(source, selections(2), { ...options, maxProfiles: 4 });
  expect(enough.withdrawn).toHaveLength(0);
});

test('what kept a segment from being read is told; a segment without people is another matter', async () => {
  const all = selections(4);
  await select(
    sourceOf(
      { kind: 'found', segment: 0 },
      { kind: 'fault', segment: 1, fault: new Fault('SourceEmpty') },
      rows([3, person('a')]),
    ),
    all,
    options,
  );
  expect(all.map((selection) => [selection.refusal(limits)?.reason, selection.isEmpty])).toEqual([
    [undefined, true],
    ['SourceEmpty', true],
    ['SegmentNotFound', true],
    [undefined, false],
  ]);
});

describe('how old the data is', () => {
  const aged = async (...events: SourceEvent[]): Promise<Selection[]> => {
    const both = selections(2);
    await select(sourceOf(...events, rows([0, person('a')], [1, person('b')])), both, options);
    return both;
  };
  const reasons = (all: readonly Selection[], asked: Partial<SourceLimits>) =>
    all.map((selection) => selection.refusal({ ...limits, ...asked })?.reason);

  test('stops the segments whose data is older than was asked, and no others', async () => {
    const both = await aged(
      { kind: 'written', segment: 0, at: 8_999 },
      { kind: 'written', segment: 1, at: 9_000 },
    );
    expect(reasons(both, { maxAgeMs: 1_000 })).toEqual(['SourceStale', undefined]);
    expect(both[0]?.refusal({ ...limits, maxAgeMs: 1_000 })?.details).toEqual({ writtenAt: 8_999 });
    expect(reasons(both, {})).toEqual([undefined, undefined]);
  });

  test('is the latest that the source told; told of no segment, it is everybody\u2019s', async () => {
    const both = await aged(
      { kind: 'written', segment: 0, at: 9_500 },
      { kind: 'written', at: 5_000 },
      { kind: 'written', segment: 0, at: 1 },
    );
    expect(both.map(({ writtenAt }) => writtenAt)).toEqual([9_500, 5_000]);
  });

  test('must be known where it is asked for', async () => {
    expect(reasons(await aged(), { maxAgeMs: 1_000 })).toEqual(['SourceAgeUnknown', 'SourceAgeUnknown']);
    expect(reasons(await aged(), {})).toEqual([undefined, undefined]);
  });
});

describe('rows without a usable address', () => {
  const read = async (...events: SourceEvent[]): Promise<{ all: Selection[]; malformed: number }> => {
    const all = selections(2);
    const { malformed } = await select(sourceOf(...events), all, options);
    return { all, malformed };
  };

  test('stop their segment where they are more than allowed; empty ones are no fault', async () => {
    const { all } = await read(
      rows([0, ['none']], [0, 'misshapen'], [0, person('a')], [0, ['']]),
      rows([1, ['none']], [1, 'misshapen'], [1, ['none']], [1, person('a')], [1, ['']]),
    );
    expect(all.map((selection) => selection.refusal(limits)?.reason)).toEqual([
      undefined,
      'TooManyRowFaults',
    ]);
    expect(all[1]?.refusal(limits)?.details).toEqual({ count: 3, total: 5 });
    expect(all[1]?.refusal({ ...limits, maxFaultPercent: 60 })).toBeUndefined();
  });

  test('stop the run where they are more than allowed of all rows, those of no segment included', async () => {
    const { all, malformed } = await read(
      rows([0, person('a')], [1, person('b')]),
      { kind: 'malformed', count: 1 },
      { kind: 'malformed', count: 2 },
    );
    expect(malformed).toBe(3);
    expect(() => guardRowFaults(all, malformed, 59)).toThrow(
      expect.objectContaining({ reason: 'TooManyRowFaults', details: { count: 3, total: 5 } }),
    );
    expect(() => guardRowFaults(all, malformed, 60)).not.toThrow();
    expect(() => guardRowFaults(selections(1), 0, 0)).not.toThrow();
  });
});

describe('people without consent', () => {
  test('are not selected, and are returned, sorted, for removal', async () => {
    const [gold] = selections(1) as [Selection];
    const { withdrawn } = await select(
      sourceOf(
        rows([0, person('a')], [0, person('b'), false], [0, person('c')], [0, person('d'), false]),
        rows([0, [''], false], [0, ['none'], false], [0, 'misshapen', false], [0, person('b'), false]),
      ),
      [gold],
      options,
    );
    expect(namesIn(withdrawn)).toBe('bd');
    expect(namesIn(gold.drain())).toBe('ac');
    expect(gold.counts).toMatchObject({
      ...{ read: 8, selected: 2, withoutConsent: 3, empty: 1, invalid: 1, malformed: 1, duplicate: 0 },
    });
  });

  test('are left out of every segment, also where another row of theirs consents', async () => {
    const [gold, silver] = selections(2) as [Selection, Selection];
    const { withdrawn } = await select(
      sourceOf(
        rows([0, person('a')], [0, person('a')], [0, person('b')], [1, person('a')]),
        rows([1, person('A'), false], [0, person('c'), false], [1, person('c')]),
      ),
      [gold, silver],
      options,
    );
    expect(namesIn(withdrawn)).toBe('ac');
    expect([gold, silver].map((selection) => namesIn(selection.drain()))).toEqual(['b', '']);
    expect(gold.counts).toMatchObject({ read: 4, selected: 1, withoutConsent: 2, duplicate: 1 });
    expect(silver.counts).toMatchObject({ read: 3, selected: 0, withoutConsent: 3 });
    expect(silver.isEmpty).toBe(true);
  });

  test('are withdrawn by all their addresses: an earlier run may have sent a fallback', async () => {
    const [gold] = selections(1) as [Selection];
    const row: Short = [0, ['a@example.com', 'none', 'b@example.com'], false];
    expect(namesIn((await select(sourceOf(rows(row)), [gold], options)).withdrawn)).toBe('ab');
    expect(gold.counts).toMatchObject({ read: 1, withoutConsent: 1 });
  });

  test('have a limit of their own', async () => {
    const source = sourceOf(rows([0, person('a'), false], [0, person('a'), false], [0, person('b'), false]));
    await expect(select(source, selections(1), { ...options, maxWithoutConsent: 1 })).rejects.toMatchObject({
      reason: 'TooManyWithoutConsent',
      details: { count: 2 },
    });
    const exactly = { ...options, maxWithoutConsent: 2, maxProfiles: 1 };
    expect(namesIn((await select(source, selections(1), exactly)).withdrawn)).toBe('ab');
  });

  test('whatever the rows are, nobody withdrawn is selected, and the counts add up', async () => {
    const row = fc.tuple(
      fc.constantFrom(0, 1),
      fc.oneof(
        fc.constantFrom<Row['candidates']>('misshapen', [''], ['none']),
        fc.constantFrom(...'abcd').map(person),
      ),
      fc.boolean(),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 12 }), async (all) => {
        const both = selections(2);
        const selected = await select(sourceOf(rows(...all)), both, { ...options, maxProfiles: 100 });
        const withdrawn = namesIn(selected.withdrawn);
        for (const [segment, selection] of both.entries()) {
          const { read, invalid, malformed, empty, duplicate, withoutConsent, selected } = selection.counts;
          expect(read).toBe(all.filter(([of]) => of === segment).length);
          expect(invalid + malformed + empty + duplicate + withoutConsent + selected).toBe(read);
          const names = namesIn(selection.drain());
          expect(names).toHaveLength(selected);
          expect(new Set(names).isDisjointFrom(new Set(withdrawn))).toBe(true);
        }
      }),
    );
  });
});
