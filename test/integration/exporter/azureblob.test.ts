import { randomBytes } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { AzureBlobSource } from '../../../api/rundocument.ts';
import { createDispatcher } from '../../../exporter/criteo/exchange.ts';
import { openAzure } from '../../../exporter/source/azure/source.ts';
import type { FileStore } from '../../../exporter/source/files/store.ts';
import type { SourceSurroundings } from '../../../exporter/source/open.ts';
import { surroundingsOf } from '../../../exporter/source/testkit.ts';
import { never } from '../../../exporter/testkit.ts';
import { jwt, keyPair } from '../../dataverse/testclient.ts';
import { selfSignedCertificate } from '../../sandbox/certificate.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { type BlobStore, startAzurite } from '../../support/azurite.ts';
import { type BreakingProxy, breakingProxy } from './breakingproxy.ts';
import { exportOf, runExporter } from './program.ts';
import { digestOf, sandboxFor, writes } from './sandbox.ts';
import { contentOf, faultOf, fileAt, hastyClock, mounted, namesIn, serve } from './storekit.ts';

let server: BlobStore;

beforeAll(async () => {
  server = await startAzurite();
});
afterAll(() => server.stop());

interface Change {
  source?: Partial<AzureBlobSource>;
  keys?: Record<string, string>;
  surroundings?: Partial<SourceSurroundings>;
  silenceMs?: number;
}

async function storeOf({ source = {}, keys, surroundings = {}, silenceMs }: Change = {}): Promise<FileStore> {
  const { endpoint, container, accountKey } = server;
  const whole: AzureBlobSource = {
    ...{ endpoint, container, path: 'people.csv', format: 'CSV', csv: { delimiter: 'Comma' } },
    ...{ layout: 'Files', settleSeconds: 1800, authorityHost: 'https://login.microsoftonline.com' },
    ...source,
  };
  const credentialsDirectory = await mounted(keys ?? { accountKey });
  const world = { credentialsDirectory, clock: hastyClock, ...surroundings };
  return openAzure(whole, surroundingsOf('/does-not-exist', world), silenceMs);
}

/** The same endpoint, by way of another host. */
function through(proxy: { endpoint: string }): Partial<AzureBlobSource> {
  return { endpoint: proxy.endpoint + new URL(server.endpoint).pathname };
}

