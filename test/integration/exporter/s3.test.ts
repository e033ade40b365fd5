import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { Dispatcher } from 'undici';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { S3Source } from '../../../api/rundocument.ts';
import { createDispatcher } from '../../../exporter/criteo/exchange.ts';
import type { FileStore } from '../../../exporter/source/files/store.ts';
import { parquetOf } from '../../../exporter/source/formats/parquet/testkit.ts';
import { openSource, type SourceSurroundings } from '../../../exporter/source/open.ts';
import { openS3 } from '../../../exporter/source/s3/source.ts';
import { surroundingsOf } from '../../../exporter/source/testkit.ts';
import { never } from '../../../exporter/testkit.ts';
import { selfSignedCertificate } from '../../sandbox/certificate.ts';
import { tokenGate } from '../../support/storetoken.ts';
import { type ObjectStore, startVersitygw } from '../../support/versitygw.ts';
import { type BreakingProxy, breakingProxy } from './breakingproxy.ts';
import { exportOf, runExporter, segmentOf } from './program.ts';
import { digestOf, sandboxFor, writes } from './sandbox.ts';
import {
  contentOf,
  faultOf,
  fileAt,
  hastyClock,
  mounted,
  namesIn,
  type Reading,
  readingOf,
  serve,
} from './storekit.ts';

let server: ObjectStore;
let client: S3Client;

beforeAll(async () => {
  server = await startVersitygw({ bucket: 'segments' });
  const { endpoint, region, accessKeyId, secretAccessKey } = server;
  const credentials = { accessKeyId, secretAccessKey };
  client = new S3Client({ endpoint, region, forcePathStyle: true, credentials });
});
afterAll(() => server.stop());

async function put(key: string, content: string | Buffer): Promise<void> {
  await client.send(new PutObjectCommand({ Bucket: server.bucket, Key: key, Body: Buffer.from(content) }));
}

const keysOf = ({ accessKeyId, secretAccessKey }: ObjectStore | ObjectStore['stranger']) => ({
  accessKeyId,
  secretAccessKey,
});

interface Change {
  source?: Partial<S3Source>;
  keys?: Record<string, string>;
  surroundings?: Partial<SourceSurroundings>;
  silenceMs?: number;
}

async function storeOf({ source = {}, keys, surroundings = {}, silenceMs }: Change = {}): Promise<FileStore> {
  const { endpoint, region, bucket } = server;
  const whole: S3Source = {
    ...{ endpoint, region, bucket, path: 'people.csv', format: 'CSV', csv: { delimiter: 'Comma' } },
    ...source,
  };
  const credentialsDirectory = await mounted(keys ?? keysOf(server));
  const world = surroundingsOf('/does-not-exist', {
    credentialsDirectory,
    clock: hastyClock,
    ...surroundings,
  });
  return openS3(whole, world, silenceMs);
}

describe('objects are files, and what their keys have before a slash are directories', () => {
  test('a key, whatever characters it has', async () => {
    const key = "in/our exports/ø+(1)'*&=?#%41.csv";
    await put(key, 'email\n');
    const store = await storeOf();
    const file = await fileAt(store, key);
    expect(file.size).toBe(6);
    expect(Math.abs(file.modifiedAt - Date.now())).toBeLessThan(60_000);
    expect(await contentOf(file)).toBe('email\n');
    expect(await namesIn(store, 'in/our exports')).toEqual(["ø+(1)'*&=?#%41.csv"]);
  });

  test('a prefix with and without its slash, and nothing', async () => {
    await put('find/a/b.csv', 'x');
    await put('find/a.csv', 'x');
    const store = await storeOf();
    expect(await store.find('find/a/', never)).toBe('Directory');
    expect(await store.find('find/a', never)).toBe('Directory');
    expect(await store.find('find/', never)).toBe('Directory');
    expect(await store.find('find/b', never)).toBeUndefined();
    expect(await store.find('find/b/', never)).toBeUndefined();
    // No directory: names may begin alike.
    expect(await store.find('fin', never)).toBeUndefined();
    expect(await store.find('fin/', never)).toBeUndefined();
  });

  test('a list has what lies directly in it, on however many pages, and not its own marker', async () => {
    const names = Array.from({ length: 1_002 }, (_, index) => `${String(index).padStart(4, '0')}.csv`);
    const [template = '', ...others] = names;
    await put(`many/${template}`, 'email\n');
    await put('many/below/a.csv', 'x');
    await put('many/', '');
    for (let start = 0; start < others.length; start += 50) {
      await Promise.all(others.slice(start, start + 50).map((name) => put(`many/${name}`, 'email\n')));
    }
    const store = await storeOf();
    expect(await namesIn(store, 'many/')).toEqual([...names, 'below/']);
    expect(await namesIn(store, 'many')).toHaveLength(1_003);
    expect(await namesIn(store, 'nothing/')).toEqual([]);
    for await (const entry of store.list('many/', never)) {
      if (entry.kind === 'File') expect(await contentOf(entry.file)).toBe('email\n');
      break;
    }
  });

  test('an empty object', async () => {
    await put('empty.csv', '');
    expect(await contentOf(await fileAt(await storeOf(), 'empty.csv'))).toBe('');
  });

  test('a slice is those bytes and no others', async () => {
    await put('slice.bin', Buffer.from('0123456789'));
    const file = await fileAt(await storeOf(), 'slice.bin');
    expect(String(await file.slice(0, 4, never))).toBe('0123');
    expect(String(await file.slice(6, 10, never))).toBe('6789');
    expect(String(await file.slice(0, 10, never))).toBe('0123456789');
    expect(String(await file.slice(3, 3, never))).toBe('');
  });
});

