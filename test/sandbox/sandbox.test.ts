import { get } from 'node:https';
import { expect, test } from 'vitest';
import { selfSignedCertificate } from './certificate.ts';
import { type SandboxOptions, startSandbox } from './sandbox.ts';
import { TestClient } from './testclient.ts';

async function start(options: SandboxOptions = {}) {
  const sandbox = await startSandbox(options);
  return Object.assign(sandbox, { [Symbol.asyncDispose]: () => sandbox.close() });
}

test('two sandboxes in one process share nothing', async () => {
  await using first = await start();
  await using second = await start();
  const client = await TestClient.connect(first.url);
  await client.segment('a');
  first.addFault({ kind: 'resetBefore' });
  expect([second.segments(), second.faults(), second.requests()]).toEqual([[], [], []]);
  const stranger = await fetch(`${second.url}/2026-07/advertisers/me`, {
    headers: { authorization: `Bearer ${client.token}` },
  });
  expect(stranger.status).toBe(401);
  first.setBehaviour({ pageLimit: 1 });
  expect(second.behaviour().pageLimit).toBe(100);
});

test('serves https with a certificate that a caller must be given', async () => {
  const tls = selfSignedCertificate();
  await using sandbox = await start({ tls });
  expect(sandbox.url).toMatch(/^https:/);
  const status = (ca: string | undefined) =>
    new Promise<number | undefined>((resolve, reject) => {
      const request = get(`${sandbox.url}/2026-07/advertisers/me`, { ca, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on('error', reject);
    });
  expect(await status(tls.cert)).toBe(401);
  await expect(status(undefined)).rejects.toThrow(/self-signed/);
  sandbox.addFault({ kind: 'resetBefore' });
  await expect(status(tls.cert)).rejects.toThrow();
});

test('a delayed reply comes after its effect, and closing does not wait for it', async () => {
  const sandbox = await startSandbox();
  const client = await TestClient.connect(sandbox.url);
  sandbox.addFault({ kind: 'delay', milliseconds: 3_600_000 });
  const reply = client.create('a').catch(() => 'ended');
  await expect.poll(() => sandbox.segments().length, { timeout: 30_000 }).toBe(1);
  await sandbox.close();
  expect(await reply).toBe('ended');
});

test('says so when the port is taken', async () => {
  await using sandbox = await start();
  await expect(startSandbox({ port: Number(new URL(sandbox.url).port) })).rejects.toThrow('EADDRINUSE');
});
