import { expect, test } from 'vitest';
import { madeAtRunTime, regExpsOfPrograms } from './regexps.ts';

/**
 * JavaScript tries the ways through an expression one after another. One whose time grows with the square of the
 * text needs a minute and more for texts of this length, one that grows faster never ends; all others are done in a moment.
 */
const length = 100_000;

/** What grows with the square, and how long a text is that it ever meets. */
const bounded: Readonly<Record<string, { length: number; because: string }>> = {
  '/\\s*\\n\\s*/g': { length: 8192, because: 'errorMessage cuts the text first' },
  '/\\uFFFD+$/': { length: 4096, because: 'it is the end of an event, which is cut first' },
  '/^-+|-+$/g': { length: 253, because: "it is an object's name" },
  '/[\\s;]+$/': { length: 10_000, because: 'the CRD takes no longer query' },
  '/\\/+$/': { length: 500, because: 'the CRD takes no longer URL' },
};

/** What these make at run time is made of texts of ours, and read in their own tests. */
const makers = [
  'api/validation/schema.ts',
  'exporter/criteo/marker.ts',
  'exporter/identity/address.ts',
  'exporter/ledger/s3.ts',
  'exporter/ledger/volume.ts',
  'exporter/source/s3/webidentity.ts',
];

/** What a text repeats on which an expression could brood, and what it ends in, so that nothing matches. */
const pumps = [
  ...[
    ' ',
    '\t',
    '\n',
    ' \n',
    '\r\n',
    'a',
    'A',
    '0',
    '-',
    '_',
    '.',
    '/',
    ';',
    ':',
    '?',
    '@',
    '=',
    '<',
    '"',
    "'",
  ],
  ...[
    '\ufffd',
    'å',
    '\u{10ffff}',
    '\ud800',
    'a-',
    'a.',
    '0 ',
    'a/',
    'a a',
    '..',
    '../',
    '/a.ts:1',
    '<a>',
    'f0',
  ],
];
const ends = ['!', '\n\u0000', ''];

test('no regular expression of the programs broods over a long text, but those that never meet one', () => {
  const all = new Map(regExpsOfPrograms().map((found) => [found.text, found]));
  expect(all.size).toBeGreaterThan(70);
  for (const { text, regExp } of all.values()) {
    const most = bounded[text]?.length ?? length;
    for (const pump of pumps) {
      const long = pump.repeat(Math.ceil(most / pump.length)).slice(0, most);
      for (const end of ends) (long + end).replace(new RegExp(regExp.source, regExp.flags), '');
    }
  }
  expect(Object.keys(bounded).filter((text) => !all.has(text))).toEqual([]);
}, 60_000);

test('expressions are made at run time only where this list says so', () => {
  expect([...new Set(madeAtRunTime())].sort()).toEqual(makers);
});
