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
  rowFaultGuard: { maxPercent: 50 },
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
  allowLocalSource: true,
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

const tables = { path: 'people.csv', format: 'CSV', csv: { delimiter: 'Comma' } };
const uuid = '11111111-2222-4333-8444-555555555555';
const authorityHost = 'https://login.microsoftonline.com';
const sources = {
  file: { ...tables, newest: { settleSeconds: 300 } },
  s3: { ...tables, region: 'eu-north-1', bucket: 'people', workloadIdentity: { roleARN: 'arn:aws:iam::1' } },
  azureBlob: {
    ...tables,
    endpoint: 'https://people.blob.core.windows.net',
    container: 'lists',
    layout: 'CustomerInsights',
    settleSeconds: 1800,
    authorityHost,
  },
  postgresql: {
    host: 'db.example',
    port: 5432,
    database: 'crm',
    query: 'SELECT 1',
    hasOwnCa: true,
    statementTimeoutSeconds: 600,
  },
  customerInsights: {
    environmentUrl: 'https://contoso.crm4.dynamics.com',
    tenantId: uuid,
    workloadIdentity: { clientId: uuid },
    authorityHost,
    profileTable: 'msdynci_customerprofile',
    profileKeyField: 'msdynci_customerid',
    membershipType: 'Customer',
    modifiedFrom: 'Memberships',
    parallelScans: 4,
  },
};
const { s3: bucket, azureBlob, postgresql, customerInsights } = sources;

test.each(Object.entries(sources))('an export of the source %s is read as it was written', (kind, source) => {
  const document = { ...run, maxSourceAgeSeconds: 60, source: { [kind]: source } };
  expect(parseRunDocument(JSON.stringify(document))).toEqual(document);
});

test.each<[string, object, string]>([
  ['two sources', { s3: bucket, postgresql }, '/source'],
  ['no source', {}, '/source'],
  ['a source of a later release', { ftp: tables }, 'must NOT have additional properties'],
  ['a format that is none', { file: { ...tables, format: 'XLSX' } }, '/source/file/format'],
  [
    'a marker in another directory',
    { file: { ...tables, newest: { marker: '../x', settleSeconds: 0 } } },
    '/marker',
  ],
  ['a query and a table', { postgresql: { ...postgresql, table: 'people' } }, '/source/postgresql'],
  ['an endpoint with credentials', { s3: { ...bucket, endpoint: 'https://a:b@store.example' } }, '/endpoint'],
  ['an endpoint that is no URL', { azureBlob: { ...azureBlob, endpoint: 'store' } }, '/endpoint'],
  ['a tenant that is none', { customerInsights: { ...customerInsights, tenantId: '../x' } }, '/tenantId'],
  [
    'a table with more than a name',
    { customerInsights: { ...customerInsights, profileTable: 'a?$top=1' } },
    '/profileTable',
  ],
  [
    'an authority with a path',
    { customerInsights: { ...customerInsights, authorityHost: `${authorityHost}/x` } },
    '/authorityHost',
  ],
])('%s is refused by name', (_, source, words) => {
  expect(() => parseRunDocument(JSON.stringify({ ...run, source }))).toThrow(words);
});

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
  [
    'a limit of row faults that is no percentage',
    { ...run, rowFaultGuard: { maxPercent: 101 } },
    '/rowFaultGuard',
  ],
  ['no limit of row faults', { ...run, rowFaultGuard: undefined }, 'rowFaultGuard'],
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
