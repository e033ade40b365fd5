import { rm, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { exitCodes } from '../../../api/reasons.ts';
import type { TableFiles } from '../../../api/rundocument.ts';
import { parquetOf } from '../../../exporter/source/formats/parquet/testkit.ts';
import { exportName, exportOf, runExporter, segmentOf } from './program.ts';
import { digestOf, sandboxFor, writes } from './sandbox.ts';

const address = (index: number): string => `person.${index}@example.com`;
const addresses = (count: number): string[] => Array.from({ length: count }, (_, index) => address(index));
const listOf = (all: readonly string[]): string => `email\n${all.join('\n')}\n`;

test('Criteo receives exactly the distinct people of a dirty file', async () => {
  const sandbox = await sandboxFor();
  const people = [
    '\ufeffname;email;e2\r',
    'Åse;" AASE@Example.com ";\r',
    '"Berit ""B""; of\nOslo";berit@example.com;\r',
    ';aase@example.com;\r',
    ';;fallback@example.com\r',
    ';not an address;second@example.com\r',
    ';\u00a0øystein@blåbær.example\u00a0;',
    ';B4C9A289323B21A01C3E940F150EB9B8C542587F1ABFD8F0E1CC1FFC5E475514;',
    ';none;none either',
    ';;',
    'short',
    ';trailing@example.com;;;',
    'Smith; John;shifted@example.com;x',
  ].join('\n');
  const document = exportOf(sandbox.url, {
    match: { email: { field: 'email', fallbackFields: ['e2'] } },
    source: { file: { path: 'people.csv', format: 'CSV', csv: { delimiter: 'Semicolon' } } },
  });
  const writtenAt = Date.parse('2026-11-22T04:00:00Z');
  const { report, exitCode } = await runExporter({
    document,
    files: { 'people.csv': people },
    prepare: (directory) => utimes(join(directory, 'people.csv'), new Date(), new Date(writtenAt)),
  });
  expect(exitCode).toBe(0);
  expect(report?.segments).toEqual([
    {
      reason: 'Succeeded',
      action: 'Create',
      origin: 'Created',
      criteoSegmentId: '1001',
      read: 12,
      invalid: 1,
      malformed: 2,
      empty: 1,
      duplicate: 1,
      withoutConsent: 0,
      selected: 7,
      uploaded: 7,
      removed: 0,
      refused: 0,
      held: 7,
      sourceWrittenAt: writtenAt,
      statistics: { numberOfIdentifiers: 7, numberOfMatches: 4 },
    },
  ]);
  expect(sandbox.segments()[0]?.digest).toBe(
    digestOf([
      'aase@example.com',
      'berit@example.com',
      'fallback@example.com',
      'second@example.com',
      'øystein@blåbær.example',
      'user@example.com',
      'trailing@example.com',
    ]),
  );
  expect(sandbox.violations()).toEqual([]);
});

test('more than 50,000 people go in batches, with progress told', async () => {
  const sandbox = await sandboxFor();
  const people = addresses(120_000);
  const { report, output } = await runExporter({
    document: exportOf(sandbox.url),
    files: { 'people.csv': gzipSync(listOf(people)) },
  });
  expect(report?.segments?.[0]).toMatchObject({ selected: 120_000, uploaded: 120_000 });
  expect(sandbox.segments()[0]?.digest).toBe(digestOf(people));
  const batches = sandbox.requests().flatMap(({ counts }) => counts?.identifiers ?? []);
  expect(batches).toEqual([50_000, 50_000, 20_000]);
  expect(output).toContain('rows"');
  expect(output).toContain('uploaded 100000 of 120000 identifiers to segment 1 of 1');
});

test('a proxy that takes less than Criteo gets smaller batches', async () => {
  const sandbox = await sandboxFor({ maxBodyBytes: 1_000_000 });
  const people = addresses(30_000);
  const { report } = await runExporter({
    document: exportOf(sandbox.url),
    files: { 'people.csv': listOf(people) },
  });
  expect(report?.reason).toBe('Succeeded');
  expect(sandbox.segments()[0]?.digest).toBe(digestOf(people));
});

test('a file with a segment column serves its segments, and only those asked for', async () => {
  const sandbox = await sandboxFor();
  const { report } = await runExporter({
    document: exportOf(sandbox.url, {
      segments: [segmentOf('gold', { criteoName: 'Gold 2026' }), segmentOf('silver')],
      source: {
        file: { path: 'people.csv', format: 'CSV', csv: { delimiter: 'Comma' }, segmentField: 'tier' },
      },
    }),
    files: {
      'people.csv':
        'tier,email\ngold,a@example.com\n silver ,b@example.com\nbronze,c@example.com\ngold,b@example.com\n',
    },
  });
  expect(report?.segments?.map(({ read, uploaded }) => [read, uploaded])).toEqual([
    [2, 2],
    [1, 1],
  ]);
  expect(sandbox.segments().map(({ name, digest }) => [name, digest])).toEqual([
    ['Gold 2026', digestOf(['a@example.com', 'b@example.com'])],
    ['silver', digestOf(['b@example.com'])],
  ]);
});

test('symbolic links inside the claim are followed, as in a volume made of a ConfigMap', async () => {
  const sandbox = await sandboxFor();
  const { report } = await runExporter({
    document: exportOf(sandbox.url),
    files: { '..2026_11_22/people.csv': listOf(['a@example.com']) },
    prepare: async (directory) => {
      await symlink('..2026_11_22', join(directory, '..data'));
      await symlink('..data/people.csv', join(directory, 'people.csv'));
    },
  });
  expect(report?.reason).toBe('Succeeded');
  expect(sandbox.segments()[0]?.digest).toBe(digestOf(['a@example.com']));
});

test('one segment that fails does not stop the others of the directory', async () => {
  const sandbox = await sandboxFor();
  sandbox.addSegment({
    advertiserId: '12345',
    name: 'taken',
    identifiers: ['x@example.com', 'y@example.com'],
  });
  const names = ['gold', 'absent', 'nomail', 'empty', 'taken', 'silver'];
  const { report, exitCode } = await runExporter({
    document: exportOf(sandbox.url, {
      segments: names.map((name) => segmentOf(name)),
      source: { file: { path: 'lists', format: 'CSV', csv: { delimiter: 'Comma' } } },
    }),
    files: {
      'lists/gold.csv': listOf(['a@example.com']),
      'lists/nomail.csv': 'name\nA\n',
      'lists/empty.csv': '',
      'lists/taken.csv': listOf(['b@example.com']),
      'lists/silver.csv.gz': gzipSync(listOf(['c@example.com'])),
    },
  });
  expect(report?.reason).toBe('SegmentsFailed');
  expect(report?.segments?.map((segment) => segment.reason)).toEqual([
    'Succeeded',
    'SegmentNotFound',
    'FieldNotFound',
    'SourceEmpty',
    'SegmentNotOurs',
    'Succeeded',
  ]);
  expect(report?.segments?.[4]?.details).toEqual({ count: 2 });
  expect(exitCode).toBe(exitCodes.partial);
  expect(sandbox.segments().map(({ name, numberOfIdentifiers }) => [name, numberOfIdentifiers])).toEqual([
    ['taken', 2],
    ['gold', 1],
    ['silver', 1],
  ]);
});

describe('what other tools write', () => {
  const people = ['a@example.com', 'b@example.com', 'c@example.com'];
  const wanted = digestOf(['a@example.com', 'c@example.com']);
  const ok = [true, false, true];
  const lines = people.map((email, index) => JSON.stringify({ email, ok: ok[index] })).join('\n');
  const table = people.map((email, index) => `${email}|${ok[index]}`).join('\r\n');
  const csv = (change: object): Partial<TableFiles> => ({ csv: { delimiter: 'Pipe', ...change } });
  const columnData = [
    { name: 'ok', data: ok },
    { name: 'email', data: people },
  ];

  test.each([
    ['NDJSON', { format: 'NDJSON' }, lines],
    ['NDJSON of zstd', { format: 'NDJSON' }, zstdCompressSync(lines)],
    ['Parquet', { format: 'Parquet' }, parquetOf({ columnData, rowGroupSize: 2 })],
    ['CSV without a header', csv({ columns: ['email', 'ok'] }), table],
    [
      'UTF-16 of zstd',
      csv({ encoding: 'UTF16LE' }),
      zstdCompressSync(Buffer.from(`\ufeffemail|ok\r\n${table}`, 'utf16le')),
    ],
    [
      'Windows-1252',
      csv({ encoding: 'Windows1252' }),
      Buffer.from(`email|\xf8|ok\r\n${table.replaceAll('|', '|\x80|')}`, 'latin1'),
    ],
  ] as [string, Partial<TableFiles>, string | Buffer][])(
    '%s: exactly those with consent',
    async (_, change, bytes) => {
      const sandbox = await sandboxFor();
      const { report } = await runExporter({
        document: exportOf(sandbox.url, {
          consent: { field: 'ok', isTrue: true },
          source: { file: { path: 'people', format: 'CSV', csv: { delimiter: 'Comma' }, ...change } },
        }),
        files: { people: bytes },
      });
      expect(report?.reason).toBe('Succeeded');
      expect(report?.segments?.[0]).toMatchObject({ read: 3, withoutConsent: 1, held: 2 });
      expect(sandbox.segments()[0]?.digest).toBe(wanted);
    },
  );

  test('the newest complete directory of parts, and never a half-written one', async () => {
    const sandbox = await sandboxFor();
    const document = exportOf(sandbox.url, {
      segments: [segmentOf('gold'), segmentOf('silver')],
      source: {
        file: {
          path: 'out',
          format: 'CSV',
          csv: { delimiter: 'Comma' },
          segmentField: 'tier',
          newest: { settleSeconds: 300 },
        },
      },
    });
    const hours = (count: number): Date => new Date(Date.now() - count * 3_600_000);
    const { report } = await runExporter({
      document,
      files: {
        'out/1/part-1.csv': 'email,tier\nold@example.com,gold\n',
        'out/2/part-1.csv': 'email,tier\na@example.com,gold\n',
        'out/2/part-2.csv': 'tier,email\nsilver,b@example.com\n',
        'out/2/_SUCCESS': '',
        'out/3/part-1.csv': 'email,tier\nc@example.com,go',
      },
      prepare: async (directory) => {
        const set = (path: string, time: Date) => utimes(join(directory, 'out', path), time, time);
        await set('1/part-1.csv', hours(30));
        for (const name of ['part-1.csv', 'part-2.csv', '_SUCCESS']) await set(`2/${name}`, hours(2));
      },
    });
    expect(report?.reason).toBe('Succeeded');
    expect(sandbox.segments().map(({ name, digest }) => [name, digest])).toEqual([
      ['gold', digestOf(['a@example.com'])],
      ['silver', digestOf(['b@example.com'])],
    ]);
  });

  test('a half-written file of a tool that leaves markers', async () => {
    const sandbox = await sandboxFor();
    const file = { path: 'out', format: 'CSV', csv: { delimiter: 'Comma' } } as const;
    const document = exportOf(sandbox.url, {
      source: { file: { ...file, newest: { marker: '.done', settleSeconds: 300 } } },
    });
    const files = {
      'out/1.csv': listOf(['a@example.com']),
      'out/1.csv.done': '',
      'out/2.csv': 'email\nb@exam',
    };
    const { report } = await runExporter({ document, files });
    expect(report?.reason).toBe('Succeeded');
    expect(sandbox.segments()[0]?.digest).toBe(digestOf(['a@example.com']));
    const none = await runExporter({
      document,
      files,
      prepare: (directory) => rm(join(directory, 'out/1.csv.done')),
    });
    expect(none.report?.reason).toBe('SourceIncomplete');
  });
});

test('the segment carries the owner marker, and the next run finds it again among many pages', async () => {
  const sandbox = await sandboxFor({ pageLimit: 2 });
  for (const name of ['a', 'b', 'c', 'd']) sandbox.addSegment({ advertiserId: '12345', name });
  const first = await runExporter({
    document: exportOf(sandbox.url, { name: 'Newsletter readers' }),
    files: { 'people.csv': listOf(['a@example.com']) },
  });
  const second = await runExporter({
    document: exportOf(sandbox.url, { segments: [segmentOf('readers', { criteoName: ' READERS ' })] }),
    files: { 'people.csv': listOf(['b@example.com']) },
  });
  expect([first.report?.reason, second.report?.reason]).toEqual(['Succeeded', 'Succeeded']);
  const ours = sandbox.segments().filter(({ name }) => name === 'readers');
  expect(ours.map(({ description, digest }) => [description, digest])).toEqual([
    [
      `Newsletter readers [segmentexport.io/v1 owner=shop/newsletter uid=${exportName.uid}]`,
      digestOf(['a@example.com', 'b@example.com']),
    ],
  ]);
  expect(sandbox.segments()).toHaveLength(5);
});

test.each([
  [
    'of another export',
    { description: 'x [segmentexport.io/v1 owner=shop/other uid=1]' },
    'Keep',
    'SegmentOwnedByAnother',
  ],
  ['that nobody marked', {}, 'Refuse', 'SegmentNotOurs'],
  ['that is read-only', { readOnly: true }, 'Keep', 'SegmentReadOnly'],
] as const)('a segment %s is left alone', async (_, foreign, existing, reason) => {
  const sandbox = await sandboxFor();
  sandbox.addSegment({ advertiserId: '12345', name: 'Readers', ...foreign });
  const { report } = await runExporter({
    document: exportOf(sandbox.url, { segments: [segmentOf('readers', { existing })] }),
    files: { 'people.csv': listOf(['a@example.com']) },
  });
  expect(report?.segments?.[0]?.reason).toBe(reason);
  if (reason === 'SegmentOwnedByAnother')
    expect(report?.segments?.[0]?.details).toEqual({ owner: 'shop/other' });
  expect(writes(sandbox)).toBe(0);
});

test('existing: Keep adds to a segment of somebody else, and marks it behind what they wrote', async () => {
  const sandbox = await sandboxFor();
  sandbox.addSegment({
    advertiserId: '12345',
    name: 'Readers',
    description: 'by hand',
    identifiers: ['x@example.com'],
  });
  const { report } = await runExporter({
    document: exportOf(sandbox.url, { segments: [segmentOf('readers', { existing: 'Keep' })] }),
    files: { 'people.csv': listOf(['a@example.com']) },
  });
  expect(report?.reason).toBe('Succeeded');
  expect(sandbox.segments()[0]).toMatchObject({
    description: `by hand [segmentexport.io/v1 owner=shop/newsletter uid=${exportName.uid} kept]`,
    digest: digestOf(['a@example.com', 'x@example.com']),
  });
});
