import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { selfSignedCertificate } from './certificate.ts';
import { askToken } from './testclient.ts';

// Each test starts a process, which a busy machine may take its time over.
vi.setConfig({ testTimeout: 60_000 });

const main = fileURLToPath(new URL('./main.ts', import.meta.url));

function run(...options: string[]) {
  const child = spawn(process.execPath, [main, ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const output = { text: '' };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output.text += chunk));
  return { child, output, ended: once(child, 'close') };
}

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'sandbox-test-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

async function printed(output: { text: string }, pattern: RegExp): Promise<string> {
  await expect.poll(() => output.text, { timeout: 30_000 }).toMatch(pattern);
  return pattern.exec(output.text)?.[1] ?? '';
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  'serves what it prints until %s, and takes its secret with it',
  async (signal) => {
    const { child, output, ended } = run(
      '--client-id',
      'me',
      '--advertiser',
      '7=Seven',
      '--advertiser',
      '8=Eight',
    );
    const url = await printed(output, /sandbox: (http:\/\/127\.0\.0\.1:\d+)\n/);
    const secretFile = await printed(output, /the secret is in ([^)]+)\)/);
    const secret = readFileSync(secretFile, 'utf8');
    expect(output.text).not.toContain(secret);
    const { body } = await askToken(url, { client_id: 'me', client_secret: secret });
    const headers = { authorization: `Bearer ${String(body.access_token)}` };
    const advertisers = await fetch(`${url}/2026-07/advertisers/me`, { headers });
    expect(await advertisers.json()).toMatchObject({ data: [{ id: '7' }, { id: '8' }] });
    child.kill(signal);
    expect(await ended).toEqual([0, null]);
    expect(existsSync(secretFile)).toBe(false);
  },
);

test('takes a secret from a file and leaves the file', async () => {
  const secretFile = join(directory(), 'secret');
  writeFileSync(secretFile, 'given\n');
  const { child, output, ended } = run('--client-secret-file', secretFile, '--token-lifetime-seconds', '5');
  const url = await printed(output, /sandbox: (\S+)\n/);
  expect((await askToken(url, { client_secret: 'given' })).body).toMatchObject({ expires_in: 5 });
  child.kill('SIGTERM');
  await ended;
  expect(existsSync(secretFile)).toBe(true);
});

test('serves https from two files', async () => {
  const { cert, key } = selfSignedCertificate();
  const [certFile, keyFile] = ['cert.pem', 'key.pem'].map((name) => join(directory(), name));
  writeFileSync(String(certFile), cert);
  writeFileSync(String(keyFile), key);
  const { output } = run('--tls-cert', String(certFile), '--tls-key', String(keyFile));
  expect(await printed(output, /sandbox: (https:\/\/\S+)\n/)).not.toBe('');
});

test.each([
  [['--port', 'http'], '--port must be a whole number'],
  [['--advertiser', 'Shoes'], '--advertiser must be ID=NAME'],
  [['--tls-cert', 'only.pem'], '--tls-cert and --tls-key go together'],
  [['--client-secret-file', '/nowhere/secret'], '--client-secret-file: ENOENT'],
  [['--fast'], '--fast'],
])('refuses %o, says why, and shows the options', async (options, words) => {
  const { output, ended } = run(...options);
  expect(await ended).toEqual([2, null]);
  expect(output.text).toContain(words);
  expect(output.text).toContain('npm run sandbox');
});
