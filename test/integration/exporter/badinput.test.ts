import { chmod, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { exitCodes, type RunReason } from '../../../api/reasons.ts';
import type { ReportDetails } from '../../../api/report.ts';
import type { ExportRun } from '../../../api/rundocument.ts';
import { checkOf, exportOf, type Input, runExporter, sandboxCredentials, segmentOf } from './program.ts';
import { sandboxFor, writes } from './sandbox.ts';

const people = 'name,email\nA,a@example.com\n';

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
    reason: 'SourceNotCsv',
    details: { line: 3 },
    input: { files: { 'people.csv': gzipSync(people).subarray(0, -6) } },
  },
  {
    name: 'an e-mail column that is there twice',
    reason: 'SourceNotCsv',
    details: { line: 1 },
    input: { files: { 'people.csv': 'email,email\na@example.com,b@example.com\n' } },
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
    name: 'a segment without a valid address',
    reason: 'SegmentEmpty',
    input: { files: { 'people.csv': 'email\nnone\n\nb58996c504c5638798eb6b511e6f49af\n' } },
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
