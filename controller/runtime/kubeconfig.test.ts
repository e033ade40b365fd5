import fs from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KubeClient } from './client.ts';
import { systemClock } from './clock.ts';
import { type FakeServer, startFakeServer } from './fakeserver.ts';
import { loadKubeConfig } from './kubeconfig.ts';
import { defineResource } from './resource.ts';
import { Transport } from './transport.ts';

const NODES = defineResource({ group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false });

let directory: string;
let server: FakeServer;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'kubeconfig-'));
  server = await startFakeServer((exchange) => exchange.reply(200, { metadata: { name: 'n' } }));
});
afterEach(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

async function writeKubeConfig(user: object, cluster: object = {}) {
  const kubeconfig = path.join(directory, 'config');
  const content = {
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'c', user: 'u', namespace: 'ns' } }],
    clusters: [{ name: 'c', cluster: { server: server.url, 'insecure-skip-tls-verify': true, ...cluster } }],
    users: [{ name: 'u', user }],
  };
  await writeFile(kubeconfig, JSON.stringify(content));
  return kubeconfig;
}

/** The headers with which a client of this kubeconfig comes to the server. */
async function headersFor(user: object) {
  const kubeconfig = await writeKubeConfig(user);
  const client = new KubeClient({
    loadConfig: () => loadKubeConfig({ kubeconfig }),
    fieldManager: 'tester',
    userAgent: 'tester/1.0',
  });
  await client.get(NODES, { name: 'n' });
  expect(client.namespace).toBe('ns');
  await client.close();
  return server.exchanges[0]?.headers;
}

const execPlugin = (script: string) => ({
  exec: {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: process.execPath,
    args: ['-e', script],
    interactiveMode: 'Never',
  },
});

test.each([
  ['a token', { token: 'abc' }, 'Bearer abc'],
  [
    'user name and password',
    { username: 'me', password: 'pw' },
    `Basic ${Buffer.from('me:pw').toString('base64')}`,
  ],
  [
    'an exec plugin',
    execPlugin('console.log(JSON.stringify({status: {token: "from-plugin"}}))'),
    'Bearer from-plugin',
  ],
])('%s', async (_, user, authorization) => {
  expect(await headersFor(user)).toMatchObject({ authorization, 'user-agent': 'tester/1.0' });
});

test('a token file, its path relative to the kubeconfig', async () => {
  await writeFile(path.join(directory, 'token'), 'from-file');
  expect((await headersFor({ tokenFile: 'token' }))?.authorization).toBe('Bearer from-file');
});

test('impersonation', async () => {
  expect(await headersFor({ token: 'abc', as: 'someone' })).toMatchObject({ 'impersonate-user': 'someone' });
});

test('what a failing exec plugin printed is not in the error', async () => {
  const error = await headersFor(execPlugin('console.error("token=abc"); process.exit(1)')).catch(
    (thrown) => thrown,
  );
  expect(error).toMatchObject({ statusCode: 0, reason: 'Credentials' });
  expect(error.message).toBe(
    `the credential plugin "${process.execPath}" of the kubeconfig failed; run it by hand to see why`,
  );
  expect(error.cause).toBeUndefined();
});

test('a context that is not there is an error that names those that are', async () => {
  const kubeconfig = await writeKubeConfig({});
  expect(() => loadKubeConfig({ kubeconfig, context: 'prod' })).toThrow(
    'context "prod" is not in the kubeconfig; it has: test',
  );
});

test('a plain-text server is refused unless the kubeconfig gives up on TLS', async () => {
  const kubeconfig = await writeKubeConfig({ token: 'abc' }, { 'insecure-skip-tls-verify': false });
  const client = new KubeClient({ loadConfig: () => loadKubeConfig({ kubeconfig }), fieldManager: 'tester' });
  await expect(client.get(NODES, { name: 'n' })).rejects.toThrow('HTTP protocol is not allowed');
  expect(server.exchanges).toEqual([]);
});

test('connections are kept while the credentials are the same, and made anew with a rotated CA', async () => {
  const ca = (text: string) => ({ 'certificate-authority-data': Buffer.from(text).toString('base64') });
  let kubeconfig = await writeKubeConfig({ token: 'abc' }, ca('one'));
  const transport = new Transport(() => loadKubeConfig({ kubeconfig }), systemClock);
  const first = await transport.access();
  await transport.renew(first);
  const second = await transport.access();
  expect(second).not.toBe(first);
  expect(second.dispatcher).toBe(first.dispatcher);
  kubeconfig = await writeKubeConfig({ token: 'abc' }, ca('two'));
  await transport.renew(second);
  expect((await transport.access()).dispatcher).not.toBe(first.dispatcher);
  await transport.close();
});

test('where there is no kubeconfig at all, that is what is said', () => {
  vi.stubEnv('KUBECONFIG', '');
  vi.stubEnv('HOME', directory);
  // These tests may themselves run in a pod, which has a service account.
  const { accessSync } = fs;
  const access = vi.spyOn(fs, 'accessSync').mockImplementation((file, mode) => {
    if (String(file).startsWith('/var/run/secrets/')) throw new Error('ENOENT');
    accessSync(file, mode);
  });
  try {
    expect(() => loadKubeConfig()).toThrow('no kubeconfig was found');
    expect(access).toHaveBeenCalled();
  } finally {
    access.mockRestore();
    vi.unstubAllEnvs();
  }
});