describe('blobs are files, and what their names have before a slash are directories', () => {
  test('a name, whatever characters it has', async () => {
    const name = "in/our exports/ø+(1)'*&=?#%41.csv";
    await server.put(name, 'email\n');
    const store = await storeOf();
    const file = await fileAt(store, name);
    expect(file.size).toBe(6);
    expect(Math.abs(file.modifiedAt - Date.now())).toBeLessThan(60_000);
    expect(await contentOf(file)).toBe('email\n');
    expect(await namesIn(store, 'in/our exports')).toEqual(["ø+(1)'*&=?#%41.csv"]);
    for await (const entry of store.list('in/our exports', never)) {
      if (entry.kind === 'File') expect(await contentOf(entry.file)).toBe('email\n');
    }
  });

  test('a directory with and without its slash, and nothing', async () => {
    await server.put('find/a/b.csv', 'x');
    await server.put('find/a.csv', 'x');
    const store = await storeOf();
    expect(await store.find('find/a/', never)).toBe('Directory');
    expect(await store.find('find/a', never)).toBe('Directory');
    expect(await store.find('find/b', never)).toBeUndefined();
    expect(await store.find('find/b/', never)).toBeUndefined();
    // No directory: names may begin alike.
    expect(await store.find('fin', never)).toBeUndefined();
    expect(await store.find('fin/', never)).toBeUndefined();
  });

  test('a marker of a directory is no file', async () => {
    await server.put('lake/below', '', { hdi_isfolder: 'true' });
    await server.put('lake/below/a.csv', 'x');
    await server.put('lake/empty', '', { Hdi_IsFolder: 'True' });
    await server.put('lake/', '');
    await server.put('lake/b.csv', '', { of: 'somebody' });
    const store = await storeOf();
    expect(await namesIn(store, 'lake/')).toEqual(['b.csv', 'below/']);
    expect(await store.find('lake/below', never)).toBe('Directory');
    expect(await store.find('lake/empty', never)).toBe('Directory');
  });

  test('a list has what lies directly in it, on however many pages', async () => {
    const names = Array.from({ length: 5_002 }, (_, index) => `${String(index).padStart(4, '0')}.csv`);
    for (let start = 0; start < names.length; start += 100) {
      await Promise.all(names.slice(start, start + 100).map((name) => server.put(`many/${name}`, 'x')));
    }
    await server.put('many/below/a.csv', 'x');
    const store = await storeOf();
    expect(await namesIn(store, 'many/')).toEqual([...names, 'below/']);
    expect(await namesIn(store, 'nothing/')).toEqual([]);
  });

  test('an empty blob, and slices', async () => {
    await server.put('empty.csv', '');
    await server.put('slice.bin', '0123456789');
    const store = await storeOf();
    expect(await contentOf(await fileAt(store, 'empty.csv'))).toBe('');
    const file = await fileAt(store, 'slice.bin');
    expect(String(await file.slice(0, 4, never))).toBe('0123');
    expect(String(await file.slice(6, 10, never))).toBe('6789');
    expect(String(await file.slice(0, 10, never))).toBe('0123456789');
    expect(String(await file.slice(3, 3, never))).toBe('');
  });
});

describe('a SAS token', () => {
  test.each(['', '?'])('opens the container, with %j before it', async (mark) => {
    await server.put('people.csv', 'email\n');
    const store = await storeOf({ keys: { sasToken: mark + server.sasToken() } });
    expect(await contentOf(await fileAt(store, 'people.csv'))).toBe('email\n');
    expect(await namesIn(store, 'in/')).toEqual(['our exports/']);
  });

  test('goes before an account key', async () => {
    const { accountKey } = server;
    const store = await storeOf({ keys: { accountKey, sasToken: 'sv=2021-12-02&sig=no' } });
    expect(await faultOf(store.find('people.csv', never))).not.toBe('no fault');
  });
});

