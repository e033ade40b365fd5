import { chmod, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { exitCodes, type RunReason } from '../../../api/reasons.ts';
import type { ReportDetails } from '../../../api/report.ts';
import type { ExportRun } from '../../../api/rundocument.ts';
import { parquetOf } from '../../../exporter/source/formats/parquet/testkit.ts';
import { checkOf, exportOf, type Input, runExporter, sandboxCredentials, segmentOf } from './program.ts';
import { sandboxFor, writes } from './sandbox.ts';

const people = 'name,email\nA,a@example.com\n';
const parquet = parquetOf({ columnData: [{ name: 'email', data: ['a@example.com', 'b@example.com'] }] });

interface Case {
  name: string;
  reason: RunReason;
  details?: ReportDetails;
  change?: Partial<ExportRun>;
  input?: Partial<Input>;
}

const csv = (change: object): ExportRun['source'] => ({
  file: { path: 'people.csv', format: 'CSV', csv: { delimiter: 'Comma' }, ...change },
});
const two = [segmentOf('gold'), segmentOf('silver')];

const wholeRun: Case[] = [
  { name: 'a Secret that does not exist', reason: 'SecretNotFound', input: { credentials: {} } },
  {
    name: 'a Secret without clientSecret',
    reason: 'SecretKeyMissing',
    details: { key: 'clientSecret' },
    input: { credentials: { clientId: 'sandbox-client' } },
  },
  {
    name: 'a Secret without clientId',
    reason: 'SecretKeyMissing',
    details: { key: 'clientId' },
    input: { credentials: { clientSecret: 'sandbox-secret' } },
  },
  {
    name: 'wrong credentials',
    reason: 'CredentialsRefused',
    details: { status: 401, code: 'invalid-client' },
    input: { credentials: { ...sandboxCredentials, clientSecret: 'wrong' } },
  },
  {
    name: 'an advertiser that the account may not use',
    reason: 'AdvertiserNotAllowed',
    change: { advertiserId: '777' },
  },
  {
    name: 'an API version that Criteo has ended',
    reason: 'ApiVersionGone',
    details: { status: 410, code: 'endpoint-deprecated' },
    change: { api: { baseUrl: '', version: '2020-01' } },
  },
  { name: 'a missing file', reason: 'SourceNotFound', input: { files: {} } },
  {
    name: 'a path that leads out of the claim',
    reason: 'SourceUnreadable',
    change: { source: csv({ path: '../run.json' }) },
  },
  {
    name: 'a symbolic link that leads out of the claim',
    reason: 'SourceUnreadable',
    input: { files: {}, prepare: (directory) => symlink('../run.json', join(directory, 'people.csv')) },
  },
  { name: 'a file without bytes', reason: 'SourceEmpty', input: { files: { 'people.csv': '' } } },
  {
    name: 'a missing e-mail column',
    reason: 'FieldNotFound',
    details: { fieldIndex: 0 },
    input: { files: { 'people.csv': 'name,mail\nA,a@example.com\n' } },
  },
  {
    name: 'a missing fallback column',
    reason: 'FieldNotFound',
    details: { fieldIndex: 1 },
    change: { match: { email: { field: 'email', fallbackFields: ['email2'] } } },
  },
  {
    name: 'another delimiter than was said',
    reason: 'FieldNotFound',
    details: { fieldIndex: 0, delimiter: 'Semicolon' },
    input: { files: { 'people.csv': '"name";"email"\n"A";"a@example.com"\n' } },
  },
  {
    name: 'a missing segment column',
    reason: 'SegmentFieldNotFound',
    change: { source: csv({ segmentField: 'tier' }) },
  },
  {
    name: 'several segments, one file, no segment column',
    reason: 'SegmentFieldMissing',
    change: { segments: two },
  },
  {
    name: 'a file of bytes',
    reason: 'SourceNotCsv',
    details: { line: 1 },
    input: { files: { 'people.csv': Buffer.from('PK\x03\x04\x00\x00', 'latin1') } },
  },
  {
    name: 'a file that is not UTF-8',
    reason: 'SourceNotCsv',
    details: { line: 3 },
    input: { files: { 'people.csv': Buffer.from(`${people}\u00c5se,b@example.com\n`, 'latin1') } },
  },
  {
    name: 'a quote that is never closed',
    reason: 'SourceNotCsv',
    details: { line: 3 },
    input: { files: { 'people.csv': `${people}"B,b@example.com\nC,c@example.com\n` } },
  },
  {
    name: 'a gzip file that is cut off',
    reason: 'SourceDamaged',
    details: { line: 3 },
    input: { files: { 'people.csv': gzipSync(people).subarray(0, -6) } },
  },
  {
    name: 'an e-mail column that is there twice',
    reason: 'FieldAmbiguous',
    details: { fieldIndex: 0, line: 1 },
    input: { files: { 'people.csv': 'email,email\na@example.com,b@example.com\n' } },
  },
  {
    name: 'a consent column that is there twice',
    reason: 'FieldAmbiguous',
    details: { column: 'Consent', line: 1 },
    change: { consent: { field: 'ok', isTrue: true } },
    input: { files: { 'people.csv': 'email,ok,ok\na@example.com,yes,no\n' } },
  },
  {
    name: 'a missing consent column',
    reason: 'ConsentFieldNotFound',
    change: { consent: { field: 'ok', isTrue: true } },
  },
  {
    name: 'a zstd file that is cut off',
    reason: 'SourceDamaged',
    details: { line: 2 },
    input: { files: { 'people.csv': zstdCompressSync(people).subarray(0, -6) } },
  },
  {
    name: 'a line of 50 MB',
    reason: 'SourceNotCsv',
    details: { line: 3 },
    input: { files: { 'people.csv': `${people}B,${'x'.repeat(50_000_000)}\n` } },
  },
  {
    name: 'a line of 50 MB that is packed small',
    reason: 'SourceNotCsv',
    details: { line: 3 },
    input: { files: { 'people.csv': gzipSync(`${people}B,${'x'.repeat(50_000_000)}\n`) } },
  },
  {
    name: 'a NUL',
    reason: 'SourceNotCsv',
    details: { line: 3 },
    input: { files: { 'people.csv': `${people}B\0,b@example.com\n` } },
  },
  {
    name: 'UTF-16 of which nothing was said',
    reason: 'SourceNotCsv',
    details: { line: 1 },
    input: { files: { 'people.csv': Buffer.from(`\ufeff${people}`, 'utf16le') } },
  },
  {
    name: 'rows that end before the address',
    reason: 'TooManyRowFaults',
    details: { count: 2, total: 3 },
    input: { files: { 'people.csv': `${people}B\nC\n` } },
  },
  {
    name: 'columns that are none of those that were said to be there',
    reason: 'FieldNotFound',
    details: { fieldIndex: 0 },
    change: { source: csv({ csv: { delimiter: 'Comma', columns: ['name', 'mail'] } }) },
  },
  {
    name: 'CSV in place of NDJSON',
    reason: 'SourceNotNdjson',
    details: { line: 1 },
    change: { source: csv({ format: 'NDJSON' }) },
  },
  {
    name: 'NDJSON in which nobody has the field',
    reason: 'FieldNotFound',
    details: { fieldIndex: 0 },
    change: { source: csv({ format: 'NDJSON' }) },
    input: { files: { 'people.csv': '{"mail":"a@example.com"}\n{}\n' } },
  },
  {
    name: 'NDJSON in which nobody has the consent field',
    reason: 'ConsentFieldNotFound',
    change: { source: csv({ format: 'NDJSON' }), consent: { field: 'ok', isTrue: true } },
    input: { files: { 'people.csv': '{"email":"a@example.com"}\n' } },
  },
  {
    name: 'NDJSON with a line of 50 MB',
    reason: 'SourceNotNdjson',
    details: { line: 2 },
    change: { source: csv({ format: 'NDJSON' }) },
    input: { files: { 'people.csv': `{"email":"a@example.com"}\n{"email":"${'x'.repeat(50_000_000)}"}` } },
  },
  {
    name: 'NDJSON whose lines are mostly none',
    reason: 'TooManyRowFaults',
    details: { count: 2, total: 3 },
    change: { source: csv({ format: 'NDJSON', segmentField: 'tier' }) },
    input: { files: { 'people.csv': '{"email":"a@example.com","tier":"readers"}\n[]\n{"email":\n' } },
  },
  {
    name: 'a Parquet file without its end',
    reason: 'SourceNotParquet',
    change: { source: csv({ format: 'Parquet' }) },
    input: { files: { 'people.csv': parquet.subarray(0, -20) } },
  },
  {
    name: 'a Parquet file without its beginning',
    reason: 'SourceDamaged',
    change: { source: csv({ format: 'Parquet' }) },
    input: { files: { 'people.csv': parquet.subarray(40) } },
  },
  {
    name: 'CSV in place of Parquet',
    reason: 'SourceNotParquet',
    change: { source: csv({ format: 'Parquet' }) },
  },
  {
    name: 'a Parquet column of bytes',
    reason: 'FieldNotText',
    details: { fieldIndex: 0 },
    change: { source: csv({ format: 'Parquet' }) },
    input: {
      files: { 'people.csv': parquetOf({ columnData: [{ name: 'email', data: [Buffer.from([0xff])] }] }) },
    },
  },
  {
    name: 'a directory in which nothing is complete',
    reason: 'SourceIncomplete',
    change: { source: csv({ path: '.', newest: { settleSeconds: 3600 } }) },
  },
  {
    name: 'a directory of newer and newer files that is not there',
    reason: 'SourceNotFound',
    change: { source: csv({ path: 'out', newest: { settleSeconds: 0 } }) },
  },
  {
    name: 'a directory of parts without any',
    reason: 'SourceEmpty',
    change: { source: csv({ path: '.', segmentField: 'tier' }) },
    input: { files: { 'people.log': people } },
  },
  {
    name: 'more profiles than the limit',
    reason: 'TooManyProfiles',
    details: { count: 2 },
    change: { maxProfiles: 1 },
    input: { files: { 'people.csv': 'email\na@example.com\nb@example.com\nc@example.com\n' } },
  },
];

const oneSegment: Case[] = [
  {
    name: 'a segment that is not in the file',
    reason: 'SegmentNotFound',
    change: { source: csv({ segmentField: 'name' }) },
  },
  {
    name: 'a segment without a file in the directory',
    reason: 'SegmentNotFound',
    change: { source: csv({ path: '.' }) },
  },
  { name: 'a header alone', reason: 'SegmentEmpty', input: { files: { 'people.csv': 'name,email\n' } } },
  {
    name: 'a segment without an address',
    reason: 'SegmentEmpty',
    input: { files: { 'people.csv': 'name,email\nA,\nB,\n' } },
  },
];

describe('bad input ends the run before anything is sent', () => {
  test.each(wholeRun)('$name: $reason', async ({ reason, details, change, input }) => {
    const sandbox = await sandboxFor();
    const { document, ...rest } = prepared(sandbox.url, change, input);
    const { report, exitCode } = await runExporter({ document, ...rest });
    expect(report?.reason).toBe(reason);
    expect(report?.details).toEqual(details);
    expect(report?.segments?.every((segment) => segment.reason === 'NotRun')).toBe(true);
    expect(exitCode).toBe(exitCodes.user);
    expect(writes(sandbox)).toBe(0);
  });

  test.each(oneSegment)('$name: $reason', async ({ reason, change, input }) => {
    const sandbox = await sandboxFor();
    const { report, exitCode } = await runExporter(prepared(sandbox.url, change, input));
    expect(report?.reason).toBe('SegmentsFailed');
    expect(report?.segments?.map((segment) => segment.reason)).toEqual([reason]);
    expect(exitCode).toBe(exitCodes.user);
    expect(writes(sandbox)).toBe(0);
  });

  test('a file that may not be read: SourceUnreadable', async () => {
    const sandbox = await sandboxFor();
    const prepare = async (directory: string): Promise<void> => {
      await writeFile(join(directory, 'people.csv'), people);
      await chmod(join(directory, 'people.csv'), 0o000);
    };
    const { report } = await runExporter({
      document: exportOf(sandbox.url),
      files: {},
      prepare,
      heedsPermissions: true,
    });
    expect(report?.reason).toBe('SourceUnreadable');
    expect(writes(sandbox)).toBe(0);
  });

  test.each(['', '{"kind":"Export"}', '{"kind":"Check","formatVersion":2}'])(
    'run document %j',
    async (document) => {
      const { report, exitCode } = await runExporter({ document });
      expect(report?.reason).toBe('RunDocumentInvalid');
      expect(exitCode).toBe(exitCodes.internal);
    },
  );

  test('mending it is enough: the same export succeeds once the column is there', async () => {
    const sandbox = await sandboxFor();
    const broken = await runExporter({ document: exportOf(sandbox.url), files: { 'people.csv': 'mail\n' } });
    const mended = await runExporter({ document: exportOf(sandbox.url), files: { 'people.csv': people } });
    expect([broken.report?.reason, mended.report?.reason]).toEqual(['FieldNotFound', 'Succeeded']);
  });
});

describe('a check', () => {
  test('lists the advertisers', async () => {
    const sandbox = await sandboxFor();
    const { report, exitCode } = await runExporter({
      document: checkOf(sandbox.url, { advertiserId: '12345' }),
    });
    expect(report).toMatchObject({ reason: 'Succeeded', advertisers: { total: 1, ids: ['12345'] } });
    expect(exitCode).toBe(0);
  });

  test('fails where the default advertiser is not among them, and still lists them', async () => {
    const sandbox = await sandboxFor();
    const { report, exitCode } = await runExporter({
      document: checkOf(sandbox.url, { advertiserId: '777' }),
    });
    expect(report).toMatchObject({ reason: 'AdvertiserNotAllowed', advertisers: { ids: ['12345'] } });
    expect(exitCode).toBe(exitCodes.user);
  });

  test('takes the line break at the end of a key for none of it', async () => {
    const sandbox = await sandboxFor();
    const credentials = { clientId: 'sandbox-client\n', clientSecret: 'sandbox-secret\n' };
    const { report } = await runExporter({ document: checkOf(sandbox.url), credentials });
    expect(report?.reason).toBe('Succeeded');
  });
});

function prepared(baseUrl: string, change: Partial<ExportRun> = {}, input: Partial<Input> = {}): Input {
  const api = { baseUrl, version: change.api?.version ?? '2026-07' };
  return { document: exportOf(baseUrl, { ...change, api }), files: { 'people.csv': people }, ...input };
}
