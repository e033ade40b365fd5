import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createDispatcher } from '../../../exporter/criteo/exchange.ts';
import { type EntraClient, type EntraTokens, entraTokens } from '../../../exporter/source/entra.ts';
import { type FakeClock, fakeClock, never } from '../../../exporter/testkit.ts';
import {
  type Dataverse,
  type DataverseOptions,
  defaultClient,
  defaultTenants,
  startDataverse,
} from '../../dataverse/dataverse.ts';
import { jwt, keyPair } from '../../dataverse/testclient.ts';
import { selfSignedCertificate } from '../../sandbox/certificate.ts';
import { faultOf } from './storekit.ts';

const { publicKey, privateKey } = keyPair();
const federation = {
  issuer: 'https://issuer.example',
  subject: 'system:serviceaccount:shop:export',
  publicKey,
};
const federated = { clientId: '0a991d00-0000-4000-8000-000000000002', federations: [federation] };
const assertion = (subject = federation.subject): string =>
  jwt(
    {
      iss: federation.issuer,
      sub: subject,
      aud: ['api://AzureADTokenExchange'],
      exp: Date.now() / 1000 + 600,
    },
    privateKey,
  );

interface Bench {
  sandbox: Dataverse;
  clock: FakeClock;
  /** File with the service account's token. */
  identityToken: string;
  ask: (signal?: AbortSignal, refused?: string) => Promise<string>;
  asked: () => number;
}

async function begin(change: Partial<EntraClient> = {}, options: DataverseOptions = {}): Promise<Bench> {
  const sandbox = await startDataverse({ clients: [defaultClient, federated], ...options });
  const directory = await mkdtemp(join(tmpdir(), 'segmentexport-identity-'));
  onTestFinished(async () => {
    await sandbox.close();
    await rm(directory, { recursive: true });
  });
  const clock = fakeClock();
  const identityToken = join(directory, 'token');
  const client: EntraClient = {
    authorityHost: sandbox.url,
    tenantId: defaultTenants[0] ?? '',
    clientId: defaultClient.clientId,
    proof: { clientSecret: defaultClient.clientSecret ?? '' },
    scope: `${sandbox.url}/.default`,
    ...change,
  };
  const tokens: EntraTokens = entraTokens(client, {
    dispatcher: createDispatcher('/does-not-exist'),
    clock,
    identityToken,
  });
  return {
    sandbox,
    clock,
    identityToken,
    ask: (signal = never, refused) => tokens(signal, refused),
    asked: () => sandbox.requests().length,
  };
}

test('a token is kept until shortly before it expires, and asked for once by all who ask at once', async () => {
  const { ask, asked, clock } = await begin();
  const [first, second] = await Promise.all([ask(), ask()]);
  expect(second).toBe(first);
  expect(await ask()).toBe(first);
  expect(asked()).toBe(1);
  clock.advance(3_200_000);
  expect(await ask()).toBe(first);
  clock.advance(200_000);
  expect(await ask()).not.toBe(first);
  expect(asked()).toBe(2);
});

test('a token that lives for a minute is used for half of it', async () => {
  const { ask, clock } = await begin({}, { tokenLifetimeSeconds: 60 });
  const first = await ask();
  clock.advance(29_000);
  expect(await ask()).toBe(first);
  clock.advance(2_000);
  expect(await ask()).not.toBe(first);
});

test('a token that was refused is replaced, once for all who were refused', async () => {
  const { ask, asked } = await begin();
  const first = await ask();
  const [second, third] = await Promise.all([ask(never, first), ask(never, first)]);
  expect(second).not.toBe(first);
  expect(third).toBe(second);
  expect(await ask(never, first)).toBe(second);
  expect(asked()).toBe(2);
});

test("the service account's token stands for a secret, and is read again each time", async () => {
  const { ask, identityToken, sandbox } = await begin({
    clientId: federated.clientId,
    proof: 'IdentityToken',
  });
  expect(await faultOf(ask())).toEqual(['SourceCredentialsRefused', { code: 'no-identity-token' }]);
  await writeFile(identityToken, assertion('system:serviceaccount:shop:another'));
  expect(await faultOf(ask())).toEqual(['SourceCredentialsRefused', { status: 401, code: 'aadsts700213' }]);
  await writeFile(identityToken, `${assertion()}\n`);
  expect(await ask()).toMatch(/^\S+$/);
  expect(sandbox.violations()).toEqual([]);
});

test.each<[string, Partial<EntraClient>, object]>([
  ['a wrong secret', { proof: { clientSecret: 'canary' } }, { status: 401, code: 'aadsts7000215' }],
  ['an unknown client', { clientId: 'nobody' }, { status: 400, code: 'aadsts700016' }],
  ['an unknown tenant', { tenantId: 'nowhere.example' }, { status: 400, code: 'aadsts90002' }],
  ["another resource's scope", { scope: 'https://other/.default' }, { status: 400, code: 'aadsts500011' }],
])('%s is told by its number, and asked for once', async (_what, change, details) => {
  const { ask, asked } = await begin(change);
  expect(await faultOf(ask())).toEqual(['SourceCredentialsRefused', details]);
  expect(asked()).toBe(1);
});

const token = { method: 'POST', path: '/token$' };

test('what passes is waited for', async () => {
  const { ask, clock, sandbox } = await begin();
  sandbox.addFault({ kind: 'status', status: 503, ...token });
  sandbox.addFault({ kind: 'status', status: 429, retryAfterSeconds: 7, ...token });
  expect(await ask()).toMatch(/^\S+$/);
  expect(clock.slept).toEqual([1000, 7000]);
});

test.each([
  ['that fails', { kind: 'status', status: 503 }, ['SourceUnavailable', { status: 503 }], 3],
  ['that is overrun', { kind: 'status', status: 429 }, ['SourceThrottled', { status: 429 }], 3],
  ['that hangs up', { kind: 'reset' }, ['SourceUnavailable', {}], 3],
  ['whose reply breaks off', { kind: 'halfReply' }, ['SourceUnavailable', {}], 3],
  [
    'that gives no token',
    { kind: 'raw', status: 200, body: '{}' },
    ['SourceReplyInvalid', { status: 200 }],
    1,
  ],
  [
    'that is another',
    { kind: 'raw', status: 404, body: '<html>' },
    ['SourceReplyInvalid', { status: 404 }],
    1,
  ],
  [
    'that names what it must not',
    { kind: 'raw', status: 400, body: '{"error":"Canary Secret","error_codes":["canary"]}' },
    ['SourceCredentialsRefused', { status: 400 }],
    1,
  ],
] as const)('an authority %s is told as such', async (_what, fault, expected, requests) => {
  const { ask, asked, sandbox } = await begin();
  sandbox.addFault({ ...fault, ...token, times: 'always' });
  expect(await faultOf(ask())).toEqual(expected);
  expect(asked()).toBe(requests);
  sandbox.clearFaults();
  expect(await ask()).toMatch(/^\S+$/);
});

test('an authority that is down, or that nobody vouches for', async () => {
  const down = await begin({ authorityHost: 'http://127.0.0.1:1' });
  expect(await faultOf(down.ask())).toEqual(['SourceUnavailable', {}]);
  const strange = await begin({}, { tls: selfSignedCertificate() });
  expect(await faultOf(strange.ask())).toEqual(['SourceTlsNotTrusted', {}]);
});

test('nobody waits who was told to stop', async () => {
  const { ask } = await begin();
  const stop = new AbortController();
  stop.abort(new Error('stopped'));
  await expect(ask(stop.signal)).rejects.toThrow('stopped');
});
