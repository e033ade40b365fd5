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
  match: { email: { field: 'email', fallbackFields: [] } },
  source: { file: { path: 'people.csv', format: 'CSV', csv: { delimiter: 'Comma' } } },
  segments: [{ name: 'readers', criteoName: 'Readers', existing: 'Refuse' }],
};
const { connection, api } = run;

test.each([
  ['an export', run],
  ['a check', { formatVersion: 1, kind: 'Check', connection, api }],
])('%s is read as it was written', (_, document) => {
  expect(parseRunDocument(JSON.stringify(document))).toEqual(document);
});

test.each<[string, unknown, string]>([
  ['no kind', { formatVersion: 1 }, 'run document'],
  ['a kind of a later release', { ...run, kind: 'Plan' }, 'run document'],
  ['a format of a later release', { ...run, formatVersion: 2 }, '/formatVersion'],
  ['a field that is not known', { ...run, consent: {} }, 'must NOT have additional properties'],
  ['no segments', { ...run, segments: [] }, '/segments'],
  ['a mode that is not built', { ...run, mode: 'Mirror' }, '/mode'],
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
