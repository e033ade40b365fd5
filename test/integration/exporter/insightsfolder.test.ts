import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Consent } from '../../../api/rundocument.ts';
import { openSource } from '../../../exporter/source/open.ts';
import { surroundingsOf } from '../../../exporter/source/testkit.ts';
import { type BlobStore, startAzurite } from '../../support/azurite.ts';
import { exportOf, segmentOf } from './program.ts';
import { faultOf, hastyClock, mounted, type Reading, readingOf } from './storekit.ts';

let server: BlobStore;
let exports = 0;
/** The export's folder; a new one each test. */
let folder: string;

beforeAll(async () => {
  server = await startAzurite();
});
afterAll(() => server.stop());

const columns = ['CustomerId', 'FullName', 'EMail', 'DoNotEmail'];
const person = (name: string, doNotEmail = 'False'): string =>
  `"${name}","Somebody, called ""${name}""","${name}@example.com","${doNotEmail}"\r\n`;

interface EntityShape {
  name?: string;
  columns?: string[];
  /** Paths below the export's folder. */
  files?: string[];
  format?: Record<string, unknown>;
}

/** As the Common Data Model has it, with what nobody asked for. */
function modelOf(...entities: EntityShape[]): string {
  return JSON.stringify({
    name: 'export',
    version: '1.0',
    entities: [
      { $type: 'ReferenceEntity', name: 'Elsewhere', source: 'a', modelId: 'b' },
      ...entities.map(({ name = 'Gold', columns: names = columns, files = [], format }) => ({
        $type: 'LocalEntity',
        name,
        attributes: names.map((attribute) => ({ name: attribute, dataType: 'string' })),
        partitions: files.map((file) => ({
          name: file,
          location: `https://anywhere.dfs.core.windows.net:443/segments/${encodeURI(folder)}/${file}`,
          ...(format ? { fileFormatSettings: { $type: 'CsvFormatSettings', ...format } } : {}),
        })),
      })),
    ],
  });
}

async function begin(model: string | undefined, files: Record<string, string | Buffer> = {}): Promise<void> {
  for (const [name, content] of Object.entries(files)) await server.put(`${folder}/${name}`, content);
  if (model !== undefined) await server.put(`${folder}/model.json`, model);
}

interface Asking {
  segments?: string[];
  settleSeconds?: number;
  /** When it is read, in milliseconds since the epoch. */
  now?: number;
  field?: string;
  consent?: Consent;
  slash?: boolean;
}

async function read(asking: Asking = {}): Promise<Reading> {
  const { segments = ['Gold'], settleSeconds = 0, now, field = 'EMail', consent } = asking;
  const { endpoint, container, accountKey } = server;
  const document = exportOf('http://127.0.0.1:1', {
    match: { email: { field, fallbackFields: [] } },
    ...(consent ? { consent } : {}),
    segments: segments.map((name) => segmentOf(name)),
    source: {
      azureBlob: {
        ...{ endpoint, container, path: asking.slash ? `${folder}/` : folder, format: 'CSV' },
        ...{ csv: { delimiter: 'Comma' }, layout: 'CustomerInsights', settleSeconds },
        authorityHost: 'https://login.microsoftonline.com',
      },
    },
  });
  const clock = { ...hastyClock, now: () => now ?? Date.now() };
  const credentialsDirectory = await mounted({ accountKey });
  return await readingOf(
    openSource(document, surroundingsOf('/does-not-exist', { clock, credentialsDirectory })),
  );
}

const newFolder = (): string => `CustomerInsights_5d5bbae6/Newsletter ${++exports}`;
const addressesOf = (...names: string[]): string[] => names.map((name) => `${name}@example.com`);

