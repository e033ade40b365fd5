import { expect, test } from 'vitest';
import { copied, copying, readSegmentCell, relationOf } from './relation.ts';

test.each([
  [{ table: 'people' }, '"people" AS source'],
  [{ table: 'Mar"keting.people now' }, '"Mar""keting"."people now" AS source'],
  [{ query: 'SELECT 1' }, '(\nSELECT 1\n) AS source'],
  [{ query: 'SELECT 1;\n ; ' }, '(\nSELECT 1\n) AS source'],
  [{ query: "SELECT ';' -- all" }, "(\nSELECT ';' -- all\n) AS source"],
])('%j stands behind FROM as %j', (source, expected) => {
  expect(relationOf(source)).toBe(expected);
});

test('as many columns are sent as are named', () => {
  const column = (name: string) => ({ name, type: 25 });
  const needed = {
    fields: [column('e"mail'), column('email2')],
    consent: column('ok'),
    segment: column('tier'),
    modified: undefined,
  };
  expect(copying('people AS source', needed)).toBe(
    `COPY (SELECT ':' || coalesce(left(source."tier"::text, 10000), ''), left(source."ok"::text, 10000), ` +
      `left(source."e""mail"::text, 10000), left(source."email2"::text, 10000) FROM people AS source) ` +
      'TO STDOUT (FORMAT csv)',
  );
  expect(copied.all(needed)).toEqual(['segment', 'consent', 'field0', 'field1']);
  const { consent: _, ...others } = needed;
  expect(copied.all({ ...others, consent: undefined })).toEqual(['segment', 'field0', 'field1']);
});

test.each([
  [':', undefined, ''],
  [':gold', undefined, 'gold'],
  ['1795132798000: tin:1 ', 1_795_132_798_000, 'tin:1'],
  ['-5:gold', -5, 'gold'],
])('the segment cell %j', (text, writtenAt, segment) => {
  expect(readSegmentCell(text)).toEqual({ writtenAt, segment });
});
