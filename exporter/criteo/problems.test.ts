import { expect, test } from 'vitest';
import { codeOf, isPassing, problemsIn } from './problems.ts';

test.each([
  ['name-must-be-unique', 'name-must-be-unique'],
  ['Name Taken', undefined],
  ['user@example.com', undefined],
  // SHA-256 and MD5 of an address: letters, digits, and begun by a letter.
  ['b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514', undefined],
  ['b58996c504c5638798eb6b511e6f49af', undefined],
  [`x${'-'.repeat(80)}`, undefined],
  [42, undefined],
])('%j as a code is %j', (text, expected) => expect(codeOf(text)).toBe(expected));

test('both envelopes are read, and nothing of their texts is kept', () => {
  const json = {
    errors: [
      {
        type: 'access_control',
        code: 'no-consent',
        title: 'secret',
        detail: 'secret',
        source: { secret: 'x' },
      },
      { type: 'unknown', code: 'SECRET' },
      null,
    ],
    warnings: [{ type: 'quota' }],
  };
  expect(problemsIn(json, 'errors')).toEqual([
    { type: 'access-control', code: 'no-consent' },
    { type: undefined, code: undefined },
    { type: undefined, code: undefined },
  ]);
  expect(problemsIn(json, 'warnings').map(isPassing)).toEqual([true]);
});

test.each([undefined, null, 'text', [], {}, { errors: null }, { errors: {} }])('%j has no problems', (json) =>
  expect(problemsIn(json, 'errors')).toEqual([]),
);
