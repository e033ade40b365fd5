import { hash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { ExportRun } from '../../../api/rundocument.ts';
import { checkOf, exportName, exportOf, type Input, runExporter, sandboxCredentials } from './program.ts';
import { sandboxFor } from './sandbox.ts';

const address = 'canary.qz4@example.com';
/** It starts with a letter, so that it could pass for one of Criteo's error codes. */
const digest = hash('sha256', address);
const secret = 'canary+secret/9d41';
const cell = 'Canary Cell Xw3';
const canaries = [address, digest, secret, encodeURIComponent(secret), cell];

/** The canaries in a text: as they are, in any case, and in the encodings that a log could give them. */
function hunt(text: string): string[] {
  const forms = (canary: string): string[] => [
    canary,
    JSON.stringify(canary).slice(1, -1),
    Buffer.from(canary).toString('base64').replace(/=+$/, ''),
    Buffer.from(canary).toString('hex'),
  ];
  const lower = text.toLowerCase();
  return canaries.filter((canary) => forms(canary).some((form) => lower.includes(form.toLowerCase())));
}

test('the hunt finds every canary that is planted', () => {
  for (const canary of canaries) {
    expect(hunt(`{"msg":"${canary.toUpperCase()}"}`)).toContain(canary);
    expect(hunt(`x${Buffer.from(canary).toString('base64')}`)).toContain(canary);
  }
  expect(hunt('{"msg":"read 3 rows"}')).toEqual([]);
  expect(digest).toMatch(/^[a-f]/);
});

const credentials = { ...sandboxCredentials, clientSecret: secret };
const said = JSON.stringify({
  errors: [
    { type: 'validation', code: digest },
    { type: 'validation', code: address, title: address, detail: digest, instance: cell, traceId: secret },
  ],
});

const leaks: [string, { fault?: object; change?: Partial<ExportRun>; input?: Partial<Input> }][] = [
  ['a run that succeeds', {}],
  ['a secret that is refused', { input: { credentials: { ...credentials, clientSecret: `${secret}!` } } }],
  [
    'a row that is no CSV',
    { input: { files: { 'people.csv': `email\n${address}\n${cell}"${address}"\n` } } },
  ],
  ['a quote that never closes', { input: { files: { 'people.csv': `email\n"${address}\n${digest}` } } }],
  [
    'bytes that are no text',
    { input: { files: { 'people.csv': Buffer.from(`email\n${address}\xff\n`, 'latin1') } } },
  ],
  ['a column that is missing', { input: { files: { 'people.csv': `${cell},${address}\n${address},x\n` } } }],
  [
    'an address that is none',
    { input: { files: { 'people.csv': `email\n${address}@\n${address} ${cell}\n` } } },
  ],
  [
    'a segment column full of people',
    {
      change: {
        source: {
          file: { path: 'people.csv', format: 'CSV', csv: { delimiter: 'Comma' }, segmentField: 'email' },
        },
      },
    },
  ],
  ['more people than allowed', { change: { maxProfiles: 1 } }],
  [
    'a Criteo that echoes what was sent',
    { fault: { kind: 'raw', status: 400, body: said, path: '/contact-list' } },
  ],
  ['the same inside a 200', { fault: { kind: 'raw', status: 200, body: said, path: '/contact-list' } }],
  [
    'the same where the token is asked for',
    { fault: { kind: 'raw', status: 400, body: said, path: '/oauth2' } },
  ],
  ['the same as text', { fault: { kind: 'raw', status: 200, body: said.slice(1), path: '/contact-list' } }],
  ['a Criteo that fails', { fault: { kind: 'status', status: 500, path: '/contact-list', times: 'always' } }],
  [
    'a run document that holds what it must not',
    { input: { document: `{"kind":"${address}","x":"${secret}` } },
  ],
  [
    'an address of the API that holds the secret',
    { input: { document: checkOf(`https://x:${secret}@example.com`) } },
  ],
];

test.each(leaks)(
  'nothing that the program writes has a canary in it: %s',
  async (_, { fault, change, input }) => {
    const sandbox = await sandboxFor({
      clients: [{ ...credentials, advertisers: [{ id: '12345', name: cell }] }],
    });
    if (fault) sandbox.addFault(fault as Parameters<typeof sandbox.addFault>[0]);
    const { output, reportText } = await runExporter({
      document: exportOf(sandbox.url, change),
      files: { 'people.csv': `email,name\n${address},${cell}\nother@example.com,\n` },
      credentials,
      env: { SEGMENTEXPORT_RETRY_BUDGET_MS: '500' },
      ...input,
    });
    expect(reportText).not.toBe('');
    expect(hunt(output + reportText)).toEqual([]);
  },
);

test('nor where there is a ledger: sound, damaged by what it must not hold, or spoilt by a Criteo that fails', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'ledger-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const sandbox = await sandboxFor();
  const heads = join(directory, 'exports', exportName.uid, 'heads');
  const run = async (rows: string): Promise<string | undefined> => {
    const { output, reportText, report } = await runExporter({
      document: exportOf(sandbox.url, {
        mode: 'Mirror',
        ledger: { volume: {}, resyncEveryHours: 720 },
        consent: { field: 'ok', isTrue: true },
      }),
      files: { 'people.csv': `email,ok\n${rows}` },
      env: { SEGMENTEXPORT_LEDGER_DIR: directory, SEGMENTEXPORT_RETRY_BUDGET_MS: '500' },
    });
    expect(hunt(output + reportText)).toEqual([]);
    return report?.segments?.[0]?.reason === 'NotRun' ? report.reason : report?.segments?.[0]?.reason;
  };
  const others = ['a', 'b', 'c', 'd'].map((name) => `${name}@example.com,yes\n`).join('');
  expect(await run(`${address},yes\n${others}`)).toBe('Succeeded');
  sandbox.addFault({ kind: 'raw', status: 400, body: said, operation: 'remove' });
  expect(await run(`${address},no\n${others}`)).toBe('CriteoRefused');
  expect(await run(`${address},no\n${others}`)).toBe('Succeeded');
  expect(await run('e@example.com,yes\n')).toBe('RemovalGuard');
  const newest = (await readdir(heads)).sort().at(-1) ?? '';
  await writeFile(
    join(heads, newest),
    `{"format":"segmentexport.io/ledger","version":1,"body":"${address}"}`,
  );
  expect(await run(`${address},yes\n${others}`)).toBe('LedgerDamaged');
});