describe('a token of Microsoft Entra', () => {
  const tls = selfSignedCertificate();
  const tenantId = '11111111-0000-4000-8000-00000000c0de';
  const clientId = '22222222-0000-4000-8000-00000000c0de';
  const { privateKey } = keyPair();
  const tokenFor = (claims: Record<string, unknown> = {}): string => {
    const now = Math.floor(Date.now() / 1000);
    const iss = `https://sts.windows.net/${tenantId}/`;
    const aud = 'https://storage.azure.com';
    return jwt(
      { iss, aud, sub: 'somebody', iat: now, nbf: now - 60, exp: now + 3600, ...claims },
      privateKey,
    );
  };

  /** An authority that gives tokens as Azurite takes them. */
  async function startAuthority(token = tokenFor()) {
    const forms: Record<string, string>[] = [];
    const { endpoint } = await serve(async (request, response) => {
      forms.push({
        path: request.url ?? '',
        ...Object.fromEntries(new URLSearchParams(await text(request))),
      });
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ token_type: 'Bearer', expires_in: 3599, access_token: token }));
    });
    return { endpoint, forms };
  }

  async function secure(): Promise<{ store: BlobStore; dispatcher: SourceSurroundings['dispatcher'] }> {
    const store = await startAzurite({ tls });
    const dispatcher = createDispatcher(join(await mounted({ 'ca.crt': tls.cert }), 'ca.crt'));
    return { store, dispatcher };
  }

  test("opens the container, by a client's secret or for the service account's token", async () => {
    const { store: blobs, dispatcher } = await secure();
    await using _ = blobs;
    await blobs.put('people.csv', 'email\n');
    const authority = await startAuthority();
    const source = { endpoint: blobs.endpoint, authorityHost: authority.endpoint };
    const keys = { tenantId, clientId, clientSecret: 'a+secret' };
    const bySecret = await storeOf({ source, keys, surroundings: { dispatcher } });
    expect(await contentOf(await fileAt(bySecret, 'people.csv'))).toBe('email\n');
    const identityToken = join(await mounted({ token: 'header.claims.signature' }), 'token');
    const byIdentity = await storeOf({
      source: { ...source, workloadIdentity: { tenantId, clientId } },
      keys: {},
      surroundings: { dispatcher, identityToken },
    });
    expect(await contentOf(await fileAt(byIdentity, 'people.csv'))).toBe('email\n');
    const shared = {
      path: `/${tenantId}/oauth2/v2.0/token`,
      grant_type: 'client_credentials',
      client_id: clientId,
      scope: 'https://storage.azure.com/.default',
    };
    expect(authority.forms).toEqual([
      { ...shared, client_secret: 'a+secret' },
      {
        ...shared,
        client_assertion: 'header.claims.signature',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      },
    ]);
  });

  test('that the store does not take is named', async () => {
    const { store: blobs, dispatcher } = await secure();
    await using _ = blobs;
    const authority = await startAuthority(tokenFor({ exp: Math.floor(Date.now() / 1000) - 60 }));
    const source = { endpoint: blobs.endpoint, authorityHost: authority.endpoint };
    const keys = { tenantId, clientId, clientSecret: 'a' };
    const store = await storeOf({ source, keys, surroundings: { dispatcher } });
    const refused = ['SourceCredentialsRefused', { code: 'authentication-failed' }];
    expect(await faultOf(store.find('people.csv', never))).toEqual(refused);
    expect(await faultOf(namesIn(store, 'people/'))).toEqual(refused);
  });

  test('that is refused, and one that would go in the clear', async () => {
    const keys = { tenantId, clientId, clientSecret: 'a' };
    const { endpoint } = await serve((_, response) =>
      response.writeHead(401).end('{"error":"invalid_client","error_codes":[7000215]}'),
    );
    const source = { endpoint: 'https://127.0.0.1:1/segmentstore', authorityHost: endpoint };
    const refused = await storeOf({ source, keys });
    expect(await faultOf(refused.find('people.csv', never))).toEqual([
      'SourceCredentialsRefused',
      { status: 401, code: 'aadsts7000215' },
    ]);
    const clear = await storeOf({ source: { authorityHost: endpoint }, keys });
    expect(await faultOf(clear.find('people.csv', never))).toEqual([
      'SourceForbidden',
      { code: 'token-needs-https' },
    ]);
  });
});

