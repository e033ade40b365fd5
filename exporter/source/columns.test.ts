import { describe, expect, test } from 'vitest';
import { findColumns, pick } from './columns.ts';

const columns = findColumns(['name', 'email', 'e2'], { fields: ['email', 'e2'] });

describe('findColumns', () => {
  test('finds names without the spaces around them', () => {
    expect(findColumns([' tier', 'email '], { fields: ['email'], segmentField: 'tier' })).toEqual({
      fields: [1],
      segmentField: 0,
      consentField: undefined,
      width: 2,
    });
    const consent = { field: ' ok', isTrue: true } as const;
    expect(findColumns(['email', 'ok '], { fields: ['email'], consent }).consentField).toBe(1);
  });

  test.each([
    [['name'], { fields: ['email'] }, 'FieldNotFound', { fieldIndex: 0 }],
    [['email'], { fields: ['email', 'e2'] }, 'FieldNotFound', { fieldIndex: 1 }],
    [['Email'], { fields: ['email'] }, 'FieldNotFound', { fieldIndex: 0 }],
    [['email'], { fields: ['email'], segmentField: 'tier' }, 'SegmentFieldNotFound', undefined],
    [
      ['email'],
      { fields: ['email'], consent: { field: 'ok', isTrue: true as const } },
      'ConsentFieldNotFound',
      undefined,
    ],
    [
      ['email', 'ok', 'ok'],
      { fields: ['email'], consent: { field: 'ok', equals: 'x' } },
      'SourceNotCsv',
      { line: 1 },
    ],
    [['email', 'x', 'email'], { fields: ['email'] }, 'SourceNotCsv', { line: 1 }],
  ])('%j', (header, wanted, reason, details) => {
    expect(() => findColumns(header, wanted)).toThrow(expect.objectContaining({ reason, details }));
  });

  test('a name that is there twice but not needed does no harm', () => {
    expect(findColumns(['x', 'x', 'email'], { fields: ['email'] }).fields).toEqual([2]);
  });
});

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
    [['A'], ['', '']],
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
