import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type Dispatcher, EnvHttpProxyAgent } from 'undici';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { S3Place } from '../../../api/rundocument.ts';
import { createDispatcher } from '../../../exporter/criteo/exchange.ts';
import type { LedgerHome } from '../../../exporter/ledger/home.ts';
import { probeStore } from '../../../exporter/ledger/open.ts';
import { s3Home } from '../../../exporter/ledger/s3.ts';
import { digestsOf } from '../../../exporter/ledger/testkit.ts';
import { selfSignedCertificate } from '../../sandbox/certificate.ts';
import { listening } from '../../support/testserver.ts';
import { faultOf } from '../exporter/storekit.ts';
import {
  directly,
  keysDirectory,
  openPlace,
  placeIn,
  type StoreGround,
  storeGround,
  surroundings,
} from './homes.ts';
import { type LossyProxy, lossyProxy } from './lossyproxy.ts';
import { runParty } from './process.ts';

const head = (text: string): Buffer => Buffer.from(text);
let ground: StoreGround;
let uids = 0;

beforeAll(async () => {
  ground = await storeGround();
});
afterAll(() => ground[Symbol.asyncDispose]());

const newUid = (): string => `uid-${++uids}`;

/** A home at another endpoint, or otherwise another one than the right one. */
function homeAt(
  change: Partial<S3Place>,
  keys: Partial<typeof ground.store> = {},
  uid = newUid(),
): LedgerHome {
  const { accessKeyId, secretAccessKey } = { ...ground.store, ...keys };
  const limits = { attemptMs: 10_000, callMs: 30_000 };
  const place = { ...ground.s3, ...change };
  return s3Home(place, `${place.prefix}/exports/${uid}`, { accessKeyId, secretAccessKey }, directly, limits);
}

async function serve(listener: RequestListener): Promise<string> {
  return await listening(createServer(listener));
}

describe('what is to be mended is named', () => {
  test('a secret key that is wrong', async () => {
    const home = homeAt({}, { secretAccessKey: 'another' });
    const expected = ['LedgerForbidden', { code: 'wrong-secret-key' }];
    expect(await faultOf(home.readHead())).toEqual(expected);
    expect(await faultOf(home.probe())).toEqual(expected);
    expect(await faultOf(home.swapHead(head('a'), undefined))).toEqual(expected);
  });

  test('an access key that nobody knows', async () => {
    const home = homeAt({}, { accessKeyId: 'nobody' });
    expect(await faultOf(home.probe())).toEqual(['LedgerForbidden', { code: 'unknown-access-key' }]);
  });

  test('a bucket that is not there', async () => {
    const home = homeAt({ bucket: 'not-there' });
    const expected = ['LedgerNotUsable', { code: 'no-such-bucket' }];
    expect(await faultOf(home.readHead())).toEqual(expected);
    expect(await faultOf(home.listSets())).toEqual(expected);
    expect(await faultOf(home.probe())).toEqual(expected);
  });

  test('another region', async () => {
    const home = homeAt({ region: 'eu-north-1' });
    expect(await faultOf(home.probe())).toEqual(['LedgerNotUsable', { code: 'wrong-region' }]);
  });

  test('keys that are missing in the Secret', async () => {
    const keys = await keysDirectory(ground.store);
    onTestFinished(() => rm(keys, { recursive: true }));
    await rm(join(keys, 'secretAccessKey'));
    const place = placeIn(ground.s3, newUid(), keys);
    expect(await faultOf(openPlace(place))).toEqual(['LedgerSecretMissing', { key: 'secretAccessKey' }]);
    await rm(join(keys, 'accessKeyId'));
    expect(await faultOf(openPlace(place))).toEqual(['LedgerSecretMissing', {}]);
    expect(await faultOf(probeStore(ground.s3, surroundings(place, directly)))).toEqual([
      'LedgerSecretMissing',
      {},
    ]);
  });

  test('a certificate that nobody vouches for; the CA bundle mends it', async () => {
    const tls = selfSignedCertificate();
    const server = createTlsServer(tls, (_, response) => response.writeHead(503).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const endpoint = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await faultOf(homeAt({ endpoint }).readHead())).toEqual(['TlsNotTrusted', {}]);
    const keys = await keysDirectory(ground.store);
    await writeFile(join(keys, 'ca.crt'), tls.cert);
    onTestFinished(() => rm(keys, { recursive: true }));
    const trusting = createDispatcher(join(keys, 'ca.crt'));
    const home = await openPlace(placeIn({ ...ground.s3, endpoint }, newUid(), keys), trusting);
    expect(await faultOf(home.readHead())).toEqual(['LedgerUnavailable', { status: 503 }]);
  });

  test.each<[string, RequestListener, unknown]>([
    ['a web server', (_, response) => response.end('<html>Welcome</html>'), { code: 'no-etag' }],
    [
      'one without such a page',
      (_, response) => response.writeHead(404).end('<html>'),
      { code: 'unexpected-reply', status: 404 },
    ],
    [
      'another kind of service',
      (_, response) => response.writeHead(400).end('{"error":1}'),
      { code: 'unexpected-reply', status: 400 },
    ],
  ])('%s that is no object store', async (_what, listener, details) => {
    const home = homeAt({ endpoint: await serve(listener) });
    expect(await faultOf(home.readHead())).toEqual(['LedgerNotUsable', details]);
  });

  test('a quota that is used up', async () => {
    const xml =
      '<?xml version="1.0"?><Error><Code>QuotaExceeded</Code><Message>of somebody</Message></Error>';
    const home = homeAt({ endpoint: await serve((_, response) => response.writeHead(403).end(xml)) });
    expect(await faultOf(home.writeSet('a', digestsOf(1)))).toEqual(['LedgerFull', {}]);
  });
});

