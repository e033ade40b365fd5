import { expect, test } from 'vitest';
import { verdictOf } from './audit.ts';

test.each([
  [{ vulnerabilities: {}, metadata: { vulnerabilities: { total: 0 } } }, 'Clean', 'No package'],
  [
    {
      vulnerabilities: { undici: { severity: 'high' }, ajv: { severity: 'low' } },
      metadata: { vulnerabilities: { high: 1, low: 1, total: 2 } },
    },
    'Vulnerable',
    'ajv: low, undici: high',
  ],
  [{ message: '405 Method Not Allowed', error: { summary: '' } }, 'NotAnswered', 'nothing was looked up'],
])('of %j it says %s', (output, kind, words) => {
  const verdict = verdictOf(JSON.stringify(output));
  expect(verdict.kind).toBe(kind);
  expect(verdict.text).toContain(words);
});

test('no answer at all is no clean bill', () => {
  expect(verdictOf('').kind).toBe('NotAnswered');
  expect(verdictOf('<html>').kind).toBe('NotAnswered');
});
