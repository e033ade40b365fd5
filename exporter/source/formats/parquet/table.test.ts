import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { never } from '../../../testkit.ts';
import { storedFile } from '../../files/memorystore.ts';
import type { Row } from '../../source.ts';
import type { Wanted } from '../columns.ts';
import type { SegmentOf } from '../rows.ts';
import { readParquet } from './table.ts';
import { parquetOf } from './testkit.ts';

const inSegment = (): number => 0;

async function rowsOf(
  bytes: Buffer,
  wanted: Partial<Wanted> = {},
  segmentOf: SegmentOf = inSegment,
): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const event of readParquet(
    storedFile({ bytes }),
    { fields: ['email'], ...wanted },
    segmentOf,
    never,
  )) {
    if (event.kind === 'rows') rows.push(...event.rows);
  }
  return rows;
}

async function textsOf(bytes: Buffer, wanted: Partial<Wanted> = {}): Promise<unknown[]> {
  return (await rowsOf(bytes, wanted)).map(({ candidates }) => candidates);
}

type Column = Parameters<typeof parquetOf>[0]['columnData'][number];
const emails = (...data: unknown[]): Buffer => parquetOf({ columnData: [{ name: 'email', data }] });
const typed = (column: Partial<Column>): Buffer =>
  parquetOf({ columnData: [{ name: 'email', data: [], ...column }] });

const codecs = ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'ZSTD', 'BROTLI'] as const;