describe('what passes is called passing', () => {
  test('a store that is down', async () => {
    const endpoint = await serve((_, response) => response.end());
    const home = homeAt({ endpoint: endpoint.replace(/\d+$/, '1') });
    expect(await faultOf(home.readHead())).toEqual(['LedgerUnavailable', {}]);
    expect(await faultOf(home.swapHead(head('a'), undefined))).toEqual(['LedgerUnavailable', {}]);
    expect(await faultOf(home.probe())).toEqual(['LedgerUnavailable', {}]);
  });

  test('a store that asks to slow down, after it was asked again', async () => {
    let requests = 0;
    const xml = '<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>of theirs</Message></Error>';
    const endpoint = await serve((_, response) => {
      requests++;
      response.writeHead(503).end(xml);
    });
    expect(await faultOf(homeAt({ endpoint }).readHead())).toEqual(['LedgerUnavailable', { status: 503 }]);
    expect(requests).toBe(3);
  });

  test('a store that never answers', async () => {
    const endpoint = await serve(() => undefined);
    const { accessKeyId, secretAccessKey } = ground.store;
    const limits = { attemptMs: 50, callMs: 120 };
    const home = s3Home({ ...ground.s3, endpoint }, 'a', { accessKeyId, secretAccessKey }, directly, limits);
    expect(await faultOf(home.readHead())).toEqual(['LedgerUnavailable', {}]);
    expect(await faultOf(home.swapHead(head('a'), undefined))).toEqual(['LedgerUnavailable', {}]);
  });
});

