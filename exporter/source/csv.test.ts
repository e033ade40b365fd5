import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readHeader, readRecords } from './csv.ts';

async function* chunksOf(text: string | Buffer, size: number): AsyncGenerator<Buffer, void> {
  const bytes = Buffer.from(text as string);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function recordsOf(
  text: string,
  size = 1024,
  delimiter: 'Comma' | 'Tab' = 'Comma',
): Promise<string[][]> {
  const records: string[][] = [];
  for await (const batch of readRecords(chunksOf(text, size), delimiter)) records.push(...batch);
  return records;
}

describe('readRecords', () => {
  test.each([
    [
      'a,b\n1,2\n',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      'a,b\r\n1,2',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    ['\ufeffa,b\n', [['a', 'b']]],
    ['"a ""x""","b,\r\nc"\n', [['a "x"', 'b,\r\nc']]],
    ['a\r\nb\nc\rd\n', [['a'], ['b'], ['c'], ['d']]],
    ['a,b\n\n\r\n1\n1,2,3\n', [['a', 'b'], ['1'], ['1', '2', '3']]],
    ['', []],
  ])('%j', async (text, expected) => expect(await recordsOf(text)).toEqual(expected));

  test('what was written by the rules is read back, wherever the chunks end', async () => {
    const cell = fc.string({ unit: fc.constantFrom('a', 'ø', '"', ',', '\n', '\r', '\r\n', ' ') });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(cell, { minLength: 2, maxLength: 3 }), { minLength: 1, maxLength: 5 }),
        fc.constantFrom('\n', '\r\n'),
        fc.integer({ min: 1, max: 7 }),
        async (records, lineEnd, size) => {
          const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
          const text = records.map((record) => record.map(quoted).join(',') + lineEnd).join('');
          expect(await recordsOf(text, size)).toEqual(records);
        },
      ),
      { numRuns: 50 },
    );
  });

  test.each([
    ['a,b\n1,x"y"\n', 2],
    ['a,b\n"1"x,2\n', 2],
    ['a,b\n1,2\n3,"4\n5,6\n7,8\n', 3],
    [`a\n"${'x'.repeat(1_100_000)}\n"\n`, 2],
  ])('what is no CSV is told with its line', async (text, line) => {
    await expect(recordsOf(text)).rejects.toMatchObject({ reason: 'SourceNotCsv', details: { line } });
  });

  test('the fault holds nothing of the file', async () => {
    const fault = await recordsOf('a\ncanary"secret"\n').catch((error: unknown) => error);
    expect(`${JSON.stringify(fault)} ${fault instanceof Error ? fault.stack : ''}`).not.toContain('canary');
    expect(fault).not.toHaveProperty('cause');
  });
});

test('readHeader gives the first record under a delimiter, and nothing where there is none', () => {
  const head = Buffer.from('"a";"b"\n"1";"x\ny');
  expect(readHeader(head, 'Semicolon')).toEqual(['a', 'b']);
  expect(readHeader(head, 'Comma')).toBeUndefined();
});