describe('what is to be mended is named', () => {
  const wrongKey = randomBytes(64).toString('base64');
  test.each<[string, () => Change, unknown]>([
    // Azure itself says AuthenticationFailed here.
    [
      'an account key that is wrong',
      () => ({ keys: { accountKey: wrongKey } }),
      ['SourceForbidden', { code: 'authorization-failed' }],
    ],
    [
      'a SAS token that is expired',
      () => ({ keys: { sasToken: server.sasToken('rl', -60) } }),
      ['SourceForbidden', { code: 'authorization-failed' }],
    ],
    [
      'a SAS token that permits nothing of use',
      () => ({ keys: { sasToken: server.sasToken('w') } }),
      ['SourceForbidden', { code: 'permission-missing' }],
    ],
    [
      'a container that is not there',
      () => ({ source: { container: 'not-there' } }),
      ['SourceNotFound', { code: 'no-such-container' }],
    ],
    ['a Secret that is not there', () => ({ keys: {} }), ['SourceSecretMissing', {}]],
    [
      'a key that is missing in it',
      () => ({ keys: { tenantId: 'a', clientId: 'b' } }),
      ['SourceSecretMissing', { key: 'clientSecret' }],
    ],
  ])('%s', async (_what, change, expected) => {
    const store = await storeOf(change());
    expect(await faultOf(store.find('people.csv', never))).toEqual(expected);
    expect(await faultOf(store.find('people/', never))).toEqual(expected);
    expect(await faultOf(namesIn(store, 'people/'))).toEqual(expected);
  });

  test('a certificate that nobody vouches for', async () => {
    await using secure = await startAzurite({ tls: selfSignedCertificate() });
    const store = await storeOf({ source: { endpoint: secure.endpoint } });
    expect(await faultOf(store.find('people.csv', never))).toEqual(['SourceTlsNotTrusted', {}]);
  });

  const xml = (code: string): string =>
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>canary</Message></Error>`;

  test.each([
    ['a blob that is in an archive', 409, 'BlobArchived', ['SourceForbidden', { code: 'blob-archived' }]],
    [
      'what Azure says of a wrong key',
      403,
      'AuthenticationFailed',
      ['SourceCredentialsRefused', { code: 'authentication-failed' }],
    ],
    [
      'a role that is missing',
      403,
      'AuthorizationPermissionMismatch',
      ['SourceForbidden', { code: 'permission-missing' }],
    ],
    [
      "a code that is not known, whose text is somebody's",
      403,
      'Canary',
      ['SourceForbidden', { status: 403 }],
    ],
  ])('%s', async (_what, status, code, expected) => {
    await server.put('people.csv', 'email\n');
    const proxy = await breakingProxy(new URL(server.endpoint).origin);
    const store = await storeOf({ source: through(proxy) });
    const file = await fileAt(store, 'people.csv');
    proxy.fate = () => ({ status, body: xml(code) });
    expect(await faultOf(contentOf(file))).toEqual(expected);
    expect(await faultOf(file.slice(1, 2, never))).toEqual(expected);
    expect(await faultOf(namesIn(store, 'people/'))).toEqual(expected);
  });

  test.each<[string, RequestListener, unknown, unknown]>([
    [
      'a web server',
      (_, response) => response.end('<html>Welcome</html>'),
      ['SourceReplyInvalid', { code: 'no-etag' }],
      ['SourceReplyInvalid', { code: 'unexpected-reply', status: 200 }],
    ],
    [
      'one that leads elsewhere',
      (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      ['SourceReplyInvalid', { code: 'unexpected-reply', status: 302 }],
      ['SourceReplyInvalid', { code: 'unexpected-reply', status: 302 }],
    ],
  ])('%s that is no store', async (_what, listener, ofFind, ofList) => {
    const store = await storeOf({ source: through(await serve(listener)) });
    expect(await faultOf(store.find('people.csv', never))).toEqual(ofFind);
    expect(await faultOf(namesIn(store, 'people/'))).toEqual(ofList);
  });
});

describe('what passes is called passing', () => {
  test('a store that is down', async () => {
    const store = await storeOf({ source: { endpoint: 'http://127.0.0.1:1/segmentstore' } });
    expect(await faultOf(store.find('people.csv', never))).toEqual(['SourceUnavailable', {}]);
  });

  test.each([
    ['that fails', 500, 'InternalError', ['SourceUnavailable', { status: 500 }]],
    ['that is busy', 503, 'ServerBusy', ['SourceThrottled', { code: 'server-busy' }]],
  ])('a store %s, after it was asked again', async (_what, status, code, expected) => {
    const failing = await serve((_, response) => {
      response.writeHead(status, { 'content-type': 'application/xml' });
      response.end(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`);
    });
    const store = await storeOf({ source: through(failing) });
    expect(await faultOf(namesIn(store, 'people/'))).toEqual(expected);
    expect(failing.requests).toBe(3);
  });

  test('a store that never answers', async () => {
    const store = await storeOf({ source: through(await serve(() => undefined)), silenceMs: 50 });
    expect(await faultOf(store.find('people.csv', never))).toEqual(['SourceUnavailable', {}]);
  });
});