describe('what is to be mended is named', () => {
  const refused = (code: string) => ['SourceCredentialsRefused', { code }];

  test.each<[string, Change, unknown]>([
    [
      'a secret key that is wrong',
      { keys: { accessKeyId: 'test-access-key', secretAccessKey: 'no' } },
      refused('wrong-secret-key'),
    ],
    [
      'an access key that nobody knows',
      { keys: { accessKeyId: 'nobody', secretAccessKey: 'no' } },
      refused('unknown-access-key'),
    ],
    [
      'a session token that the store does not know',
      { keys: { accessKeyId: 'test-access-key', secretAccessKey: 'test-secret-key', sessionToken: 'no' } },
      refused('wrong-session-token'),
    ],
    [
      'keys of somebody who may not read',
      { keys: { accessKeyId: 'strange-access-key', secretAccessKey: 'strange-secret-key' } },
      ['SourceForbidden', { code: 'access-denied' }],
    ],
    [
      'a bucket that is not there',
      { source: { bucket: 'not-there' } },
      ['SourceNotFound', { code: 'no-such-bucket' }],
    ],
    ['another region', { source: { region: 'eu-north-1' } }, ['SourceNotFound', { code: 'wrong-region' }]],
    ['a Secret that is not there', { keys: {} }, ['SourceSecretMissing', {}]],
    [
      'a key that is missing in it',
      { keys: { accessKeyId: 'a' } },
      ['SourceSecretMissing', { key: 'secretAccessKey' }],
    ],
    [
      'a key without a value',
      { keys: { accessKeyId: '', secretAccessKey: 'b' } },
      ['SourceSecretMissing', { key: 'accessKeyId' }],
    ],
  ])('%s', async (_what, change, expected) => {
    const store = await storeOf(change);
    expect(await faultOf(store.find('people.csv', never))).toEqual(expected);
    expect(await faultOf(store.find('people/', never))).toEqual(expected);
    expect(await faultOf(namesIn(store, 'people/'))).toEqual(expected);
  });

  test('a certificate that nobody vouches for; the CA bundle mends it', async () => {
    const tls = selfSignedCertificate();
    await using secure = await startVersitygw({ bucket: 'segments', tls });
    const source = { endpoint: secure.endpoint };
    const strange = await storeOf({ source });
    expect(await faultOf(strange.find('people.csv', never))).toEqual(['SourceTlsNotTrusted', {}]);
    const directory = await mounted({ 'ca.crt': tls.cert });
    const dispatcher = createDispatcher(join(directory, 'ca.crt'));
    const store = await storeOf({ source, surroundings: { dispatcher } });
    expect(await store.find('people.csv', never)).toBeUndefined();
  });

  test.each<[string, RequestListener, unknown]>([
    [
      'a web server',
      (_, response) => response.end('<html>Welcome</html>'),
      ['SourceReplyInvalid', { code: 'no-etag' }],
    ],
    [
      'one without such a page',
      (_, response) => response.writeHead(400).end('<html>'),
      ['SourceReplyInvalid', { code: 'unexpected-reply', status: 400 }],
    ],
    [
      'one that asks who is there',
      (_, response) => response.writeHead(401).end('{}'),
      ['SourceForbidden', { status: 401 }],
    ],
    [
      'one that leads elsewhere',
      (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      ['SourceReplyInvalid', { code: 'unexpected-reply', status: 302 }],
    ],
  ])('%s that is no object store', async (_what, listener, expected) => {
    const store = await storeOf({ source: { endpoint: (await serve(listener)).endpoint } });
    expect(await faultOf(store.find('people.csv', never))).toEqual(expected);
  });

  test.each([
    [
      'an object that is in an archive',
      403,
      'InvalidObjectState',
      ['SourceForbidden', { code: 'object-archived' }],
    ],
    ['keys whose time is over', 400, 'ExpiredToken', refused('session-expired')],
    ['a clock that is wrong', 403, 'RequestTimeTooSkewed', refused('clock-skew')],
    [
      "a code that is not known, whose text is somebody's",
      403,
      'Canary',
      ['SourceForbidden', { status: 403 }],
    ],
  ])('%s', async (_what, status, code, expected) => {
    await put('people.csv', 'email\n');
    const proxy = await breakingProxy(server.endpoint);
    const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>canary</Message></Error>`;
    const store = await storeOf({ source: { endpoint: proxy.endpoint } });
    const file = await fileAt(store, 'people.csv');
    proxy.fate = () => ({ status, body });
    expect(await faultOf(contentOf(file))).toEqual(expected);
    expect(await faultOf(file.slice(1, 2, never))).toEqual(expected);
  });
});

describe('what passes is called passing', () => {
  test('a store that is down', async () => {
    const store = await storeOf({ source: { endpoint: 'http://127.0.0.1:1' } });
    expect(await faultOf(store.find('people.csv', never))).toEqual(['SourceUnavailable', {}]);
  });

  test.each([
    ['that fails', 500, 'InternalError', ['SourceUnavailable', { status: 500 }]],
    ['that asks to slow down', 503, 'SlowDown', ['SourceThrottled', { code: 'slow-down' }]],
  ])('a store %s, after it was asked again', async (_what, status, code, expected) => {
    const failing = await serve((_, response) => {
      response.writeHead(status).end(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`);
    });
    const store = await storeOf({ source: { endpoint: failing.endpoint } });
    expect(await faultOf(namesIn(store, 'people/'))).toEqual(expected);
    expect(failing.requests).toBe(3);
  });

  test('a store that never answers', async () => {
    const { endpoint } = await serve(() => undefined);
    const store = await storeOf({ source: { endpoint }, silenceMs: 50 });
    expect(await faultOf(store.find('people.csv', never))).toEqual(['SourceUnavailable', {}]);
  });
});