describe('readParquet', () => {
  test('what was written is read back, in pages and row groups of any size', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 12 });
    const row = fc.record({
      // Few values are written as a dictionary, many as they are.
      email: fc.option(fc.oneof(text, fc.constantFrom('a@example.com', 'b@example.com'))),
      e2: text,
      tier: fc.constantFrom('gold', 'silver', null),
      ok: fc.option(fc.boolean()),
      number: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    });
    const shape = fc.record({
      codec: fc.constantFrom(...codecs),
      rowGroupSize: fc.integer({ min: 1, max: 60 }),
      pageSize: fc.integer({ min: 16, max: 2000 }),
      plain: fc.boolean(),
      numbers: fc.constantFrom(
        'PLAIN' as const,
        'DELTA_BINARY_PACKED' as const,
        'BYTE_STREAM_SPLIT' as const,
      ),
      texts: fc.constantFrom(
        'DELTA_LENGTH_BYTE_ARRAY' as const,
        'DELTA_BYTE_ARRAY' as const,
        'PLAIN' as const,
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 200 }), shape, async (rows, options) => {
        const { plain, numbers, texts, ...rest } = options;
        const bytes = parquetOf({
          ...rest,
          columnData: [
            {
              name: 'number',
              type: 'INT32',
              nullable: false,
              data: rows.map((one) => one.number),
              encoding: numbers,
            },
            {
              name: 'email',
              type: 'STRING',
              data: rows.map((one) => one.email),
              ...(plain && { encoding: 'PLAIN' }),
            },
            { name: 'e2', type: 'STRING', nullable: false, data: rows.map((one) => one.e2), encoding: texts },
            { name: 'tier', type: 'STRING', data: rows.map((one) => one.tier) },
            {
              name: 'ok',
              type: 'BOOLEAN',
              data: rows.map((one) => one.ok),
              ...(plain && { encoding: 'RLE' }),
            },
          ],
        });
        const segments = new Map([
          ['gold', 0],
          ['silver', 1],
        ]);
        const given = await rowsOf(
          bytes,
          { fields: ['email', 'e2', 'number'], segmentField: 'tier', consent: { field: 'ok', isTrue: true } },
          (value) => segments.get(value),
        );
        const expected = rows.flatMap(({ email, e2, number, tier, ok }) => {
          const segment = segments.get(tier ?? '');
          if (segment === undefined) return [];
          return [{ segment, candidates: [email ?? '', e2, String(number)], hasConsent: ok === true }];
        });
        expect(given).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  test('a page of more rows than another column has in its own', async () => {
    const data = Array.from({ length: 5000 }, (_, index) => `${'x'.repeat(index % 50)}${index}@example.com`);
    const ok = data.map((_, index) => index % 3 === 0);
    const columnData: Column[] = [
      { name: 'email', type: 'STRING', data },
      { name: 'ok', type: 'BOOLEAN', data: ok },
    ];
    const bytes = parquetOf({ columnData, pageSize: 1000, rowGroupSize: 3000 });
    const rows = await rowsOf(bytes, { consent: { field: 'ok', equals: 'true' } });
    expect(rows.map(({ candidates, hasConsent }) => [candidates, hasConsent])).toEqual(
      data.map((email, index) => [[email], ok[index]]),
    );
  });

  test.each([
    ['whole numbers', { type: 'INT64', data: [2n ** 62n, -1n, null] }, ['4611686018427387904', '-1', '']],
    ['numbers', { type: 'DOUBLE', data: [1, 1.5, Number.NaN] }, ['1', '1.5', '']],
    ['booleans', { type: 'BOOLEAN', data: [true, false, null] }, ['true', 'false', '']],
    ['times', { type: 'TIMESTAMP', data: [new Date(0), null] }, ['1970-01-01T00:00:00.000Z', '']],
    [
      'identifiers',
      { type: 'UUID', data: ['0195d1a2-1111-7222-8333-444455556666', null] },
      ['0195d1a2-1111-7222-8333-444455556666', ''],
    ],
    ['JSON', { type: 'JSON', data: ['a', null] }, ['"a"', '']],
    ['bytes that are text', { type: 'BYTE_ARRAY', data: [Buffer.from('åse'), null] }, ['åse', '']],
    ['a replacement character', { type: 'STRING', data: ['\ufffd'] }, ['\ufffd']],
  ] as [string, Partial<Column>, string[]][])('%s are text', async (_, column, expected) => {
    expect(await textsOf(typed(column))).toEqual(expected.map((text) => [text]));
  });

  test.each([
    [{ type: 'INT32', converted_type: 'DATE' }, [new Date('2026-11-22')], '2026-11-22'],
    [{ type: 'INT32', converted_type: 'DECIMAL', scale: 2, precision: 9 }, [0.05], '0.05'],
    [{ type: 'INT32', converted_type: 'DECIMAL', scale: 2, precision: 9 }, [-12.3], '-12.30'],
    [
      { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 4, converted_type: 'DECIMAL', scale: 1, precision: 8 },
      [-1.5],
      '-1.5',
    ],
    [{ type: 'INT32', converted_type: 'UINT_32' }, [2 ** 32 - 1], '4294967295'],
    [{ type: 'INT64', converted_type: 'UINT_64' }, [2n ** 64n - 1n], '18446744073709551615'],
    [{ type: 'BYTE_ARRAY', converted_type: 'ENUM' }, ['gold'], 'gold'],
  ] as [object, unknown[], string][])('a column of %j', async (element, data, expected) => {
    const schema = [
      { name: 'root', num_children: 1 },
      { name: 'email', repetition_type: 'OPTIONAL', ...element },
    ];
    const bytes = parquetOf({
      columnData: [{ name: 'email', data }],
      schema: schema as NonNullable<Parameters<typeof parquetOf>[0]['schema']>,
    });
    expect(await textsOf(bytes)).toEqual([[expected]]);
  });

  test('a table without rows has its columns', async () => {
    expect(await textsOf(typed({ type: 'STRING', data: [] }))).toEqual([]);
    await expect(textsOf(typed({ name: 'mail', type: 'STRING' }))).rejects.toMatchObject({
      reason: 'FieldNotFound',
      details: { fieldIndex: 0 },
    });
  });

  test('the same column for the address and for consent', async () => {
    const rows = await rowsOf(emails('a', null), {
      fields: ['email', 'email'],
      consent: { field: 'email', notEquals: 'x' },
    });
    expect(rows).toEqual([
      { segment: 0, candidates: ['a', 'a'], hasConsent: true },
      { segment: 0, candidates: ['', ''], hasConsent: false },
    ]);
  });

  test('consent that is null is none', async () => {
    const columnData: Column[] = [
      { name: 'email', data: ['a', 'b', 'c'] },
      { name: 'ok', type: 'STRING', data: ['no', null, 'yes'] },
    ];
    const rows = await rowsOf(parquetOf({ columnData }), { consent: { field: 'ok', notEquals: 'no' } });
    expect(rows.map(({ hasConsent }) => hasConsent)).toEqual([false, false, true]);
  });

  test.each([
    ['the segment', { segmentField: 'tier' }, 'SegmentFieldNotFound', undefined],
    ['the consent', { consent: { field: 'ok', isTrue: true } }, 'ConsentFieldNotFound', undefined],
    ['a fallback', { fields: ['email', 'e2'] }, 'FieldNotFound', { fieldIndex: 1 }],
  ] as [string, Partial<Wanted>, string, unknown][])(
    '%s without a column',
    async (_, wanted, reason, details) => {
      await expect(textsOf(emails('a'), wanted)).rejects.toMatchObject({ reason, details });
    },
  );

  test('a name that is there twice is ambiguous', async () => {
    const columnData: Column[] = [
      { name: 'email', data: ['a'] },
      { name: 'email', data: ['b'] },
    ];
    await expect(textsOf(parquetOf({ columnData }))).rejects.toMatchObject({
      reason: 'FieldAmbiguous',
      details: { fieldIndex: 0 },
    });
  });

  test.each([
    ['bytes that are no UTF-8', { type: 'BYTE_ARRAY', data: [Buffer.from([0xff, 0xfe])] }],
    ['the same in a dictionary', { type: 'BYTE_ARRAY', data: Array(50).fill(Buffer.from([0xff, 0xfe])) }],
    ['half numbers', { type: 'FLOAT16', data: [1] }],
  ] as [string, Partial<Column>][])('a column of %s is no text', async (_, column) => {
    await expect(textsOf(typed(column))).rejects.toMatchObject({
      reason: 'FieldNotText',
      details: { fieldIndex: 0 },
    });
  });

  test.each([
    [
      'a list',
      [['a', 'b']],
      [
        { name: 'ok', repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        { name: 'element', repetition_type: 'OPTIONAL', type: 'BYTE_ARRAY', converted_type: 'UTF8' },
      ],
    ],
    [
      'a record',
      [{ a: 'x' }],
      [
        { name: 'ok', repetition_type: 'OPTIONAL', num_children: 1 },
        { name: 'a', repetition_type: 'OPTIONAL', type: 'BYTE_ARRAY', converted_type: 'UTF8' },
      ],
    ],
  ] as const)('a column of %s is no text where it is needed', async (_, data, schema) => {
    const bytes = parquetOf({
      columnData: [
        { name: 'email', data: ['a'] },
        { name: 'ok', data: [...data] },
      ],
      schema: [
        { name: 'root', num_children: 2 },
        { name: 'email', repetition_type: 'OPTIONAL', type: 'BYTE_ARRAY', converted_type: 'UTF8' },
        ...schema,
      ],
    });
    const consent = { field: 'ok', notEquals: 'no' };
    await expect(textsOf(bytes, { consent })).rejects.toMatchObject({
      reason: 'FieldNotText',
      details: { column: 'Consent' },
    });
    await expect(textsOf(bytes)).resolves.toEqual([['a']]);
  });
});

describe('what is no Parquet, or damaged', () => {
  const whole = emails(...Array.from({ length: 300 }, (_, index) => `${index}@example.com`));

  test.each([
    ['without bytes', 'SourceEmpty', Buffer.alloc(0)],
    ['of a few bytes', 'SourceNotParquet', Buffer.from('PAR1')],
    ['of CSV', 'SourceNotParquet', Buffer.from('email\na@example.com\n')],
    ['without its end', 'SourceNotParquet', whole.subarray(0, -1)],
    ['that was cut off in its pages', 'SourceNotParquet', whole.subarray(0, 500)],
    ['without its beginning', 'SourceDamaged', whole.subarray(300)],
    ['with metadata longer than the file', 'SourceDamaged', withEnd(whole, whole.length)],
    ['with metadata that is none', 'SourceDamaged', withEnd(whole, 40)],
  ])('a file %s: %s', async (_, reason, bytes) => {
    await expect(textsOf(bytes)).rejects.toMatchObject({ reason });
  });

  test('a page header that holds something else in place of a size', async () => {
    const data = Array.from({ length: 300 }, (_, index) => `${index}@example.com`);
    const bytes = parquetOf({ columnData: [{ name: 'email', data }], codec: 'UNCOMPRESSED' });
    // The type of the field: a number of 64 bits, which is of another kind in this language.
    bytes[9] = (bytes[9] ?? 0) ^ 3;
    await expect(textsOf(bytes)).rejects.toMatchObject({ reason: 'SourceDamaged' });
  });

  test('a page whose bytes were changed is refused, or read as what it says now; nothing else fails', async () => {
    const given = await textsOf(whole);
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: whole.length - 9 }),
        fc.integer({ min: 1, max: 255 }),
        fc.constantFrom(...codecs),
        async (at, change, codec) => {
          const data = Array.from({ length: 300 }, (_, index) => `${index}@example.com`);
          const bytes = parquetOf({ columnData: [{ name: 'email', data }], codec });
          bytes[at % (bytes.length - 9)] = (bytes[at % (bytes.length - 9)] ?? 0) ^ change;
          try {
            const read = await textsOf(bytes);
            expect(read.length).toBeLessThanOrEqual(given.length);
          } catch (error) {
            refused++;
            expect((error as { name: string }).name).toBe('Fault');
          }
        },
      ),
      { numRuns: 400 },
    );
    expect(refused).toBeGreaterThan(40);
  }, 60_000);
});

/** The file, whose end says that its metadata has so many bytes. */
function withEnd(bytes: Buffer, length: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt32LE(length, copy.length - 8);
  return copy;
}
