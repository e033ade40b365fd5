import { expect, test } from 'vitest';
import type { Delimiter } from '../../api/rundocument.ts';
import type { Row } from './source.ts';
import { readTable } from './table.ts';

async function rowsOf(text: string, delimiter: Delimiter = 'Comma', segmentField?: string): Promise<Row[]> {
  async function* chunks(): AsyncGenerator<Buffer, void> {
    for (let at = 0; at < text.length; at += 5) yield Buffer.from(text.slice(at, at + 5));
  }
  const rows: Row[] = [];
  const segmentOf = (value: string): number | undefined => (value === 'other' ? undefined : 0);
  for await (const batch of readTable(chunks(), delimiter, { fields: ['email'], segmentField }, segmentOf)) {
    rows.push(...batch);
  }
  return rows;
}

test('rows of segments that nobody asked for are left out', async () => {
  expect(await rowsOf('tier,email\ngold,a\nother,b\n', 'Comma', 'tier')).toEqual([
    { segment: 0, candidates: ['a'] },
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
  await expect(rowsOf(text, tried)).rejects.toMatchObject({ reason: 'FieldNotFound' });
  const fault = await rowsOf(text, tried).catch((error: unknown) => error);
  expect(fault).toHaveProperty('details.fieldIndex', 0);
  if (found) expect(fault).toHaveProperty('details.delimiter', found);
  else expect(fault).not.toHaveProperty('details.delimiter');
});