describe('a blob that breaks off in mid-stream', () => {
  const rows = Array.from({ length: 200_000 }, (_, index) => `person.${index}@example.com\n`).join('');
  let proxy: BreakingProxy;
  let store: FileStore;
  let names = 0;
  let name: string;

  async function begin(silenceMs?: number): Promise<void> {
    name = `broken/${++names}.csv`;
    await server.put(name, rows);
    proxy = await breakingProxy(new URL(server.endpoint).origin);
    store = await storeOf({ source: through(proxy), ...(silenceMs === undefined ? {} : { silenceMs }) });
  }
  const breaking = (fate: { resetAfter: number } | { silentAfter: number }, times: number): void => {
    let left = times;
    proxy.fate = (method) => (method === 'GET' && left-- > 0 ? fate : 'pass');
  };

  test('is read on from there', async () => {
    await begin();
    const file = await fileAt(store, name);
    breaking({ resetAfter: 100_000 }, 3);
    expect((await contentOf(file)) === rows).toBe(true);
  });

  test('so are a slice, and one that goes silent', async () => {
    await begin(3_000);
    const file = await fileAt(store, name);
    breaking({ resetAfter: 1_000 }, 2);
    expect(String(await file.slice(10_000, 20_000, never)) === rows.slice(10_000, 20_000)).toBe(true);
    breaking({ silentAfter: 100_000 }, 1);
    expect((await contentOf(file)) === rows).toBe(true);
  });

  test('is given up when it breaks off again and again', async () => {
    await begin();
    const file = await fileAt(store, name);
    breaking({ resetAfter: 10 }, Number.POSITIVE_INFINITY);
    expect(await faultOf(contentOf(file))).toEqual(['SourceUnavailable', {}]);
  });

  test('is not read on where it was replaced meanwhile, nor where it is gone', async () => {
    await begin();
    const file = await fileAt(store, name);
    breaking({ resetAfter: 100_000 }, 1);
    proxy.onBreak = () => server.put(name, rows.toUpperCase());
    expect(await faultOf(contentOf(file))).toEqual(['SourceChanged', {}]);
    expect(await faultOf(file.slice(0, 10, never))).toEqual(['SourceChanged', {}]);
    const another = await fileAt(store, name);
    await server.remove(name);
    expect(await faultOf(contentOf(another))).toEqual(['SourceChanged', {}]);
  });

  test('a reader that was told to stop gets the reason', async () => {
    await begin();
    const file = await fileAt(store, name);
    const stop = new AbortController();
    const bytes = file.read(stop.signal)[Symbol.asyncIterator]();
    await bytes.next();
    stop.abort(new Error('stopped'));
    await expect(async () => {
      for (;;) if ((await bytes.next()).done) return;
    }).rejects.toThrow('stopped');
  });
});

