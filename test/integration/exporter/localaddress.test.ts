import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { exitCodes } from '../../../api/reasons.ts';
import type { ExportRun, RunSource } from '../../../api/rundocument.ts';
import { type ObjectStore, startVersitygw } from '../../support/versitygw.ts';
import { exportOf, type Outcome, runExporter } from './program.ts';
import { sandboxFor } from './sandbox.ts';
import { mounted } from './storekit.ts';

let store: ObjectStore;
beforeAll(async () => {
  store = await startVersitygw({ bucket: 'segments' });
  const { endpoint, region, accessKeyId, secretAccessKey } = store;
  const credentials = { accessKeyId, secretAccessKey };
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials });
  const Body = 'email\nanna@example.com\n';
  await client.send(new PutObjectCommand({ Bucket: store.bucket, Key: people.path, Body }));
  client.destroy();
});
afterAll(() => store.stop());

const uuid = '11111111-2222-4333-8444-555555555555';
const people = { path: 'people.csv', format: 'CSV', csv: { delimiter: 'Comma' } } as const;

function s3At(endpoint: string): RunSource {
  return { s3: { endpoint, region: store.region, bucket: store.bucket, ...people } };
}

function azureAt(endpoint: string): RunSource {
  const authorityHost = 'https://login.microsoftonline.com';
  return {
    azureBlob: { endpoint, container: 'lists', layout: 'Files', settleSeconds: 0, authorityHost, ...people },
  };
}

function insightsAt(url: string): RunSource {
  return {
    customerInsights: {
      environmentUrl: url,
      tenantId: uuid,
      authorityHost: url,
      profileTable: 'msdynci_customerprofile',
      profileKeyField: 'msdynci_customerid',
      membershipType: 'Customer',
      modifiedFrom: 'Memberships',
      parallelScans: 1,
    },
  };
}

function postgresqlAt(url: string): RunSource {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const table = { database: 'crm', table: 'people', hasOwnCa: false, statementTimeoutSeconds: 60 };
  return { postgresql: { host, port: Number(port || 5432), ...table } };
}

const sources = { s3: s3At, azureBlob: azureAt, customerInsights: insightsAt, postgresql: postgresqlAt };
type Kind = keyof typeof sources;

interface Listener {
  port: number;
  connections: number;
}

const unavailable: RequestListener = (_, response) => response.writeHead(503).end();

async function bind(server: Server, address: string): Promise<void> {
  server.listen(0, address);
  await once(server, 'listening');
}

/** What stands on a port of this machine, by IPv4 and IPv6, and how often anybody came. */
async function listen(answer: RequestListener = unavailable): Promise<Listener> {
  const listener: Listener = { port: 0, connections: 0 };
  const server = createServer(answer);
  server.on('connection', () => {
    listener.connections++;
  });
  await bind(server, '::').catch((error: NodeJS.ErrnoException) => {
    // A machine without IPv6.
    if (!['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(error.code ?? '')) throw error;
    return bind(server, '0.0.0.0');
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  listener.port = (server.address() as AddressInfo).port;
  return listener;
}

async function run(
  source: RunSource,
  { allow = false, env = {} }: { allow?: boolean; env?: Record<string, string> } = {},
): Promise<Outcome & { sent: number }> {
  const sandbox = await sandboxFor();
  const { allowLocalSource: _, ...document }: ExportRun = exportOf(sandbox.url, { source });
  const { accessKeyId, secretAccessKey } = store;
  const keys = {
    accessKeyId,
    secretAccessKey,
    sasToken: 'sv=2026-01-01&sig=x',
    clientId: uuid,
    clientSecret: 'x',
    username: 'x',
    password: 'x',
  };
  const outcome = await runExporter({
    document: allow ? { ...document, allowLocalSource: true } : document,
    env: { SEGMENTEXPORT_SOURCE_CREDENTIALS_DIR: await mounted(keys), ...env },
  });
  return { ...outcome, sent: sandbox.segments().length };
}

const refused = { reason: 'SourceForbidden', details: { code: 'local-address' } };

describe('a source that leads to the pod itself or to a metadata service is refused, and nothing connects there', () => {
  test.each<[Kind, string]>([
    ['s3', 'http://127.0.0.1:PORT'],
    ['s3', 'http://localhost:PORT'],
    ['s3', 'http://[::1]:PORT'],
    ['s3', 'http://[::ffff:127.0.0.1]:PORT'],
    ['s3', 'http://0x7f.1:PORT'],
    ['s3', 'http://0.0.0.0:PORT'],
    ['s3', 'http://169.254.169.254'],
    ['azureBlob', 'http://127.0.0.1:PORT/account'],
    ['azureBlob', 'http://localhost:PORT/account'],
    ['customerInsights', 'http://127.0.0.1:PORT'],
    ['customerInsights', 'http://localhost:PORT'],
    ['postgresql', 'http://127.0.0.1:PORT'],
    ['postgresql', 'http://localhost:PORT'],
    ['postgresql', 'http://[::1]:PORT'],
    ['postgresql', 'http://169.254.169.254'],
  ])('%s: %s', async (kind, url) => {
    const listener = await listen();
    const { report, exitCode, sent } = await run(sources[kind](url.replace('PORT', String(listener.port))));
    expect(report).toMatchObject(refused);
    expect(exitCode).toBe(exitCodes.user);
    expect(listener.connections).toBe(0);
    expect(sent).toBe(0);
  });
});

test('an address of this kind is not asked of a proxy either; the proxy itself may be one', async () => {
  const proxy = await listen();
  const env = {
    HTTP_PROXY: `http://127.0.0.1:${proxy.port}`,
    NO_PROXY: '127.0.0.1',
  };
  // Criteo's sandbox is on this machine too, and is no source.
  const local = await run(s3At('http://169.254.169.254'), { env });
  expect(local.report).toMatchObject(refused);
  expect(proxy.connections).toBe(0);
  const other = await run(s3At('http://store.example'), { env });
  expect(other.report?.reason).toBe('SourceUnavailable');
  expect(proxy.connections).toBeGreaterThan(0);
});

test('whoever runs the controller may allow it', async () => {
  const { report, sent } = await run(s3At(store.endpoint), { allow: true });
  expect(report?.reason).toBe('Succeeded');
  expect(sent).toBe(1);
});

test('what is allowed is connected to: these would be counted', async () => {
  const listener = await listen();
  const { report } = await run(postgresqlAt(`http://localhost:${listener.port}`), { allow: true });
  expect(report?.reason).not.toBe('SourceForbidden');
  expect(listener.connections).toBeGreaterThan(0);
});

test.each<Kind>(['s3', 'azureBlob', 'customerInsights'])(
  '%s follows no redirect to anywhere',
  async (kind) => {
    const elsewhere = await listen();
    const location = `http://127.0.0.1:${elsewhere.port}/`;
    const server = await listen((_, response) => response.writeHead(307, { location }).end());
    const { report } = await run(sources[kind](`http://127.0.0.1:${server.port}`), { allow: true });
    expect(report?.reason).toMatch(/^Source(ReplyInvalid|NotFound)$/);
    expect(server.connections).toBeGreaterThan(0);
    expect(elsewhere.connections).toBe(0);
  },
);