describe('a store that does not do what a swap needs is not used', () => {
  interface Fake {
    /** Whether a condition holds, as the fake sees it. */
    holds: (condition: 'if-match' | 'if-none-match', isTrue: boolean) => boolean;
    refusal?: [status: number, code: string];
  }

  /** A store of 40 lines that minds conditions as it is told. */
  async function fakeStore({ holds, refusal = [412, 'PreconditionFailed'] }: Fake): Promise<string> {
    const objects = new Map<string, { bytes: Buffer; tag: string }>();
    let tags = 0;
    return await serve(async (request, response) => {
      const { method } = request;
      // The SDK puts the name of the operation behind it.
      const url = request.url?.split('?')[0] ?? '';
      const found = objects.get(url);
      const bytes = await buffer(request);
      const fail = (status: number, code: string): void => {
        response.writeHead(status, { 'content-type': 'application/xml' });
        response.end(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`);
      };
      const ifMatch = request.headers['if-match'];
      const isNew = request.headers['if-none-match'] === '*';
      if (method === 'DELETE') {
        objects.delete(url);
        return response.writeHead(204).end();
      }
      if (method === 'GET') {
        if (!found) return fail(404, 'NoSuchKey');
        return response.writeHead(200, { etag: found.tag }).end(found.bytes);
      }
      if (isNew && !holds('if-none-match', found === undefined)) return fail(...refusal);
      if (ifMatch !== undefined && !holds('if-match', found?.tag === ifMatch)) return fail(...refusal);
      const tag = `"${++tags}"`;
      objects.set(url, { bytes, tag });
      return response.writeHead(200, { etag: tag }).end();
    });
  }

  const unusable = ['LedgerNotUsable', { code: 'no-conditional-writes' }];

  test.each<[string, Fake, unknown]>([
    ['that minds both conditions', { holds: (_, isTrue) => isTrue }, 'no fault'],
    [
      'that answers 409 instead of 412',
      { holds: (_, isTrue) => isTrue, refusal: [409, 'ConditionalRequestConflict'] },
      'no fault',
    ],
    ['that ignores both', { holds: () => true }, unusable],
    ['that ignores If-Match', { holds: (what, isTrue) => isTrue || what === 'if-match' }, unusable],
    ['that ignores If-None-Match', { holds: (what, isTrue) => isTrue || what === 'if-none-match' }, unusable],
    ['that refuses every If-Match', { holds: (what, isTrue) => isTrue && what !== 'if-match' }, unusable],
    ['that knows no conditions', { holds: () => false, refusal: [501, 'NotImplemented'] }, unusable],
  ])('one %s', async (_what, fake, expected) => {
    const home = homeAt({ endpoint: await fakeStore(fake) });
    expect(await faultOf(home.probe())).toEqual(expected);
  });
});

describe('a swap whose reply is lost', () => {
  let proxy: LossyProxy;
  let home: LedgerHome;
  /** The same ledger, without the proxy. */
  let other: LedgerHome;

  async function begin(): Promise<string | undefined> {
    proxy = await lossyProxy(ground.store.endpoint);
    const uid = newUid();
    home = homeAt({ endpoint: proxy.endpoint }, {}, uid);
    other = homeAt({}, {}, uid);
    return await other.swapHead(head('first'), undefined);
  }
  const losing = (
    fate: 'drop-reply' | 'drop-request' | 'error-reply',
    times = Number.POSITIVE_INFINITY,
  ): void => {
    let left = times;
    proxy.fate = (method) => (method === 'PUT' && left-- > 0 ? fate : 'pass');
  };

  test.each([
    ['once', 'drop-reply', 1],
    ['each time', 'drop-reply', Number.POSITIVE_INFINITY],
    ['once, by an error', 'error-reply', 1],
    ['each time, by an error', 'error-reply', Number.POSITIVE_INFINITY],
    ['once, and so is the request', 'drop-request', 1],
  ] as const)('%s succeeds all the same', async (_what, fate, times) => {
    const tag = await begin();
    losing(fate, times);
    const next = await home.swapHead(head('second'), tag);
    expect(await other.readHead()).toEqual({ bytes: head('second'), tag: next });
    proxy.fate = () => 'pass';
    expect(await home.swapHead(head('third'), next)).toBeDefined();
  });

  test('is no success where the request never came', async () => {
    const tag = await begin();
    losing('drop-request');
    expect(await faultOf(home.swapHead(head('second'), tag))).toEqual(['LedgerUnavailable', {}]);
    expect(await other.readHead()).toEqual({ bytes: head('first'), tag });
  });

  test('and whose head another has replaced since is told as replaced', async () => {
    const tag = await begin();
    losing('drop-reply', 1);
    proxy.onReply = async (method) => {
      if (method !== 'PUT') return;
      proxy.onReply = async () => undefined;
      const found = await other.readHead();
      expect(await other.swapHead(head("another's"), found?.tag)).toBeDefined();
    };
    expect(await home.swapHead(head('second'), tag)).toBeUndefined();
    expect((await other.readHead())?.bytes).toEqual(head("another's"));
  });

  test('is a refusal where another was faster', async () => {
    const tag = await begin();
    await other.swapHead(head('faster'), tag);
    losing('drop-reply', 1);
    expect(await home.swapHead(head('second'), tag)).toBeUndefined();
    expect((await other.readHead())?.bytes).toEqual(head('faster'));
  });

  test('is unclear where nothing can be read afterwards', async () => {
    const tag = await begin();
    losing('drop-reply');
    const { fate } = proxy;
    proxy.fate = (method, path) => (method === 'GET' ? 'drop-request' : fate(method, path));
    expect(await faultOf(home.swapHead(head('second'), tag))).toEqual(['LedgerUnavailable', {}]);
    expect((await other.readHead())?.bytes).toEqual(head('second'));
  });

  test('a set whose reply is cut off is asked for again', async () => {
    await begin();
    const digests = digestsOf(2_000);
    await other.writeSet('a', digests);
    let cuts = 2;
    proxy.fate = (method) => (method === 'GET' && cuts-- > 0 ? 'half-reply' : 'pass');
    expect(digests.equals((await home.readSet('a', digests.length)) ?? Buffer.alloc(0))).toBe(true);
    proxy.fate = () => 'half-reply';
    expect(await faultOf(home.readSet('a', digests.length))).toEqual(['LedgerUnavailable', {}]);
  });
});

test('without an endpoint it is AWS, the bucket in the name of the host, whatever the environment says', async () => {
  vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:1');
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const origins: string[] = [];
  const recording = {
    request: async ({ origin, path }: { origin: string; path: string }) => {
      origins.push(`${origin}${path}`);
      throw new Error('enough');
    },
  } as unknown as Dispatcher;
  const { accessKeyId, secretAccessKey } = ground.store;
  const place = { region: 'eu-north-1', bucket: 'ledgers', prefix: 'p' };
  const home = s3Home(place, 'p/exports/u', { accessKeyId, secretAccessKey }, recording);
  await home.readHead().catch(() => undefined);
  expect(origins[0]).toBe('https://ledgers.s3.eu-north-1.amazonaws.com/p/exports/u/head.json?x-id=GetObject');
});

test('more sets than a page of the list has are all found, and what others put there is left alone', async () => {
  const uid = newUid();
  const home = homeAt({}, {}, uid);
  await home.writeSet('a', digestsOf(1));
  const base = join(ground.directory, 'exports', uid);
  const names = Array.from({ length: 1_005 }, (_, index) => `set-${index}`);
  for (const name of names) await writeFile(join(base, 'sets', name), '');
  await mkdir(join(base, 'sets', 'nested'));
  for (const name of ['UPPER', 'notes.txt', 'nested/a']) await writeFile(join(base, 'sets', name), 'x');
  expect((await home.listSets()).sort()).toEqual(['a', ...names].sort());
  for (const name of names) await rm(join(base, 'sets', name));
  await home.destroy();
  await access(join(base, 'sets', 'notes.txt'));
  await access(join(base, 'sets', 'nested', 'a'));
});

test('a proxy is used where there is one', async () => {
  let requests = 0;
  const server = createServer((_, response) => response.writeHead(502).end());
  server.on('connect', (request, socket) => {
    requests++;
    const [host = '', port = ''] = (request.url ?? '').split(':');
    const target = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      target.pipe(socket).pipe(target);
    });
    target.on('error', () => socket.destroy());
    socket.on('error', () => target.destroy());
  });
  server.on('request', () => requests++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const proxied = new EnvHttpProxyAgent({ httpProxy: url, httpsProxy: url, noProxy: '' });
  const { accessKeyId, secretAccessKey } = ground.store;
  const limits = { attemptMs: 10_000, callMs: 30_000 };
  const home = s3Home(ground.s3, 'a', { accessKeyId, secretAccessKey }, proxied, limits);
  await home.readHead().catch(() => undefined);
  expect(requests).toBeGreaterThan(0);
});

test("nothing of the machine's own settings is used: no profile, no variables, no metadata service", async () => {
  const elsewhere = await serve((_, response) => response.writeHead(403).end());
  const keys = await keysDirectory(ground.store);
  onTestFinished(() => rm(keys, { recursive: true }));
  const file = join(keys, 'config');
  const settings = `region = eu-west-9\nendpoint_url = ${elsewhere}\naws_access_key_id = x\naws_secret_access_key = y\nmax_attempts = 99\n`;
  await writeFile(file, `[default]\n${settings}[profile other]\n${settings}`);
  const env = {
    HOME: keys,
    AWS_CONFIG_FILE: file,
    AWS_SHARED_CREDENTIALS_FILE: file,
    AWS_PROFILE: 'other',
    AWS_REGION: 'eu-west-9',
    AWS_ENDPOINT_URL: elsewhere,
    AWS_ENDPOINT_URL_S3: elsewhere,
    AWS_ACCESS_KEY_ID: 'x',
    AWS_SECRET_ACCESS_KEY: 'y',
    AWS_SESSION_TOKEN: 'z',
    AWS_MAX_ATTEMPTS: 'many',
    AWS_RETRY_MODE: 'none such',
    AWS_DEFAULTS_MODE: 'auto',
    AWS_USE_FIPS_ENDPOINT: 'perhaps',
    AWS_USE_DUALSTACK_ENDPOINT: 'perhaps',
    AWS_S3_USE_ARN_REGION: 'perhaps',
    AWS_S3_DISABLE_EXPRESS_SESSION_AUTH: 'perhaps',
    AWS_REQUEST_CHECKSUM_CALCULATION: 'perhaps',
    AWS_RESPONSE_CHECKSUM_VALIDATION: 'perhaps',
  };
  expect(await runParty(placeIn(ground.s3, newUid(), keys), ['try', 'probe'], { env })).toBe('ok');
});
