import { expect, test } from 'vitest';
import { modeOf, runDocumentOf } from './exportdocument.ts';
import { defaultSettings } from './settings.ts';
import { connection, segmentExport, withLedger } from './testkit/objects.ts';

const input = (spec: object = {}, used = connection({ spec: withLedger })) => ({
  export: segmentExport({ spec }),
  connection: used,
  claimExists: true,
});

test('a run is told of ledger, guard, policy, consent and what to do with existing segments', () => {
  const segments = [{ name: 'a', existing: 'TakeOver' }, { name: 'b', existing: 'Keep' }, { name: 'c' }];
  expect(
    runDocumentOf(
      input({
        removalGuard: { maxPercent: 5 },
        deletionPolicy: 'Delete',
        consent: { field: 'optIn', isTrue: true },
        segments,
      }),
      defaultSettings,
    ),
  ).toMatchObject({
    mode: 'Mirror',
    ledger: { volume: {}, resyncEveryHours: 720 },
    removalGuard: { maxPercent: 5 },
    deletionPolicy: 'Delete',
    consent: { field: 'optIn', isTrue: true },
    segments: [{ existing: 'TakeOver' }, { existing: 'Keep' }, { existing: 'Refuse' }],
  });
});

test('what is not written has the default that the field reference names', () => {
  const run = runDocumentOf(input(), defaultSettings);
  expect(run).toMatchObject({
    removalGuard: { maxPercent: 30 },
    rowFaultGuard: { maxPercent: 50 },
    deletionPolicy: 'Retain',
  });
  expect(run).not.toHaveProperty('consent');
  expect(run).not.toHaveProperty('maxSourceAgeSeconds');
});

test.each([
  ['Mirror', undefined, 'with a ledger', connection({ spec: withLedger })],
  ['AddOnly', undefined, 'without one', connection()],
  ['AddOnly', 'AddOnly', 'where it is written', connection({ spec: withLedger })],
])('the mode is %s (%s) %s', (expected, mode, _, used) => {
  expect(modeOf(input(mode === undefined ? {} : { mode }, used))).toBe(expected);
  expect(runDocumentOf(input({}, connection()), defaultSettings)).not.toHaveProperty('ledger');
});

test('the limits of the source are passed on', () => {
  const limits = { maxSourceAgeSeconds: 90_000, rowFaultGuard: { maxPercent: 0 } };
  expect(runDocumentOf(input(limits), defaultSettings)).toMatchObject(limits);
});
