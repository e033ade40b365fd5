import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Delimiter } from '../../../api/rundocument.ts';
import { CsvScanner, readHeader } from './csv.ts';

/** The records of a text that comes in chunks of so many bytes. */
function recordsOf(text: string | Buffer, size = 1024, delimiter: Delimiter = 'Comma'): string[][] {
  const bytes = Buffer.from(text as string);
  const scanner = new CsvScanner(delimiter);
  const records: string[][] = [];
  const take = (): void => {
    while (scanner.next()) records.push(scanner.cells());
  };
  for (let at = 0; at < bytes.length; at += size) {
    scanner.push(bytes.subarray(at, at + size));
    take();
  }
  scanner.end();
  take();
  return records;
}

/** The same by another reader. */
function recordsByCsvParse(text: string): string[][] {
  return parse(text, {
    // Named, not discovered: a file with both kinds of line end would lose rows.
    record_delimiter: ['\r\n', '\n', '\r'],
    bom: true,
    skip_empty_lines: true,
    relax_column_count: true,
  });
}

describe('CsvScanner', () => {
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
    ['\ufeff"a",b\n', [['a', 'b']]],
    ['"a ""x""","b,\r\nc"\n', [['a "x"', 'b,\r\nc']]],
    ['"""",""\n""', [['"', ''], ['']]],
    ['a\r\nb\nc\rd\n', [['a'], ['b'], ['c'], ['d']]],
    ['a,b\n\n\r\n1\n1,2,3\n', [['a', 'b'], ['1'], ['1', '2', '3']]],
    [
      'a,\n,\n',
      [
        ['a', ''],
        ['', ''],
      ],
    ],
    ['a\r', [['a']]],
    [' a , b \n', [[' a ', ' b ']]],
    ['', []],
    ['\ufeff', []],
    ['a', [['a']]],
  ])('%j', (text, expected) => {
    for (const size of [1, 2, 1024]) expect(recordsOf(text, size)).toEqual(expected);
  });

  test('what was written by the rules is read back, wherever the chunks end', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', 'ø', '"', ',', '\n', '\r', '\r\n', ' ') });
    fc.assert(
      fc.property(
        fc.array(fc.array(cell, { minLength: 2, maxLength: 3 }), { minLength: 1, maxLength: 5 }),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.integer({ min: 1, max: 7 }),
        (records, lineEnd, size) => {
          const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
          const text = records.map((record) => record.map(quoted).join(',') + lineEnd).join('');
          expect(recordsOf(text, size)).toEqual(records);
        },
      ),
    );
  });

  test('any text gives the records that csv-parse gives, or is refused as there', () => {
    // Texts of these few pieces are as often CSV as they are none.
    const text = fc.string({
      unit: fc.constantFrom(
        'a',
        'b',
        'ø',
        '😀',
        '"',
        '"',
        ',',
        '\n',
        '\r',
        '\r\n',
        ' ',
        '\ufeff',
        '","',
        '"\n',
      ),
      maxLength: 24,
    });
    let refused = 0;
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 9 }), (value, size) => {
        let expected: string[][] | undefined;
        try {
          expected = recordsByCsvParse(value);
        } catch {
          refused++;
          expect(() => recordsOf(value, size)).toThrow(expect.objectContaining({ reason: 'SourceNotCsv' }));
          return;
        }
        expect(recordsOf(value, size)).toEqual(expected);
      }),
      { numRuns: 5000 },
    );
    expect(refused).toBeGreaterThan(500);
    expect(refused).toBeLessThan(4500);
  });

  test.each(spectrum())('the collection csv-spectrum: %s', (name, text, expected) => {
    if (name === 'location_coordinates') {
      // A quote for the seconds of an angle, in a cell without quotes: by RFC 4180 that is none.
      expect(() => recordsOf(text)).toThrow(
        expect.objectContaining({ reason: 'SourceNotCsv', details: { line: 2 } }),
      );
      return;
    }
    for (const size of [1, 3, 1024]) {
      const [header = [], ...rows] = recordsOf(text, size);
      const objects = rows.map((row) => Object.fromEntries(header.map((name, index) => [name, row[index]])));
      expect(objects).toEqual(expected);
    }
  });

  test.each([
    ['a stray quote', 'a,b\n1,x"y"\n', 2],
    ['text behind a closing quote', 'a,b\n"1"x,2\n', 2],
    ['a stray quote in the third line of a record', 'a,b\n"1\r\n2\n3",x"y\n', 4],
    ['a quote that never closes, told where its record begins', 'a,b\n1,2\n3,"4\n5,6\n7,8\n', 3],
    ['the same after empty lines and lines within quotes', 'a\r\n\r\n"x\ry\r\nz"\n\n"4\n5', 7],
    ['more than a megabyte within quotes', `a\n"${'x'.repeat(1_100_000)}\n"\n`, 2],
    ['more than a megabyte without quotes', `a\n\n${'x'.repeat(1_100_000)}\ny\n`, 3],
  ])('%s is no CSV, told with its line', (_, text, line) => {
    const sizes = text.length > 1000 ? [100_000, 2_000_000] : [1, 2, 1024];
    for (const size of sizes) {
      expect(() => recordsOf(text, size)).toThrow(
        expect.objectContaining({ reason: 'SourceNotCsv', details: { line } }),
      );
    }
  });

  test('the fault holds nothing of the file', () => {
    let fault: unknown;
    try {
      recordsOf('a\ncanary"secret"\n');
    } catch (error) {
      fault = error;
    }
    expect(`${JSON.stringify(fault)} ${fault instanceof Error ? fault.stack : ''}`).not.toContain('canary');
    expect(fault).not.toHaveProperty('cause');
  });

  test('a record of almost a megabyte is read, and those after it', () => {
    const long = 'x,'.repeat(500_000);
    const records = recordsOf(`a\n${long}\nb\n`, 300_000);
    expect(records.map((record) => record.length)).toEqual([1, 500_001, 1]);
  });

  test.each([
    ['', 1],
    ['a\nb', 2],
    ['a\nb\n', 3],
    ['a\r\n\r\n', 3],
    ['a\rb\r', 3],
    ['a\n"b\nc', 3],
  ])('the text %j ends in line %i', (text, line) => {
    for (const size of [1, 1024]) {
      const scanner = new CsvScanner('Comma');
      for (let at = 0; at < text.length; at += size) {
        scanner.push(Buffer.from(text.slice(at, at + size)));
        while (scanner.next());
      }
      expect(scanner.lastLine).toBe(line);
    }
  });
});

test('readHeader gives the first record under a delimiter, and nothing where there is none', () => {
  const head = Buffer.from('"a";"b"\n"1";"x\ny');
  expect(readHeader(head, 'Semicolon')).toEqual(['a', 'b']);
  expect(readHeader(head, 'Comma')).toBeUndefined();
  expect(readHeader(Buffer.from('a,b'), 'Comma')).toBeUndefined();
});

/** Name, text and the rows as objects of each file of the collection. */
function spectrum(): [string, Buffer, unknown][] {
  const directory = dirname(createRequire(import.meta.url).resolve('csv-spectrum'));
  return readdirSync(join(directory, 'csvs')).map((file) => {
    const name = file.replace('.csv', '');
    const rows: unknown = JSON.parse(readFileSync(join(directory, 'json', `${name}.json`), 'utf8'));
    return [name, readFileSync(join(directory, 'csvs', file)), rows];
  });
}
