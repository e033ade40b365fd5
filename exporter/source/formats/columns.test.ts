import { describe, expect, test } from 'vitest';
import { findColumns } from './columns.ts';

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
      'FieldAmbiguous',
      { column: 'Consent', line: 1 },
    ],
    [
      ['tier', 'email', ' tier'],
      { fields: ['email'], segmentField: 'tier' },
      'FieldAmbiguous',
      { column: 'Segment', line: 1 },
    ],
    [['email', 'x', 'x', 'email'], { fields: ['email'] }, 'FieldAmbiguous', { fieldIndex: 0, line: 1 }],
  ])('%j', (header, wanted, reason, details) => {
    expect(() => findColumns(header, wanted, 1)).toThrow(expect.objectContaining({ reason, details }));
  });

  test('a name that is there twice but not needed does no harm', () => {
    expect(findColumns(['x', 'x', 'email'], { fields: ['email'] }).fields).toEqual([2]);
  });
});

test('of names that stand in no file no line is told', () => {
  expect(() => findColumns(['email', 'email'], { fields: ['email'] })).toThrow(
    expect.objectContaining({ reason: 'FieldAmbiguous', details: { fieldIndex: 0 } }),
  );
});
