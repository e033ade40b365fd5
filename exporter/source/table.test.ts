import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { Consent, Delimiter } from '../../api/rundocument.ts';
import type { Row } from './source.ts';
import { readTable } from './table.ts';

interface Options {
  delimiter?: Delimiter;
  segmentField?: string;
  consent?: Consent;
  /** Bytes a chunk. */
  size?: number;
}

async function rowsOf(text: string | Buffer, options: Options = {}): Promise<Row[]> {
  const bytes = Buffer.from(text as string);
  const { delimiter = 'Comma', size = 5, ...wanted } = options;
  async function* chunks(): AsyncGenerator<Buffer, void> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const rows: Row[] = [];
  const segmentOf = (value: string): number | undefined => (value === 'other' ? undefined : 0);
  for await (const batch of readTable(chunks(), delimiter, { fields: ['email'], ...wanted }, segmentOf)) {
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
  ['bytes that are no text', Buffer.from('email\n\r\na\n"x\ny"\n\xe5\n', 'latin1'), 6],
  ['the same in a file of CR', Buffer.from('email\r\ra\r\xe5', 'latin1'), 4],
  ['a gzip stream that is cut off', gzipSync('email\na@example.com\n').subarray(0, -6), 3],
])('%s: the line is told', async (_, bytes, line) => {
  await expect(rowsOf(bytes, { size: 100 })).rejects.toMatchObject({
    reason: 'SourceNotCsv',
    details: { line },
  });
});