describe('the program', () => {
  const addressOf = (name: string): string => `${name}@example.com`;
  const people = Array.from({ length: 1_000 }, (_, index) => `p${index}`);
  const list = `id,email\n${people.map((name) => `1,${addressOf(name)}\n`).join('')}`;

  function sourceOf(change: Partial<AzureBlobSource>): { azureBlob: AzureBlobSource } {
    const { endpoint, container } = server;
    return {
      azureBlob: {
        ...{ endpoint, container, path: 'people.csv', format: 'CSV', csv: { delimiter: 'Comma' } },
        ...{ layout: 'Files', settleSeconds: 0, authorityHost: 'https://login.microsoftonline.com' },
        ...change,
      },
    };
  }

  const run = async (sandbox: Sandbox, change: Partial<AzureBlobSource>, keys: Record<string, string>) =>
    await runExporter({
      document: exportOf(sandbox.url, { source: sourceOf(change) }),
      env: { SEGMENTEXPORT_SOURCE_CREDENTIALS_DIR: await mounted(keys) },
    });

  test('sends what lies in a directory of parts, for a SAS token', async () => {
    const sandbox = await sandboxFor();
    await server.put('program/readers/part-1.csv.gz', gzipSync(list));
    await server.put('program/readers/part-2.csv', 'id,email\n1,last@example.com\n');
    const { report, exitCode } = await run(sandbox, { path: 'program/' }, { sasToken: server.sasToken() });
    expect(report?.segments).toMatchObject([{ reason: 'Succeeded', uploaded: 1_001 }]);
    expect(Date.now() - (report?.segments?.[0]?.sourceWrittenAt ?? 0)).toBeLessThan(60_000);
    expect(exitCode).toBe(0);
    expect(sandbox.segments()).toMatchObject([{ digest: digestOf([...people, 'last'].map(addressOf)) }]);
  });

  test('sends what an export of Customer Insights left, for an account key', async () => {
    const sandbox = await sandboxFor();
    const attributes = [{ name: 'id' }, { name: 'email' }];
    await server.put('exported/model.json', JSON.stringify({ entities: [{ name: 'readers', attributes }] }));
    await server.put('exported/readers/2026/11/22/0312/readers_1.csv', list.slice('id,email\n'.length));
    const { accountKey } = server;
    const { report } = await run(sandbox, { path: 'exported', layout: 'CustomerInsights' }, { accountKey });
    expect(report?.segments).toMatchObject([{ reason: 'Succeeded', read: 1_000, uploaded: 1_000 }]);
    expect(sandbox.segments()).toMatchObject([{ digest: digestOf(people.map(addressOf)) }]);
  });

  test.each<[string, () => Record<string, string>, string]>([
    ['an account key that is wrong', () => ({ accountKey: canaryKey }), 'SourceForbidden'],
    ['a SAS token that is expired', () => ({ sasToken: server.sasToken('rl', -60) }), 'SourceForbidden'],
    [
      'a secret that would go in the clear',
      () => ({ tenantId: 'a', clientId: 'canary', clientSecret: canaryKey }),
      'SourceForbidden',
    ],
    ['rows that are none', () => ({ accountKey: server.accountKey }), 'SourceNotCsv'],
  ])('writes no key and no address: %s', async (_what, keysOf, reason) => {
    const sandbox = await sandboxFor();
    const address = 'canary.person@example.com';
    await server.put('canary-people.csv', `email\n${address}\n"${address}`);
    const keys = keysOf();
    const { output, reportText, report } = await run(sandbox, { path: 'canary-people.csv' }, keys);
    expect(report?.reason).toBe(reason);
    const written = (output + reportText).toLowerCase();
    const signature = new URLSearchParams(keys.sasToken).get('sig') ?? canaryKey;
    const canaries = ['canary', keys.accountKey ?? canaryKey, signature, encodeURIComponent(signature)];
    expect(canaries.filter((canary) => written.includes(canary.toLowerCase()))).toEqual([]);
    expect(writes(sandbox)).toBe(0);
  });
  const canaryKey = randomBytes(64).toString('base64');
});

test('nothing of the machine is used: no proxy, no variables', async () => {
  for (const variable of ['HTTP_PROXY', 'HTTPS_PROXY']) vi.stubEnv(variable, 'http://127.0.0.1:1');
  try {
    await server.put('people.csv', 'email\n');
    // A dispatcher reads them when it is made: this one was made before.
    const dispatcher = createDispatcher('/does-not-exist');
    vi.unstubAllEnvs();
    const store = await storeOf();
    expect(await contentOf(await fileAt(store, 'people.csv'))).toBe('email\n');
    const away = await storeOf({ surroundings: { dispatcher } });
    expect(await faultOf(away.find('people.csv', never))).toEqual(['SourceUnavailable', {}]);
  } finally {
    vi.unstubAllEnvs();
  }
});
