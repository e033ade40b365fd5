import { describe, expect, test } from 'vitest';
import type { Consent } from '../../api/rundocument.ts';
import { consentRule } from './consent.ts';

const gives = (rule: Omit<Consent, 'field'>, value: string): boolean =>
  consentRule({ field: 'any', ...rule })(value);

describe('consentRule', () => {
  test.each([
    [{ equals: 'false' }, ['false', ' FALSE\t', 'False'], ['true', 'fals', '0', 'no']],
    [{ equals: ' Ja ' }, ['ja', 'JA '], ['nei', 'j a']],
    [{ notEquals: 'true' }, ['false', '0', 'anything'], ['true', ' TRUE ', 'True']],
    [{ isTrue: true }, ['true', 'Yes', ' 1 ', 'YES'], ['false', 'no', '0', '2', 'y', 'on', 'truee']],
  ] as const)('%j', (rule, given, withheld) => {
    for (const value of given) expect([value, gives(rule, value)]).toEqual([value, true]);
    for (const value of withheld) expect([value, gives(rule, value)]).toEqual([value, false]);
  });

  test.each([
    { equals: 'x' },
    { equals: ' ' },
    { notEquals: 'x' },
    { notEquals: ' ' },
    { isTrue: true },
    {},
  ] as const)('a value that is empty never is consent: %j', (rule) => {
    for (const value of ['', ' ', '\t\u00a0']) expect(gives(rule, value)).toBe(false);
  });
});
