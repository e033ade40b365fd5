import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Cells } from './cells.ts';
import { readPage } from './page.ts';

const text = fc.oneof(fc.string(), fc.constantFrom('value', '"', '\\', '"value":[', '}', ']', 'Ü😀'));
// The oracle, JSON.parse of Node 24, reads a name that is a quote as one that is a backslash where it has just seen such an object.
const name = text.filter((each) => !each.includes('\\'));
const object = fc.dictionary(name, fc.oneof(text, fc.jsonValue()), { maxKeys: 4 });

/** Rows by all names that one of them has. */
function rowsOf(bytes: Buffer, rows: readonly object[] = [{ a: 1 }, { b: 1 }]): unknown[] | undefined {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = new Cells(names);
  const page = readPage(bytes);
  return (
    page &&
    Array.from({ length: page.rows.length }, (_, index) => {
      const values = page.rows.read(index, cells);
      return Object.fromEntries(
        names.flatMap((name, at) => (values[at] === undefined ? [] : [[name, values[at]]])),
      );
    })
  );
}

test('rows and what stands around them are those that JSON has', () => {
  const before = object.map(({ value: _, ...others }) => others);
  fc.assert(
    fc.property(before, fc.array(object), before, fc.boolean(), (head, value, tail, isWide) => {
      const whole = { ...head, value, ...tail };
      const bytes = Buffer.from(JSON.stringify(whole, undefined, isWide ? 2 : 0));
      const { value: rows, ...others } = JSON.parse(bytes.toString());
      expect(rowsOf(bytes, rows)).toEqual(rows);
      expect(readPage(bytes)?.envelope).toEqual({ ...others, value: [] });
    }),
  );
});

test('a page that is cut off is none, wherever it is cut', () => {
  const whole = Buffer.from('{"@odata.context":"x","value":[{"a":"}]"},{"b":[1,{}]}],"@odata.nextLink":"y"}');
  expect(rowsOf(whole)).toEqual([{ a: '}]' }, { b: [1, {}] }]);
  for (let length = 0; length < whole.length; length++) {
    expect(readPage(whole.subarray(0, length)), `of ${length} bytes`).toBeUndefined();
  }
});

test.each([
  '',
  'null',
  '[]',
  '{}',
  '{"value":{}}',
  '{"value":"[]"}',
  '{"value":null}',
  '{"other":{"value":[]}}',
  '{"value":[1]}',
  '{"value":[null]}',
  '{"value":["a"]}',
  '{"value":[[]]}',
  '{"value":[]}}',
  '{"value":[] x}',
  'x{"value":[]}',
  '<html>{"value":[]}</html>',
])('what is no page is none: %s', (json) => {
  expect(readPage(Buffer.from(json))).toBeUndefined();
});

test.each([
  '{"a":}',
  '{"a" 1}',
  '{"a":1 2}',
  '{"a":"x"y}',
  '{"a":x}',
  '{"a":"\\x"}',
  '{"b":,"a":1}',
  '{"a":1,"b":}',
  '{"a":1,}',
  '{"a":1 "b":1}',
  '{a:1}',
  '{1}',
  '{,}',
])('a row that is no object is found when it is read: %s', (row) => {
  const page = readPage(Buffer.from(`{"value":[${row}]}`));
  expect(() => page?.rows.read(0, new Cells(['a']))).toThrow('SourceReplyInvalid');
});

test('a row that is none is not one of the next', () => {
  const page = readPage(Buffer.from('{"value":[{},{"a":1}]}'));
  expect([0, 1].map((index) => page?.rows.read(index, new Cells(['a'])))).toEqual([[undefined], [1]]);
});
