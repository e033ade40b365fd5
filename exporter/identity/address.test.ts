import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isAddress, normalise } from './address.ts';

describe('normalise', () => {
  test.each([
    [' User@Example.COM ', 'user@example.com'],
    ['\ufeffuser@example.com', 'user@example.com'],
    ['\u00a0user@example.com\u3000\r\n', 'user@example.com'],
    ['ØYSTEIN@BLÅBÆR.example', 'øystein@blåbær.example'],
    ['u.s.er+tag@gmail.com', 'u.s.er+tag@gmail.com'],
  ])('%j becomes %j', (text, expected) => expect(normalise(text)).toBe(expected));
});

describe('isAddress', () => {
  const long = (length: number): string => 'a'.repeat(length);
  test.each([
    'user@example.com',
    'u.s.er+tag@sub.example.co.uk',
    "o'neil@example.com",
    'øystein@blåbær.example',
    'x@xn--blbr-roah.example',
    '{a}!#$%&*/=?^_`|~-@example.com',
    `${long(64)}@example.com`,
  ])('%s is one', (text) => expect(isAddress(text)).toBe(true));

  test.each([
    '',
    'user',
    '@example.com',
    'user@',
    'user@example',
    'user@@example.com',
    'a@b@example.com',
    'us er@example.com',
    'us\u200ber@example.com',
    'user@exa\u0000mple.com',
    'user@example..com',
    'user@.example.com',
    'user@example.com.',
    '.user@example.com',
    'user.@example.com',
    'us..er@example.com',
    'user@-example.com',
    'user@example-.com',
    'user@192.168.0.1',
    'user@[192.168.0.1]',
    'user@exam_ple.com',
    '"us er"@example.com',
    'User <user@example.com>',
    'a@example.com,b@example.com',
    'mailto:user@example.com',
    `${long(65)}@example.com`,
    `${'ø'.repeat(33)}@example.com`,
    `user@${long(64)}.com`,
    `user@${`${long(49)}.`.repeat(5)}com`,
    'b58996c504c5638798eb6b511e6f49af',
  ])('%j is none', (text) => expect(isAddress(text)).toBe(false));

  test('takes no longer for a long text than for a short one', () => {
    // Nested repetitions of a careless expression would never come back from these.
    expect(isAddress(`${'a.'.repeat(120)}@`)).toBe(false);
    expect(isAddress(`a@${'a-'.repeat(120)}`)).toBe(false);
  });

  test('a text within ASCII is judged as by the rules in full', () => {
    const piece = fc.constantFrom(
      'a',
      'z9',
      '7',
      '.',
      '.',
      '-',
      '@',
      '_',
      '+',
      'A',
      ' ',
      'é',
      'b'.repeat(32),
      'x'.repeat(63),
    );
    fc.assert(
      fc.property(
        fc.string({ unit: piece, maxLength: 12 }),
        fc.string({ unit: piece, maxLength: 12 }),
        (a, b) => {
          for (const text of [a, `${a}@${b}`, `a@${b}.${a}`, `${a}@${b}.com`]) {
            expect([text, isAddress(text)]).toEqual([text, isAddressByRules(text)]);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('whatever is one has exactly one @, and no white space or control character', () => {
    fc.assert(
      fc.property(fc.oneof(fc.emailAddress(), fc.string({ unit: 'binary' })), (text) => {
        if (!isAddress(normalise(text))) return;
        expect(normalise(text).split('@')).toHaveLength(2);
        expect(normalise(text)).not.toMatch(/[\s\p{C}]/u);
      }),
    );
  });
});

/** The rules of isAddress, one after the other. */
function isAddressByRules(text: string): boolean {
  const [local = '', domain = '', ...more] = text.split('@');
  const labels = domain.split('.');
  return (
    more.length === 0 &&
    Buffer.byteLength(text) <= 254 &&
    Buffer.byteLength(local) <= 64 &&
    local.split('.').every((atom) => /^[a-z0-9!#$%&'*+/=?^_`{|}~\u{80}-\u{10ffff}-]+$/u.test(atom)) &&
    labels.length >= 2 &&
    labels.every((label) => /^[a-z0-9\u{80}-\u{10ffff}-]+$/u.test(label) && Buffer.byteLength(label) <= 63) &&
    labels.every((label) => !label.startsWith('-') && !label.endsWith('-')) &&
    !/^[0-9]+$/.test(labels.at(-1) ?? '')
  );
}
