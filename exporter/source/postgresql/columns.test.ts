import { describe, expect, test } from 'vitest';
import { type Column, findColumns, refuseOtherTypes } from './columns.ts';

const none = { consent: undefined, segment: undefined, modified: undefined };

describe('findColumns', () => {
  const columns = ['email', ' Ok', 'x', 'x'].map((name, index) => ({ name, type: index }));

  test('by name, without the spaces around it, as the server spells it', () => {
    expect(findColumns(columns, { ...none, fields: [' email', 'email'], consent: 'Ok ' })).toEqual({
      ...none,
      fields: [columns[0], columns[0]],
      consent: columns[1],
    });
  });

  test.each([
    [{ fields: ['email', 'Email'] }, 'FieldNotFound', { fieldIndex: 1 }],
    [{ consent: 'ok' }, 'ConsentFieldNotFound', undefined],
    [{ segment: 'tier' }, 'SegmentFieldNotFound', undefined],
    [{ modified: 'at' }, 'FieldNotFound', { column: 'Modified' }],
    [{ fields: ['x'] }, 'FieldAmbiguous', { fieldIndex: 0 }],
    [{ segment: 'x' }, 'FieldAmbiguous', { column: 'Segment' }],
  ])('%j', (wanted, reason, details) => {
    expect(() => findColumns(columns, { ...none, fields: [], ...wanted })).toThrow(
      expect.objectContaining({ reason, details }),
    );
  });
});

describe('refuseOtherTypes', () => {
  const types = [
    { oid: 25, typname: 'text', typcategory: 'S' },
    { oid: 16, typname: 'bool', typcategory: 'B' },
    { oid: 1184, typname: 'timestamptz', typcategory: 'D' },
    { oid: 2950, typname: 'uuid', typcategory: 'U' },
    { oid: 20_001, typname: 'citext', typcategory: 'S' },
    { oid: 20_002, typname: 'anna-smith', typcategory: 'U' },
  ];
  const of = (type: number): Column => ({ name: 'any', type });

  test.each([
    { fields: [25, 20_001] },
    { consent: 16 },
    { consent: 2950 },
    { segment: 25 },
    { modified: 1184 },
  ])('%j is sound', ({ fields = [], consent, segment, modified }) => {
    const needed = {
      fields: fields.map(of),
      consent: consent === undefined ? consent : of(consent),
      segment: segment === undefined ? segment : of(segment),
      modified: modified === undefined ? modified : of(modified),
    };
    expect(() => refuseOtherTypes(needed, types)).not.toThrow();
  });

  test.each([
    [{ fields: [of(25), of(16)] }, { fieldIndex: 1, code: 'bool' }],
    [{ modified: of(25) }, { column: 'Modified', code: 'text' }],
    // The name of a type that users made could be anything, and so could one that is not known.
    [{ consent: of(20_002) }, { column: 'Consent' }],
    [{ segment: of(30_000) }, { column: 'Segment' }],
  ])('%j is refused', (needed, details) => {
    expect(() => refuseOtherTypes({ ...none, fields: [], ...needed }, types)).toThrow(
      expect.objectContaining({ reason: 'FieldNotText', details }),
    );
  });
});
