import { expect, test } from 'vitest';
import type { RunSegment } from '../../api/rundocument.ts';
import { type Entry, emptySet } from '../ledger/head.ts';
import { matchSegments } from './match.ts';

const entry = (id: string, name: string, criteoName: string, change: Partial<Entry> = {}): Entry => ({
  id,
  advertiserId: '1',
  name,
  criteoName,
  origin: 'Created',
  phase: 'Filled',
  held: emptySet,
  recent: [],
  echoes: [],
  resyncedAt: 0,
  ...change,
});
const segment = (name: string, criteoName = name): RunSegment => ({ name, criteoName, existing: 'Refuse' });

function ids(segments: RunSegment[], entries: Entry[], advertiserId = '1') {
  const match = matchSegments(segments, entries, advertiserId);
  return { entries: match.entries.map((each) => each?.id), left: match.left.map((each) => each.id) };
}

test.each([
  ['the same definition', [segment('a', 'A')], [entry('1', 'a', 'A')], ['1'], []],
  ['the name at Criteo in another case', [segment('a', ' READERS')], [entry('1', 'a', 'readers')], ['1'], []],
  ['another name in the source', [segment('b', 'A')], [entry('1', 'a', 'A')], ['1'], []],
  ['another name at Criteo: it is renamed', [segment('a', 'B')], [entry('1', 'a', 'A')], ['1'], []],
  [
    'names at Criteo that were swapped: each goes on where its name is',
    [segment('a', 'B'), segment('b', 'A')],
    [entry('1', 'a', 'A'), entry('2', 'b', 'B')],
    ['2', '1'],
    [],
  ],
  [
    'a new segment beside one that left',
    [segment('a', 'A'), segment('c', 'C')],
    [entry('1', 'a', 'A'), entry('2', 'b', 'B')],
    ['1', undefined],
    ['2'],
  ],
  [
    'one that had left and is back',
    [segment('a', 'A')],
    [entry('1', 'a', 'A', { retired: 'Retain' })],
    ['1'],
    [],
  ],
  [
    'one that had left is not renamed into another',
    [segment('a', 'B')],
    [entry('1', 'a', 'A', { retired: 'Retain' })],
    [undefined],
    ['1'],
  ],
  [
    'one that is being deleted',
    [segment('a', 'A')],
    [entry('1', 'a', 'A', { phase: 'Deleting' })],
    [undefined],
    ['1'],
  ],
])('%s', (_, segments, entries, expected, left) => {
  expect(ids(segments, entries)).toEqual({ entries: expected, left });
});

test('of another advertiser nothing is continued', () => {
  expect(ids([segment('a', 'A')], [entry('1', 'a', 'A')], '2')).toEqual({
    entries: [undefined],
    left: ['1'],
  });
});
