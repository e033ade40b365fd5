import { expect, test } from 'vitest';
import { Fault } from '../fault.ts';
import type { Row, Source, SourceEvent } from '../source/source.ts';
import { never } from '../testkit.ts';
import { Selection, select } from './selection.ts';

const sourceOf = (...events: SourceEvent[]): Source => ({
  read: async function* () {
    yield* events;
  },
});
const rows = (...all: [number, Row['candidates']][]): SourceEvent => ({
  kind: 'rows',
  rows: all.map(([segment, candidates]) => ({ segment, candidates })),
});
const selections = (count: number): Selection[] => Array.from({ length: count }, () => new Selection(100));

test('each row is counted once, under what became of it', async () => {
  const [gold, silver] = selections(2) as [Selection, Selection];
  await select(
    sourceOf(
      rows([0, ['a@example.com']], [0, [' A@example.com']], [1, ['a@example.com']], [0, ['', '']]),
      rows([0, ['none']], [0, 'misshapen']),
    ),
    [gold, silver],
    10,
    never,
    () => undefined,
  );
  expect(gold.counts).toMatchObject({ read: 5, selected: 1, duplicate: 1, empty: 1, invalid: 2 });
  expect(silver.counts).toMatchObject({ read: 1, selected: 1, duplicate: 0 });
});

test('the limit counts all segments together, and stops the reading', async () => {
  const all = selections(2);
  const source = sourceOf(
    rows([0, ['a@example.com']], [1, ['a@example.com']]),
    rows([0, ['b@example.com']], [0, ['c@example.com']]),
  );
  await expect(select(source, all, 2, never, () => undefined)).rejects.toMatchObject({
    reason: 'TooManyProfiles',
    details: { count: 3 },
  });
  await expect(select(source, selections(2), 4, never, () => undefined)).resolves.toBeUndefined();
});

test('what kept a segment from being read, or that nothing is in it, is why it is not uploaded', async () => {
  const all = selections(4);
  await select(
    sourceOf(
      { kind: 'found', segment: 0 },
      { kind: 'fault', segment: 1, fault: new Fault('SourceEmpty') },
      rows([3, ['a@example.com']]),
    ),
    all,
    10,
    never,
    () => undefined,
  );
  expect(all.map((selection) => selection.refusal()?.reason)).toEqual([
    'SegmentEmpty',
    'SourceEmpty',
    'SegmentNotFound',
    undefined,
  ]);
});
