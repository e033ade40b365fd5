import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Consent, CsvOptions, Delimiter } from '../../../api/rundocument.ts';
import type { Row } from '../source.ts';
import { readTable } from './table.ts';

interface Options {
  delimiter?: Delimiter;
  columns?: string[];
  encoding?: CsvOptions['encoding'];
  segmentField?: string;
  consent?: Consent;
  /** Bytes a chunk. */
  size?: number;
}

async function rowsOf(text: string | Buffer, options: Options = {}): Promise<Row[]> {
  const bytes = Buffer.from(text as string);
  const { delimiter = 'Comma', columns, encoding, size = 5, ...wanted } = options;
  const csv: CsvOptions = { delimiter, ...(columns && { columns }), ...(encoding && { encoding }) };
  async function* chunks(): AsyncGenerator<Buffer, void> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const rows: Row[] = [];
  const segmentOf = (value: string): number | undefined => (value === 'other' ? undefined : 0);
  for await (const batch of readTable(chunks(), csv, { fields: ['email'], ...wanted }, segmentOf)) {
    rows.push(...batch);
  }
  return rows;
}

test('rows of segments that nobody asked for are left out', async () => {
  expect(await rowsOf('tier,email\ngold,a\nother,b\n', { segmentField: 'tier' })).toEqual([
    { segment: 0, candidates: ['a'], hasConsent: true },
  ]);
});

test('a header alone is a table without rows; no header is an empty source', async () => {
  expect(await rowsOf('email\n')).toEqual([]);
  await expect(rowsOf('')).rejects.toMatchObject({ reason: 'SourceEmpty' });
  await expect(rowsOf('\n\r\n')).rejects.toMatchObject({ reason: 'SourceEmpty' });
});

test.each([
  ['email\tname\n', 'Comma', 'Tab'],
  ['email;name\n', 'Comma', 'Semicolon'],
  ['email,name\n', 'Tab', 'Comma'],
  ['e,name\n', 'Tab', undefined],
] as const)('the header %j read by %s is told to have %s', async (text, tried, found) => {
  await expect(rowsOf(text, { delimiter: tried })).rejects.toMatchObject({ reason: 'FieldNotFound' });
  const fault = await rowsOf(text, { delimiter: tried }).catch((error: unknown) => error);
  expect(fault).toHaveProperty('details.fieldIndex', 0);
  if (found) expect(fault).toHaveProperty('details.delimiter', found);
  else expect(fault).not.toHaveProperty('details.delimiter');
});

test('a row tells whether its consent field gives consent; without the cell it does not', async () => {
  const text = 'email,ok\na,yes\nb,no\nc,\nd\ne,yes,shifted\n"f","y""es"\n';
  const rows = await rowsOf(text, { consent: { field: 'ok', isTrue: true } });
  expect(rows.map(({ candidates, hasConsent }) => [candidates, hasConsent])).toEqual([
    [['a'], true],
    [['b'], false],
    [['c'], false],
    [['d'], false],
    ['misshapen', false],
    [['f'], false],
  ]);
});

test('a consent field that is missing stops the run, and is told with the delimiter that finds it', async () => {
  const consent = { field: 'ok', notEquals: 'no' };
  await expect(rowsOf('email,okay\n', { consent })).rejects.toMatchObject({
    reason: 'ConsentFieldNotFound',
    details: undefined,
  });
  await expect(rowsOf('email;ok\n', { delimiter: 'Tab', consent })).rejects.toMatchObject({
    details: { delimiter: 'Semicolon' },
  });
});

test.each([
  ['bytes that are no text', Buffer.from('email\n\r\na\n"x\ny"\n\xe5\n', 'latin1'), 'SourceNotCsv', 6],
  ['the same in a file of CR', Buffer.from('email\r\ra\r\xe5', 'latin1'), 'SourceNotCsv', 4],
  ['UTF-16 of which nobody was told', Buffer.from('\ufeffemail\na\n', 'utf16le'), 'SourceNotCsv', 1],
  ['a gzip stream that is cut off', gzipSync('email\na@example.com\n').subarray(0, -6), 'SourceDamaged', 3],
  ['a zstd stream that is cut off', cutOff(), 'SourceDamaged', 3],
] as const)('%s: %s is told with its line', async (_, bytes, reason, line) => {
  await expect(rowsOf(bytes, { size: 100 })).rejects.toMatchObject({ reason, details: { line } });
});

/** Two frames, of which the second has lost its end. */
function cutOff(): Buffer {
  const frames = ['email\na@example.com\n', 'b@example.com\n'].map((text) => zstdCompressSync(text));
  return Buffer.concat(frames).subarray(0, -2);
}

test('a row that ends before its address is counted as none that can be read', async () => {
  const consent = { field: 'ok', isTrue: true } as const;
  const rows = await rowsOf('ok,name,email\nyes\nyes,A\nyes,A,\n', { consent });
  expect(rows.map(({ candidates, hasConsent }) => [candidates, hasConsent])).toEqual([
    ['misshapen', false],
    ['misshapen', false],
    [[''], true],
  ]);
});

describe('a file without a header', () => {
  test('takes the names that it is told, and every line is a row', async () => {
    const rows = await rowsOf('email,x\na,y\n', { columns: ['email', 'name'] });
    expect(rows.map(({ candidates }) => candidates)).toEqual([['email'], ['a']]);
  });

  test('may be empty', async () => {
    expect(await rowsOf('', { columns: ['email'] })).toEqual([]);
  });

  test('is refused before it is read where a name is missing or there twice', async () => {
    await expect(rowsOf('a\n', { columns: ['mail'] })).rejects.toMatchObject({
      reason: 'FieldNotFound',
      details: { fieldIndex: 0 },
    });
    await expect(rowsOf('a,b\n', { columns: ['email', 'email'] })).rejects.toMatchObject({
      reason: 'FieldAmbiguous',
      details: { fieldIndex: 0 },
    });
  });
});

test('a header that names a needed column twice is ambiguous', async () => {
  await expect(rowsOf('email,email\na,b\n')).rejects.toMatchObject({
    reason: 'FieldAmbiguous',
    details: { fieldIndex: 0, line: 1 },
  });
});

test('pipes as delimiters', async () => {
  const rows = await rowsOf('name|email\n"A|B"|a,b\n', { delimiter: 'Pipe' });
  expect(rows.map(({ candidates }) => candidates)).toEqual([['a,b']]);
});

test.each([
  ['UTF16LE', Buffer.from('\ufeffemail,navn\r\nåse@example.com,😀\r\n', 'utf16le')],
  ['Windows1252', Buffer.from('email,navn\r\nåse@example.com,\x93x\x94\x80\r\n', 'latin1')],
] as const)('text in %s, in pieces of any size', async (encoding, bytes) => {
  for (const size of [1, 2, 3, 5, 1000]) {
    const rows = await rowsOf(bytes, { encoding, size });
    expect(rows.map(({ candidates }) => candidates)).toEqual([['åse@example.com']]);
  }
});