describe('an object that breaks off in mid-stream', () => {
  const rows = Array.from({ length: 200_000 }, (_, index) => `person.${index}@example.com\n`).join('');
  let proxy: BreakingProxy;
  let store: FileStore;
  let uids = 0;
  let key: string;

  async function begin(silenceMs?: number): Promise<void> {
    key = `broken/${++uids}.csv`;
    await put(key, rows);
    proxy = await breakingProxy(server.endpoint);
    store = await storeOf({
      source: { endpoint: proxy.endpoint },
      ...(silenceMs === undefined ? {} : { silenceMs }),
    });
  }
  const breaking = (fate: { resetAfter: number } | { silentAfter: number }, times: number): void => {
    let left = times;
    proxy.fate = (method) => (method === 'GET' && left-- > 0 ? fate : 'pass');
  };

  test('is read on from there', async () => {
    await begin();
    const file = await fileAt(store, key);
    breaking({ resetAfter: 100_000 }, 3);
    const { fate } = proxy;
    const conditions: unknown[] = [];
    proxy.fate = (method, path, headers) => {
      conditions.push(headers['if-match']);
      return fate(method, path, headers);
    };
    expect((await contentOf(file)) === rows).toBe(true);
    expect(conditions).toHaveLength(4);
    expect(new Set(conditions)).toEqual(new Set([expect.stringMatching(/^"\w+"$/)]));
    const last = rows.length - 1;
    expect(proxy.reads).toEqual([
      ...['HEAD', 'GET', `GET bytes=100000-${last}`, `GET bytes=200000-${last}`, `GET bytes=300000-${last}`],
    ]);
  });

  test('so is a slice', async () => {
    await begin();
    const file = await fileAt(store, key);
    breaking({ resetAfter: 1_000 }, 2);
    expect(String(await file.slice(10_000, 20_000, never)) === rows.slice(10_000, 20_000)).toBe(true);
  });

  test('so is one that goes silent', async () => {
    await begin(3_000);
    const file = await fileAt(store, key);
    breaking({ silentAfter: 100_000 }, 1);
    expect((await contentOf(file)) === rows).toBe(true);
    expect(proxy.reads).toContain(`GET bytes=100000-${rows.length - 1}`);
  });

  test('one that takes long in all is left to come', async () => {
    // It comes in four parts: each in time, and all of them later than one silence may last.
    await begin(6_000);
    const file = await fileAt(store, key);
    proxy.fate = () => ({ pauseMs: 1_600 });
    expect((await contentOf(file)) === rows).toBe(true);
    expect(proxy.reads).toEqual(['HEAD', 'GET']);
  });

  test('is given up when it breaks off again and again', async () => {
    await begin();
    const file = await fileAt(store, key);
    breaking({ resetAfter: 10 }, Number.POSITIVE_INFINITY);
    expect(await faultOf(contentOf(file))).toEqual(['SourceUnavailable', {}]);
  });

  test('is not read on where it was replaced meanwhile, nor where it is gone', async () => {
    await begin();
    const file = await fileAt(store, key);
    breaking({ resetAfter: 100_000 }, 1);
    proxy.onBreak = () => put(key, rows.toUpperCase());
    expect(await faultOf(contentOf(file))).toEqual(['SourceChanged', {}]);
    expect(await faultOf(file.slice(0, 10, never))).toEqual(['SourceChanged', {}]);
    const another = await fileAt(store, key);
    await rm(join(server.directory, key));
    expect(await faultOf(contentOf(another))).toEqual(['SourceChanged', {}]);
  });

  test('a reader that was told to stop gets the reason, and nothing is asked again', async () => {
    await begin();
    const file = await fileAt(store, key);
    const stop = new AbortController();
    const bytes = file.read(stop.signal)[Symbol.asyncIterator]();
    await bytes.next();
    const { length } = proxy.reads;
    stop.abort(new Error('stopped'));
    await expect(async () => {
      for (;;) if ((await bytes.next()).done) return;
    }).rejects.toThrow('stopped');
    expect(proxy.reads).toHaveLength(length);
  });

  test('a store that minds neither If-Match nor Range is not read in parts', async () => {
    let tag = '"1"';
    const { endpoint } = await serve((_, response) => {
      const headers = { etag: tag, 'content-length': '10', 'last-modified': new Date().toUTCString() };
      response.writeHead(200, headers).end('0123456789');
    });
    const careless = await storeOf({ source: { endpoint } });
    const file = await fileAt(careless, 'people.csv');
    expect(await contentOf(file)).toBe('0123456789');
    expect(await faultOf(file.slice(2, 4, never))).toEqual(['SourceReplyInvalid', { code: 'no-ranges' }]);
    tag = '"2"';
    expect(await faultOf(contentOf(file))).toEqual(['SourceChanged', {}]);
  });
});

