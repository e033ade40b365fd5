import { expect, test } from 'vitest';
import { type ExportRun, parseRunDocument } from './rundocument.ts';

const name = { namespace: 'shop', name: 'nordic', uid: 'u' };
const run: ExportRun = {
  formatVersion: 1,
  kind: 'Export',
  connection: name,
  api: { baseUrl: 'https://api.criteo.com', version: '2026-07' },
  export: name,
  generation: 3,
  advertiserId: '12345',
  maxProfiles: 1000,
  mode: 'AddOnly',
  removalGuard: { maxPercent: 30 },
  deletionPolicy: 'Retain',
  match: { email: { field: 'email', fallbackFields: [] } },
  source: { file: { path: 'people.csv', format: 'CSV', csv: { delimiter: 'Comma' } } },
  segments: [{ name: 'readers', criteoName: 'Readers', existing: 'Refuse' }],
};
const { connection, api } = run;
const s3 = { region: 'eu-north-1', bucket: 'ledgers', prefix: 'shop/nordic' };
const ledger = { s3, resyncEveryHours: 720 };
const mirror = {
  ...run,
  mode: 'Mirror',
  ledger,
  plan: true,
  approval: '0123456789abcdef',
  consent: { field: 'doNotEmail', equals: 'false' },
};
const retire = {
  formatVersion: 1,
  kind: 'Retire',
  connection,
  api,
  export: name,
  ledger,
  deletionPolicy: 'Empty',
};

test.each([
  ['an export', run],
  ['a mirror', mirror],
  ['a retirement', retire],
  ['a check', { formatVersion: 1, kind: 'Check', connection, api, ledger: { s3 } }],
])('%s is read as it was written', (_, document) => {
  expect(parseRunDocument(JSON.stringify(document))).toEqual(document);
});

test.each<[string, unknown, string]>([
  ['no kind', { formatVersion: 1 }, 'run document'],
  ['a kind of a later release', { ...run, kind: 'Plan' }, 'run document'],
  ['a format of a later release', { ...run, formatVersion: 2 }, '/formatVersion'],
  ['a field that is not known', { ...run, proxy: {} }, 'must NOT have additional properties'],
  ['two homes of a ledger', { ...run, ledger: { ...ledger, volume: {} } }, '/ledger'],
  ['two ways to consent', { ...run, consent: { field: 'x', equals: 'a', isTrue: true } }, '/consent'],
  ['an approval that is no token', { ...run, approval: 'yes' }, '/approval'],
  ['a retirement without a ledger', { ...retire, ledger: undefined }, 'ledger'],
  ['no segments', { ...run, segments: [] }, '/segments'],
  ['a mode that is none', { ...run, mode: 'Replace' }, '/mode'],
  ['a URL with a path', { ...run, api: { ...api, baseUrl: 'https://api.criteo.com/x' } }, '/api/baseUrl'],
  [
    'a URL with credentials',
    { ...run, api: { ...api, baseUrl: 'https://a:b@api.criteo.com' } },
    '/api/baseUrl',
  ],
])('%s is refused by name', (_, document, words) => {
  expect(() => parseRunDocument(JSON.stringify(document))).toThrow(words);
});

test('what is no JSON is refused', () => {
  expect(() => parseRunDocument('{')).toThrow(SyntaxError);
});
