import { expect, test } from 'vitest';
import { type RunReason, runReasons } from '../../../api/reasons.ts';
import { type MessageContext, messageFor } from './index.ts';

const tables = { path: 'people.csv', format: 'CSV', csv: { delimiter: 'Comma' } } as const;
const context: MessageContext = {
  secretName: 'criteo-nordic',
  apiVersion: '2026-07',
  advertiserId: '12345',
  source: { run: { file: { ...tables, segmentField: 'segment' } }, claimName: 'people' },
  emailFields: ['email', 'email2'],
  consentField: 'doNotEmail',
  maxProfiles: 1000,
  hasLedger: true,
  ledgerPlace: 'the volume claim "nordic-ledger-0"',
  ledgerSecret: 'store',
  maxPercent: 30,
  approve: 'kubectl annotate criteosegmentexport newsletter segmentexport.io/approvedRun=run-1',
  segment: { name: 'lapsed', criteoName: 'Lapsed 2026' },
};
const reasons = Object.keys(runReasons) as RunReason[];

test.each(reasons)('%s has a sentence without holes, with and without details', (reason) => {
  for (const details of [
    undefined,
    {
      status: 403,
      code: 'some-code',
      line: 3,
      count: 1001,
      total: 2000,
      fieldIndex: 1,
      owner: 'shop/other',
      delimiter: 'Tab' as const,
      key: 'clientId' as const,
    },
  ]) {
    const message = messageFor(reason, details, context);
    expect(message).toMatch(/^[A-Z"s0-9].*\.$/);
    expect(message).not.toMatch(/undefined|""|\bNaN\b|\s{2}/);
    expect(message.length).toBeLessThan(500);
  }
});

test.each(reasons.filter((reason) => runReasons[reason] === 'user' && reason !== 'SegmentsFailed'))(
  '%s names what the user has to mend',
  (reason) => {
    expect(messageFor(reason, undefined, context)).toMatch(
      /spec\.|Secret|criteoName|--ca-bundle|permission|refused a call/,
    );
  },
);

test.each<[RunReason, string]>([
  ['FieldNotFound', 'no column is named "email2"'],
  ['SourceNotFound', '"people.csv" is not in the claim "people"'],
  ['SegmentNotFound', 'no row has "lapsed" in the column "segment"'],
  ['TooManyProfiles', 'at least 1001 profiles, the limit is 1000'],
  ['SegmentOwnedByAnother', '"Lapsed 2026" belongs to the export shop/other'],
  ['ConsentFieldNotFound', 'no column is named "doNotEmail"'],
  ['SegmentNotOurs', 'existing: Keep, or empty it once and fill it anew with existing: TakeOver'],
  ['SegmentNotInLedger', 'the volume claim "nordic-ledger-0" does not know it'],
  ['SegmentNotInLedger', 'a backup of the ledger that no run has followed'],
  ['LedgerDamaged', 'which backup may be put back'],
  ['LedgerTooNew', 'begin anew with existing: TakeOver'],
  ['LedgerOfAnother', 'begin anew with existing: TakeOver'],
  ['LedgerForbidden', 'the Secret "store"'],
  ['RemovalGuard', 'more than spec.removalGuard.maxPercent (30) allows'],
  [
    'RemovalGuard',
    'approve it with `kubectl annotate criteosegmentexport newsletter segmentexport.io/approvedRun=run-1`',
  ],
])('%s says: %s', (reason, words) => {
  expect(messageFor(reason, { fieldIndex: 1, count: 1001, owner: 'shop/other' }, context)).toContain(words);
});

test('a segment without a file is told as a file', () => {
  const source = { run: { file: { ...tables, path: 'lists' } }, claimName: 'people' };
  expect(messageFor('SegmentNotFound', undefined, { ...context, source })).toContain(
    '"lists" in the claim "people" has no file "lapsed.csv"',
  );
});

test('the guard says how many of how many would go', () => {
  expect(messageFor('RemovalGuard', { count: 900, total: 1000 }, context)).toMatch(
    /^900 of 1000 identifiers would be removed from the segment "Lapsed 2026"/,
  );
});

test('without a ledger nobody is told to take a segment over', () => {
  expect(messageFor('SegmentNotOurs', undefined, { ...context, hasLedger: false })).not.toContain('TakeOver');
});

test('an export that was deleted and made anew is told how to get its own segment back, another one is not', () => {
  const owned = (owner: string): string =>
    messageFor('SegmentOwnedByAnother', { owner }, { ...context, exportName: 'shop/newsletter' });
  expect(owned('shop/newsletter')).toContain('existing: Keep');
  expect(owned('shop/other')).not.toContain('existing: Keep');
});