describe('the identity of the platform', () => {
  const temporary = { accessKeyId: 'ASIATEMPORARY', sessionToken: 'session+token/9=' };
  const roleARN = 'arn:aws:iam::123456789012:role/segments-reader';
  const keys = (expiresInMs: number): string =>
    `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
      <Credentials><AccessKeyId>${temporary.accessKeyId}</AccessKeyId><SecretAccessKey>any+secret/1</SecretAccessKey>
      <SessionToken>${temporary.sessionToken}</SessionToken>
      <Expiration>${new Date(Date.now() + expiresInMs).toISOString()}</Expiration></Credentials>
    </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;
  const refusal = (code: string): string =>
    `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>canary</Message></Error></ErrorResponse>`;

  interface Sts {
    endpoint: string;
    forms: Record<string, string>[];
    reply: { status: number; body: string };
  }

  async function startSts(): Promise<Sts> {
    const sts: Sts = { endpoint: '', forms: [], reply: { status: 200, body: keys(3_600_000) } };
    const running = await serve(async (request, response) => {
      sts.forms.push({
        type: `${request.method} ${request.url} ${request.headers['content-type']}`,
        authorization: String(request.headers.authorization),
        ...Object.fromEntries(new URLSearchParams(await text(request))),
      });
      response.writeHead(sts.reply.status, { 'content-type': 'text/xml' }).end(sts.reply.body);
    });
    sts.endpoint = running.endpoint;
    return sts;
  }

  async function begin(
    sts: Sts,
    source: Partial<S3Source> = {},
  ): Promise<{ store: FileStore; token: string }> {
    const token = join(await mounted({ token: 'header.claims.signature' }), 'token');
    const surroundings = {
      identityToken: token,
      stsEndpoint: sts.endpoint,
      credentialsDirectory: '/does-not-exist',
    };
    return {
      store: await storeOf({ source: { workloadIdentity: { roleARN }, ...source }, surroundings }),
      token,
    };
  }

  test("the service account's token becomes keys of the role, and they open the bucket", async () => {
    await put('identity/people.csv', 'email\n');
    await using gate = await tokenGate(server, temporary);
    const sts = await startSts();
    const { store } = await begin(sts, { endpoint: gate.endpoint });
    expect(await contentOf(await fileAt(store, 'identity/people.csv'))).toBe('email\n');
    expect(await namesIn(store, 'identity')).toEqual(['people.csv']);
    expect(sts.forms).toEqual([
      {
        type: 'POST / application/x-www-form-urlencoded',
        authorization: 'undefined',
        Action: 'AssumeRoleWithWebIdentity',
        Version: '2011-06-15',
        RoleArn: roleARN,
        RoleSessionName: 'segmentexport',
        WebIdentityToken: 'header.claims.signature',
      },
    ]);
  });

  test('keys that soon expire are replaced, for the token that is there by then', async () => {
    await put('identity/people.csv', 'email\n');
    await using gate = await tokenGate(server, temporary);
    const sts = await startSts();
    const { store, token } = await begin(sts, { endpoint: gate.endpoint });
    sts.reply.body = keys(60_000);
    await fileAt(store, 'identity/people.csv');
    await writeFile(token, 'header.newer.signature\n');
    await vi.waitFor(
      async () => {
        await fileAt(store, 'identity/people.csv');
        expect(sts.forms.at(-1)?.WebIdentityToken).toBe('header.newer.signature');
      },
      { timeout: 30_000 },
    );
  });

  test.each([
    ['a role that is not to be had', 403, 'AccessDenied', { code: 'role-not-assumable' }],
    ['a token whose time is over', 400, 'ExpiredTokenException', { code: 'identity-token-expired' }],
    ['a token that is not believed', 400, 'InvalidIdentityToken', { code: 'identity-token-rejected' }],
    ['what is not known', 400, 'Canary', { status: 400 }],
  ])('%s is named', async (_what, status, code, details) => {
    const sts = await startSts();
    sts.reply = { status, body: refusal(code) };
    const { store } = await begin(sts);
    expect(await faultOf(store.find('people.csv', never))).toEqual(['SourceCredentialsRefused', details]);
    expect(sts.forms).toHaveLength(1);
  });

  test.each([
    ['that fails', { status: 503, body: '' }, ['SourceUnavailable', { status: 503 }], 3],
    [
      'that cannot ask the cluster',
      { status: 400, body: refusal('IDPCommunicationError') },
      ['SourceUnavailable', { status: 400 }],
      3,
    ],
    ['that gives no keys', { status: 200, body: '<html>' }, ['SourceReplyInvalid', { status: 200 }], 1],
    ['that is another', { status: 404, body: '<html>' }, ['SourceReplyInvalid', { status: 404 }], 1],
  ])('a token service %s', async (_what, reply, expected, requests) => {
    const sts = await startSts();
    sts.reply = reply;
    const { store } = await begin(sts);
    expect(await faultOf(store.find('people.csv', never))).toEqual(expected);
    expect(sts.forms).toHaveLength(requests);
  });

  test('no token of the service account', async () => {
    const sts = await startSts();
    const { store, token } = await begin(sts);
    await rm(token);
    expect(await faultOf(store.find('people.csv', never))).toEqual([
      'SourceCredentialsRefused',
      { code: 'no-identity-token' },
    ]);
  });
});

describe('tables in a bucket', () => {
  const list = (...names: string[]): string =>
    `id,email\n${names.map((name) => `1,${addressOf(name)}\n`).join('')}`;
  const addressOf = (name: string): string => `${name}@example.com`;

  function sourceOf(change: Partial<S3Source>): S3Source {
    const { endpoint, region, bucket } = server;
    return { endpoint, region, bucket, path: 'a', format: 'CSV', csv: { delimiter: 'Comma' }, ...change };
  }

  async function read(change: Partial<S3Source>, segments: string[]): Promise<Reading> {
    const document = exportOf('http://127.0.0.1:1', {
      source: { s3: sourceOf(change) },
      segments: segments.map((name) => segmentOf(name)),
    });
    const credentialsDirectory = await mounted(keysOf(server));
    const world = { credentialsDirectory, clock: hastyClock };
    return await readingOf(openSource(document, surroundingsOf('/does-not-exist', world)));
  }

  test('a prefix with an object a segment, plain and packed, or a prefix of parts', async () => {
    await put('segments/gold.csv', list('a'));
    await put('segments/silver.csv.gz', gzipSync(list('b')));
    await put('segments/bronze/part-0001.csv', list('c'));
    await put('segments/bronze/part-0002.csv.gz', gzipSync(list('d')));
    await put('segments/bronze/_SUCCESS', '');
    const reading = await read({ path: 'segments/' }, ['gold', 'silver', 'bronze', 'absent']);
    expect(reading.addresses).toEqual({
      0: [addressOf('a')],
      1: [addressOf('b')],
      2: [addressOf('c'), addressOf('d')],
    });
    expect(reading.found).toEqual([0, 1, 2]);
    expect(reading.faults).toEqual({});
    expect(Object.keys(reading.written)).toEqual(['0', '1', '2']);
  });

  test('one object with a column that names the segment', async () => {
    await put('all.csv', 'segment,email\ngold,a@example.com\nsilver,b@example.com\nnone,c@example.com\n');
    const { addresses } = await read({ path: 'all.csv', segmentField: 'segment' }, ['silver', 'gold']);
    expect(addresses).toEqual({ 0: ['b@example.com'], 1: ['a@example.com'] });
  });

  test('the newest that has its marker', async () => {
    await put('runs/1/part.csv', list('old'));
    await put('runs/1/_SUCCESS', '');
    await put('runs/2/part.csv', list('new'));
    const path: Partial<S3Source> = { path: 'runs/', newest: { marker: '_SUCCESS', settleSeconds: 300 } };
    // The directory is the segment's own table: its objects are parts, whatever their names.
    const shared: Partial<S3Source> = { ...path, segmentField: 'id' };
    expect((await read(shared, ['1'])).addresses).toEqual({ 0: [addressOf('old')] });
    await put('runs/2/_SUCCESS', '');
    expect((await read(shared, ['1'])).addresses).toEqual({ 0: [addressOf('new')] });
  });

  test('Parquet, of which only what is needed is asked for', async () => {
    const count = 50_000;
    const text = (name: string) =>
      Array.from({ length: count }, (_, index) =>
        createHash('sha256').update(`${name}${index}`).digest('hex'),
      );
    const bytes = parquetOf({
      columnData: [
        { name: 'ballast', data: text('ballast'), type: 'STRING' },
        { name: 'email', data: Array.from({ length: count }, (_, n) => addressOf(`p${n}`)), type: 'STRING' },
        { name: 'more', data: text('more'), type: 'STRING' },
      ],
      rowGroupSize: 10_000,
    });
    await put('people.parquet', bytes);
    const proxy = await breakingProxy(server.endpoint);
    let left = 3;
    proxy.fate = (method, _, { range }) =>
      method === 'GET' && range !== undefined && left-- > 0 ? { resetAfter: 100 } : 'pass';
    const change: Partial<S3Source> = { path: 'people.parquet', format: 'Parquet', endpoint: proxy.endpoint };
    const { addresses, faults } = await read(change, ['readers']);
    expect(faults).toEqual({});
    expect(new Set(addresses[0]).size).toBe(count);
    const asked = proxy.reads.flatMap((line) => {
      const [, start, end] = /bytes=(\d+)-(\d+)/.exec(line) ?? [];
      return start === undefined ? [] : [Number(end) - Number(start) + 1];
    });
    expect(asked.length).toBeGreaterThan(5);
    expect(asked.reduce((sum, each) => sum + each, 0)).toBeLessThan(bytes.length / 2);
  });

  test('the program sends what lies there', async () => {
    const sandbox = await sandboxFor();
    const people = Array.from({ length: 1_000 }, (_, index) => `p${index}`);
    await put('program/readers.csv.gz', gzipSync(list(...people)));
    const { report, exitCode } = await runExporter({
      document: exportOf(sandbox.url, { source: { s3: sourceOf({ path: 'program/' }) } }),
      env: { SEGMENTEXPORT_SOURCE_CREDENTIALS_DIR: await mounted(keysOf(server)) },
    });
    expect(report?.segments).toMatchObject([{ reason: 'Succeeded', read: 1_000, uploaded: 1_000 }]);
    const age = Date.now() - (report?.segments?.[0]?.sourceWrittenAt ?? 0);
    expect(age).toBeLessThan(60_000);
    expect(exitCode).toBe(0);
    expect(sandbox.segments()).toMatchObject([{ digest: digestOf(people.map(addressOf)) }]);
  });
});

describe('nothing that the program writes tells a key or an address', () => {
  const canaries = [
    'canary-key-id',
    'canary+secret/9d41',
    'canary+session',
    'canary.person@example.com',
    'canary-people',
  ];

  test.each<[string, Record<string, string> | undefined, string]>([
    [
      'an access key that nobody knows',
      { accessKeyId: canaries[0] ?? '', secretAccessKey: canaries[1] ?? '' },
      'SourceCredentialsRefused',
    ],
    [
      'a secret key that is wrong',
      { accessKeyId: 'test-access-key', secretAccessKey: canaries[1] ?? '' },
      'SourceCredentialsRefused',
    ],
    [
      'a session that nobody knows',
      { accessKeyId: 'test-access-key', secretAccessKey: canaries[1] ?? '', sessionToken: canaries[2] ?? '' },
      'SourceCredentialsRefused',
    ],
    ['rows that are none', undefined, 'SourceNotCsv'],
  ])('%s', async (_what, keys, reason) => {
    const sandbox = await sandboxFor();
    await put('canary-people.csv', `email\n${canaries[3]}\n"${canaries[3]}`);
    const { endpoint, region, bucket } = server;
    const s3: S3Source = {
      endpoint,
      region,
      bucket,
      path: 'canary-people.csv',
      format: 'CSV',
      csv: { delimiter: 'Comma' },
    };
    const { output, reportText, report } = await runExporter({
      document: exportOf(sandbox.url, { source: { s3 } }),
      env: { SEGMENTEXPORT_SOURCE_CREDENTIALS_DIR: await mounted(keys ?? keysOf(server)) },
    });
    expect(report?.reason).toBe(reason);
    const written = (output + reportText).toLowerCase();
    expect(canaries.filter((canary) => written.includes(canary.toLowerCase()))).toEqual([]);
    expect(writes(sandbox)).toBe(0);
  });
});

test('without an endpoint it is AWS, whatever the environment says, and nothing of the machine is used', async () => {
  for (const name of ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3']) vi.stubEnv(name, 'http://127.0.0.1:1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'ambient');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'ambient');
  vi.stubEnv('AWS_SESSION_TOKEN', 'ambient');
  vi.stubEnv('AWS_PROFILE', 'ambient');
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const requests: string[] = [];
  const dispatcher = {
    request: async ({ origin, headers }: { origin: string; headers: Record<string, string> }) => {
      requests.push(`${origin} ${JSON.stringify(headers)}`);
      throw new Error('enough');
    },
  } as unknown as Dispatcher;
  const source: Partial<S3Source> = { region: 'eu-north-1' };
  const store = await storeOf({
    source: { ...source, endpoint: undefined as never },
    surroundings: { dispatcher },
  });
  expect(await faultOf(store.find('people.csv', never))).toEqual(['SourceUnavailable', {}]);
  expect(new Set(requests.map((request) => request.split(' ')[0]))).toEqual(
    new Set(['https://segments.s3.eu-north-1.amazonaws.com']),
  );
  expect(requests.join()).not.toContain('ambient');
});
