import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Row } from '../source.ts';
import type { Wanted } from './columns.ts';
import { NdjsonTable } from './ndjson.ts';

interface Read {
  rows: Row[];
  malformed: number;
}

const indexes = new Map([
  ['gold', 0],
  ['silver', 1],
]);

/** What a table of such files gives, in chunks of so many bytes. */
async function read(texts: (string | Buffer)[], wanted: Partial<Wanted> = {}, size = 7): Promise<Read> {
  const segmentOf = (value: string): number | undefined =>
    wanted.segmentField === undefined ? 0 : indexes.get(value);
  const table = new NdjsonTable({ fields: ['email'], ...wanted }, segmentOf);
  const found: Read = { rows: [], malformed: 0 };
  for (const text of texts) {
    const bytes = Buffer.from(text as string);
    const memory = Buffer.alloc(size);
    async function* chunks(): AsyncGenerator<Buffer, void> {
      for (let at = 0; at < bytes.length; at += size) yield memory.subarray(0, bytes.copy(memory, 0, at));
    }
    for await (const event of table.read(chunks())) {
      if (event.kind === 'rows') found.rows.push(...event.rows);
      if (event.kind === 'malformed') found.malformed += event.count;
    }
  }
  table.end();
  return found;
}

const candidates = ({ rows }: Read): unknown[] => rows.map((row) => row.candidates);

describe('NdjsonTable', () => {
  test('what was written is read back, wherever the chunks end', async () => {
    const object = fc.record({ email: fc.string({ unit: 'grapheme', maxLength: 9 }), x: fc.jsonValue() });
    await fc.assert(
      fc.asyncProperty(
        fc.array(object, { minLength: 1, maxLength: 150 }),
        fc.constantFrom('\n', '\r\n', '\n\n \n'),
        fc.integer({ min: 1, max: 1000 }),
        async (objects, lineEnd, size) => {
          const text = `\ufeff${objects.map((one) => JSON.stringify(one)).join(lineEnd)}`;
          const given = await read([text.replaceAll('\\u0000', '\\u0020')], {}, size);
          expect(candidates(given)).toEqual(objects.map(({ email }) => [email.replaceAll('\0', ' ')]));
        },
      ),
      { numRuns: 50 },
    );
  });

  test('numbers and booleans are text; null, and a name that is not there, are empty', async () => {
    const lines = ['1', '-1.5', 'true', 'null', '""'].map((value) => `{"email":${value}}`);
    expect(candidates(await read([[...lines, '{}'].join('\n')]))).toEqual(
      ['1', '-1.5', 'true', '', '', ''].map((text) => [text]),
    );
  });

  test.each(['[]', '{}', '["a"]', '9007199254740993', '1e999'])(
    'the address %s cannot be read: the row is counted, and its consent is none',
    async (value) => {
      const consent = { field: 'ok', isTrue: true } as const;
      const { rows } = await read([`{"email":${value},"ok":true}\n{"email":"a","ok":true}`], { consent });
      expect(rows).toEqual([
        { segment: 0, candidates: 'misshapen', hasConsent: false },
        { segment: 0, candidates: ['a'], hasConsent: true },
      ]);
    },
  );

  test('consent that is missing, null or no plain value is none', async () => {
    const values = ['', ',"ok":null', ',"ok":""', ',"ok":"no"', ',"ok":"yes"', ',"ok":true', ',"ok":1'];
    const text = values.map((value) => `{"email":"a"${value}}`).join('\n');
    const { rows } = await read([text], { consent: { field: 'ok', isTrue: true } });
    expect(rows.map(({ hasConsent }) => hasConsent)).toEqual([false, false, false, false, true, true, true]);
  });

  test('lines that are no object count in the only segment, and where there are several in none', async () => {
    const text = '{"email":"a","tier":"gold"}\n[1]\nnull\n"x"\n{"email":\n12 13\n';
    expect((await read([text])).rows.filter((row) => row.candidates === 'misshapen')).toHaveLength(5);
    expect(await read([text], { segmentField: 'tier' })).toEqual({
      rows: [{ segment: 0, candidates: ['a'], hasConsent: true }],
      malformed: 5,
    });
  });

  test('a row of a known segment counts there, one of a segment that nobody asked for nowhere', async () => {
    const text = ['" silver "', '"bronze"', '{}', 'null']
      .map((tier) => `{"email":[],"tier":${tier}}`)
      .join('\n');
    expect(await read([text], { segmentField: 'tier' })).toEqual({
      rows: [{ segment: 1, candidates: 'misshapen', hasConsent: false }],
      malformed: 2,
    });
  });

  test.each([
    ['the address', { fields: ['constructor'] }, 'FieldNotFound', { fieldIndex: 0 }],
    ['a fallback', { fields: ['email', 'e2'] }, 'FieldNotFound', { fieldIndex: 1 }],
    ['the segment', { segmentField: 'tier' }, 'SegmentFieldNotFound', undefined],
    ['the consent', { consent: { field: 'ok', notEquals: 'x' } }, 'ConsentFieldNotFound', undefined],
  ] as const)('%s that no object has is missing', async (_, wanted, reason, details) => {
    const read2 = read(['{"email":"a"}\n{"email":"b"}'], wanted);
    await expect(read2).rejects.toMatchObject({ reason, details });
  });

  test('a name that only one part of a table has is not missing', async () => {
    expect(candidates(await read(['{"x":1}\n', '{"email":"a"}']))).toEqual([[''], ['a']]);
  });

  test.each([
    ['without bytes', ''],
    ['of empty lines', '\n \r\n'],
    ['of a byte-order mark', '\ufeff'],
  ])('a file %s is empty', async (_, text) => {
    await expect(read([text])).rejects.toMatchObject({ reason: 'SourceEmpty' });
  });

  test.each([
    ['a list in place of lines', '[{"email":"a"},{"email":"b"}]', 1],
    ['an object of many lines', '{\n  "email": "a"\n}\n', 1],
    ['CSV', '\nemail\na\n', 2],
    ['a NUL', '{"email":"a"}\n\n{"x\0":1}', 3],
    ['bytes that are no UTF-8', Buffer.from('{"email":"a"}\n{"email":"\xe5"}\n', 'latin1'), 2],
    ['a line of more than a megabyte', `{"email":"a"}\n{"x":"${'x'.repeat(1_100_000)}"}\n`, 2],
    ['a last one of that length', `{"email":"a"}\n{"x":"${'x'.repeat(1_100_000)}`, 2],
  ])('%s is no NDJSON, told with its line', async (_, text, line) => {
    for (const size of [100_000, 4_000_000]) {
      await expect(read([text], {}, size)).rejects.toMatchObject({
        reason: 'SourceNotNdjson',
        details: { line },
      });
    }
  });

  test.each([
    ['gzip', gzipSync('{"email":"a"}\n{"email":"b"}\n').subarray(0, -6), 3],
    [
      'zstd',
      Buffer.concat(['{"email":"a"}\n', '{"email":"b"}\n'].map((one) => zstdCompressSync(one))).subarray(
        0,
        -2,
      ),
      2,
    ],
  ])('%s that is cut off is damaged, told with its line', async (_, bytes, line) => {
    await expect(read([bytes], {}, 1000)).rejects.toMatchObject({
      reason: 'SourceDamaged',
      details: { line },
    });
  });

  test('the fault holds nothing of the file', async () => {
    const fault: unknown = await read(['canary {"email":"canary"}']).catch((error: unknown) => error);
    expect(`${JSON.stringify(fault)} ${fault instanceof Error ? fault.stack : ''}`).not.toContain('canary');
  });
});