describe('an export of Customer Insights', () => {
  test('is read from the newest folder, its parts in order, its columns from model.json', async () => {
    folder = newFolder();
    const file = 'Gold/2026/11/22/0312/Gold_1.csv';
    await begin(modelOf({ files: [file] }, { name: 'Silver' }), {
      'Gold/2026/11/21/2312/Gold_1.csv': person('older'),
      'Gold/2025/12/31/2359/Gold_1.csv': person('oldest'),
      [file]: person('a') + person('b', 'True'),
      'Gold/2026/11/22/0312/Gold_10.csv': person('d'),
      'Gold/2026/11/22/0312/Gold_2.csv': person('c'),
      'Gold/2026/11/22/0312/Gold_11.csv': '',
      'Silver/2026/11/22/0312/Silver_1.csv': person('s'),
      'Unasked/2026/11/22/0312/Unasked_1.csv': 'anything',
    });
    for (const slash of [false, true]) {
      const consent = { field: 'DoNotEmail', equals: 'false' };
      const reading = await read({ segments: ['Gold', 'silver', 'Bronze'], consent, slash });
      expect(reading.addresses).toEqual({ 0: addressesOf('a', 'b', 'c', 'd'), 1: addressesOf('s') });
      expect(reading.withoutConsent).toBe(1);
      expect(reading.found).toEqual([0, 1]);
      expect(reading.faults).toEqual({});
      expect(Math.abs((reading.written[0] ?? 0) - Date.now())).toBeLessThan(60_000);
    }
  });

  test('of which somebody still writes the newest folder is read from the one before', async () => {
    folder = newFolder();
    await begin(modelOf({}), { 'Gold/2026/11/21/0312/Gold_1.csv': person('older') });
    const { written } = await read();
    const at = written[0] ?? 0;
    // The store's times are whole seconds.
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(at + 1_000), { timeout: 3_000 });
    await begin(undefined, { 'Gold/2026/11/22/0312/Gold_1.csv': person('newer') });
    const settled = await read({ settleSeconds: 1, now: at + 1_000 });
    expect(settled.addresses).toEqual({ 0: addressesOf('older') });
    expect(settled.written).toEqual({ 0: at });
    expect((await read({ settleSeconds: 1, now: at + 900 })).faults).toEqual({ 0: ['SourceIncomplete', {}] });
    const later = await read({ settleSeconds: 1800, now: Date.now() + 1_900_000 });
    expect(later.addresses).toEqual({ 0: addressesOf('newer') });
  });

  test.each<[string, EntityShape, Record<string, string>]>([
    [
      'no CSV',
      {},
      { 'Gold/2026/11/22/0312/_started': '', 'Gold/2026/11/22/0312/.Gold_1.csv': person('hidden') },
    ],
    [
      'only some of the files that the model knows in it',
      { files: ['Gold/2026/11/22/0312/Gold_1.csv', 'Gold/2026/11/22/0312/Gold_2.csv'] },
      { 'Gold/2026/11/22/0312/Gold_1.csv': person('newer') },
    ],
    ['a name that is no time', {}, { 'Gold/2026/11/22/later/Gold_1.csv': person('newer') }],
  ])('whose newest folder has %s is read from the one before', async (_what, entity, files) => {
    folder = newFolder();
    await begin(modelOf(entity), { 'Gold/2026/11/21/0312/Gold_1.csv': person('older'), ...files });
    expect((await read()).addresses).toEqual({ 0: addressesOf('older') });
  });

  test('of which nothing is complete is told so, for that segment alone', async () => {
    folder = newFolder();
    await begin(modelOf({}, { name: 'Silver' }), {
      'Gold/2026/11/22/0312/_started': '',
      'Silver/2026/11/22/0312/Silver_1.csv': person('s'),
    });
    const { addresses, faults } = await read({ segments: ['Gold', 'Silver'] });
    expect(faults).toEqual({ 0: ['SourceIncomplete', {}] });
    expect(addresses).toEqual({ 1: addressesOf('s') });
  });

  const at = 'Gold/2026/11/22/0312/Gold_1.csv';

  test.each<[string, Record<string, unknown> | undefined, string | Buffer]>([
    ['no header line, and nothing said', undefined, person('a')],
    ['no header line, as the model says', { columnHeaders: false }, person('a')],
    ['a header line, as the model says', { columnHeaders: true }, `${columns.join()}\n${person('a')}`],
    ['a header line of which the model does not tell', undefined, `${columns.join()}\n${person('a')}`],
    [
      'a header line in another order, against what the model says',
      { columnHeaders: false },
      'EMail,DoNotEmail,CustomerId,FullName\na@example.com,False,1,A\n',
    ],
    ['semicolons', { delimiter: ';' }, '1;A;a@example.com;False\n'],
    ['tabs', { delimiter: '\t', csvStyle: 'CsvStyle.QuoteAfterDelimiter' }, '1\tA\ta@example.com\tFalse\n'],
    ['bars', { delimiter: '|', quoteStyle: 'QuoteStyle.Csv' }, '1|A|a@example.com|False\n'],
    ['UTF-16', { encoding: 'UTF-16' }, Buffer.from(`\ufeff${person('a')}`, 'utf16le')],
    ['Windows-1252', { encoding: 'Windows-1252' }, Buffer.from('1,Ør,a@example.com,False\n', 'latin1')],
    ['a byte order mark and no line end', undefined, '\ufeff1,A,a@example.com,False'],
  ])('with %s', async (_what, format, content) => {
    folder = newFolder();
    await begin(modelOf({ files: [at], ...(format ? { format } : {}) }), { [at]: content });
    const reading = await read({ consent: { field: 'DoNotEmail', equals: 'false' } });
    expect(reading.faults).toEqual({});
    expect(reading.addresses).toEqual({ 0: ['a@example.com'] });
    expect(reading.withoutConsent).toBe(0);
  });

  test('whose model tells the form of older files alone is read as those', async () => {
    folder = newFolder();
    const older = 'Gold/2026/11/20/0312/Gold_1.csv';
    await begin(modelOf({ files: [older], format: { delimiter: ';' } }), {
      [at]: '1;A;a@example.com;False\n',
    });
    expect((await read()).addresses).toEqual({ 0: ['a@example.com'] });
  });

  /** Two older files, of which the model says that they are written differently. */
  const differing = (): string => {
    const files = ['Gold/2026/11/19/0312/Gold_1.csv', 'Gold/2026/11/20/0312/Gold_1.csv'];
    const model = JSON.parse(modelOf({ files }));
    model.entities[1].partitions[0].fileFormatSettings = { delimiter: ';' };
    return JSON.stringify(model);
  };

  test.each<[string, () => string, string, unknown]>([
    [
      'a delimiter that nobody knows',
      () => modelOf({ files: [at], format: { delimiter: '~' } }),
      person('a'),
      ['SourceNotCsv', { code: 'file-format-unknown' }],
    ],
    [
      'an encoding that nobody knows',
      () => modelOf({ files: [at], format: { encoding: 'EBCDIC' } }),
      person('a'),
      ['SourceNotCsv', { code: 'file-format-unknown' }],
    ],
    [
      'quotes that mean nothing',
      () => modelOf({ files: [at], format: { quoteStyle: 'QuoteStyle.None' } }),
      person('a'),
      ['SourceNotCsv', { code: 'file-format-unknown' }],
    ],
    [
      'a style that nobody knows',
      () => modelOf({ files: [at], format: { csvStyle: 'canary' } }),
      person('a'),
      ['SourceNotCsv', { code: 'file-format-unknown' }],
    ],
    [
      'another number of columns',
      () => modelOf({}),
      '1,a@example.com,False\n',
      ['SourceNotCsv', { line: 1, code: 'columns-differ' }],
    ],
    [
      'one column more, and nothing in it',
      () => modelOf({}),
      '1,A,a@example.com,False,\n',
      ['SourceNotCsv', { line: 1, code: 'columns-differ' }],
    ],
    [
      'older files in forms that differ',
      differing,
      person('a'),
      ['SourceNotCsv', { code: 'file-formats-differ' }],
    ],
    [
      'a table that the model does not know',
      () => modelOf({ name: 'Silver' }),
      person('a'),
      ['SourceNotFound', { code: 'table-not-in-model-json' }],
    ],
    [
      'no column of that name',
      () => modelOf({ columns: ['a', 'b', 'c', 'd'] }),
      person('a'),
      ['FieldNotFound', { fieldIndex: 0 }],
    ],
  ])('with %s is refused', async (_what, model, content, expected) => {
    folder = newFolder();
    await begin(model(), { [at]: content });
    const { faults, addresses } = await read();
    expect(faults).toEqual({ 0: expected });
    expect(addresses).toEqual({});
  });

  test('whose later rows have other columns has that many that are misshapen', async () => {
    folder = newFolder();
    await begin(modelOf({}), { [at]: `${person('a')}1,x,A,b@example.com,False\n` });
    const { addresses, misshapen } = await read();
    expect(addresses).toEqual({ 0: ['a@example.com'] });
    expect(misshapen).toEqual({ 0: 1 });
  });

  test('without the consent field stops the run', async () => {
    folder = newFolder();
    await begin(modelOf({ columns: ['a', 'b', 'EMail', 'd'] }), { [at]: person('a') });
    const reading = read({ consent: { field: 'DoNotEmail', equals: 'false' } });
    expect(await faultOf(reading)).toEqual(['ConsentFieldNotFound', {}]);
  });

  test.each([
    ['is missing', undefined, 'model-json-missing'],
    ['is cut off', '{"entities":[', 'model-json-unreadable'],
    ['is another file', '{"entities":{}}', 'model-json-unreadable'],
    [
      'names no columns',
      '{"entities":[{"name":"Gold","attributes":[{"type":"a"}]}]}',
      'model-json-unreadable',
    ],
  ])('whose model.json %s stops the run', async (_what, model, code) => {
    folder = newFolder();
    await begin(model, { [at]: person('a') });
    expect(await faultOf(read())).toEqual(['SourceNotFound', { code }]);
  });
});
