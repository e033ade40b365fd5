import { describe, expect, test } from 'vitest';
import { findColumns } from './columns.ts';
import { pick } from './rows.ts';

const columns = findColumns(['name', 'email', 'e2'], { fields: ['email', 'e2'] });

describe('pick', () => {
  test.each([
    [
      ['A', 'a@x.no', 'b@x.no'],
      ['a@x.no', 'b@x.no'],
    ],
    [
      ['A', 'a@x.no'],
      ['a@x.no', ''],
    ],
    [['A'], 'misshapen'],
    [
      ['A', ''],
      ['', ''],
    ],
    [
      ['A', 'a@x.no', '', '', ' '],
      ['a@x.no', ''],
    ],
    [['Smith', 'John', 'a@x.no', 'b@x.no'], 'misshapen'],
  ])('%j', (record, expected) => {
    const cells = { cellCount: record.length, cell: (index: number) => record[index] ?? '' };
    expect(pick(cells, columns)).toEqual(expected);
  });
});
