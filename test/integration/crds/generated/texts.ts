import { simplePattern } from '../../../../api/validation/schema.ts';
import type { Schema } from '../../../../scripts/generate/crd.ts';

/** Characters of one, two, three and four bytes, and what names, URLs and digits are made of. */
const letters = ['a', '7', '-', 'A', 'å', '名', '𐐷'];

/** What people and programs write where a text is asked for; each is kept only where the schema takes it. */
const ordinary = [
  'nordic',
  'people.csv',
  'exports/people.csv.gz',
  'CustomerInsights_1/nightly',
  'Lapsed 2026',
  'Größe größer 100 %',
  '高价值客户',
  'עברית',
  '12345',
  '9'.repeat(19),
  '2026-11-22',
  '2024-02-29',
  '2026-07',
  '1999-12',
  'https://api.criteo.com',
  'http://[::1]:8080',
  'https://s3.eu-north-1.amazonaws.com',
  'https://data.example.com/store',
  'https://login.microsoftonline.us',
  '1Gi',
  '999999.5Ti',
  '1h',
  '99999h',
  'eu-north-1',
  'marketing-data',
  'arn:aws:iam::123456789012:role/segments-reader',
  '00000000-0000-0000-0000-00000000000f',
  'db.example.com',
  'marketing.people',
  'msdynci_contactid',
  '_SUCCESS',
];

/**
 * What a text may be that is meant to do harm: it turns the line around, hides, combines, looks like another,
 * ends it early, is no whole character, or speaks to a shell, a database, a template or JavaScript.
 */
export const hostileTexts = [
  '\u202efdp.exe',
  'high\u200bvalue',
  '\u2066readers\u2069',
  'a\u0301\u0301\u0301\u0301',
  `z${'\u0335'.repeat(100)}`,
  'ｒeaders',
  'rеaders',
  'ß',
  'ſegments',
  'İstanbul',
  '\ud800',
  '\udc00x\ud83d',
  '\u0000',
  'read\u0000ers',
  '\u001b[2J',
  'two\nlines',
  'two\u2028lines',
  '\u0085',
  '\u00a0padded\u00a0',
  '\ufeffmarked',
  '\u000bvertical',
  '\ufffe\uffff',
  '\u{10ffff}',
  '👩‍👩‍👧‍👦'.repeat(7),
  '../../etc/passwd',
  '..%2f..%2fetc',
  '/etc/passwd',
  'a/../b',
  '$(id)',
  '$$(NAME)',
  '`id`',
  "'; DROP TABLE people; --",
  '{{.Secret}}',
  '__proto__',
  'constructor',
  'https://user:secret@example.com',
  'https://169.254.169.254/latest',
  '-0',
  '1e400',
  `${'a'.repeat(60)}!`,
];

/** Texts that the schema's own bounds and patterns take: ordinary ones, and those of exactly its least and greatest length. */
export function textsFor(schema: Schema): string[] {
  const { minLength = 0, maxLength = 30 } = schema;
  const edges = [minLength, minLength + 1, maxLength - 1, maxLength];
  const repeated = letters.flatMap((letter) => edges.map((length) => letter.repeat(Math.max(length, 0))));
  const fitting = [...new Set([...ordinary, ...hostileTexts, ...repeated])].filter((text) =>
    fits(schema, text),
  );
  if (fitting.length === 0) throw new Error(`no text for ${JSON.stringify(schema)}`);
  return fitting;
}

/** Whether the bounds, the format and the rules that are a mere pattern take a text. */
export function fits(schema: Schema, text: string): boolean {
  const length = [...text].length;
  if (length < (schema.minLength ?? 0) || length > (schema.maxLength ?? Number.POSITIVE_INFINITY))
    return false;
  if (schema.format === 'date' && !/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  return (schema['x-kubernetes-validations'] ?? []).every(({ rule }) => {
    const simple = simplePattern(rule);
    return simple === undefined || simple.pattern.test(text) !== simple.not;
  });
}
