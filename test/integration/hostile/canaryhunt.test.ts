import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '../../cluster/wait.ts';
import { type PostgresqlServer, startPostgresql } from '../../support/postgresql.ts';
import { type ObjectStore, startVersitygw } from '../../support/versitygw.ts';
import { conditionOf, csvOf, goodCredentials, now, type Shop, withLedger } from '../controller/shop.ts';
import { controllerNamespace, startWorld, type World } from '../controller/world.ts';
import { addressCanaries, type Canaries, everythingIn, found } from './hunt.ts';

/**
 * Runs that fail in every way that costs little, side by side in one namespace, each with something planted that it
 * may have been tempted to tell. Then all that the namespace, the logs and the metrics hold is searched.
 */

const address = 'canary.hunt7@private.example';
const secrets = {
  'client secret': 'canary-client-secret-771',
  'refused client secret': 'canary-client-secret-772',
  'S3 secret': 'canary-s3-secret-773',
  'database password': 'canary-db-password-774',
};
const canaries: Canaries = { ...addressCanaries(address, 'canary.h'), ...secrets };

let world: World;
let store: ObjectStore;
let database: PostgresqlServer;
let shop: Shop;
beforeAll(async () => {
  [world, store, database] = await Promise.all([
    startWorld(),
    startVersitygw({ bucket: 'people' }),
    startPostgresql(),
  ]);
  shop = await world.shop({
    clients: [
      {
        clientId: goodCredentials.clientId,
        clientSecret: secrets['client secret'],
        advertisers: [{ id: '12345', name: 'Sandbox advertiser' }],
      },
    ],
  });
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await Promise.all([store?.stop(), database?.stop()]);
});

/** Where canaries are, in everything that anybody but the exporter and its sources can read. */
async function hunt(): Promise<string[]> {
  const texts = await everythingIn(world.api, shop.namespace);
  expect(texts.size).toBeGreaterThan(20);
  for (const [place, text] of await everythingIn(world.api, controllerNamespace)) texts.set(place, text);
  texts.set('the logs', shop.logs);
  texts.set('the metrics', await metrics());
  return [...texts].flatMap(([place, text]) => found(text, canaries).map((name) => `${name} in ${place}`));
}

async function metrics(): Promise<string> {
  const texts = await Promise.all(shop.controllers.map((controller) => controller.metrics()));
  const text = texts.join('');
  expect(text).toContain('# TYPE');
  return text;
}

interface Run {
  /** Name of the export. */
  name: string;
  source: object;
  spec?: object;
  /** Of the run, or of its only segment. */
  reason: string;
  connection?: string;
}

function table(path: string): object {
  return { file: { persistentVolumeClaim: { claimName: 'data' }, path, segmentField: 'segment' } };
}

function bucket(path: string, secret = 'store'): object {
  const { endpoint, region, bucket: name } = store;
  return {
    s3: {
      endpoint,
      region,
      bucket: name,
      path,
      segmentField: 'segment',
      credentialsSecretRef: { name: secret },
    },
  };
}

function query(text: string, secret = 'database'): object {
  const { host, port, database: name } = database;
  const caSecretRef = { name: 'database-ca' };
  return {
    postgresql: {
      host,
      port,
      database: name,
      query: text,
      caSecretRef,
      credentialsSecretRef: { name: secret },
    },
  };
}

const runs = (): Run[] => [
  { name: 'success', source: table('good.csv'), reason: 'Succeeded' },
  { name: 'no-header', source: table('noheader.csv'), reason: 'FieldNotFound' },
  { name: 'open-quote', source: table('openquote.csv'), reason: 'SourceNotCsv' },
  { name: 'broken-addresses', source: table('broken.csv'), reason: 'TooManyRowFaults' },
  {
    name: 'no-consent-column',
    source: table('good.csv'),
    spec: { consent: { field: 'optIn', isTrue: true } },
    reason: 'ConsentFieldNotFound',
  },
  { name: 'store-success', source: bucket('good.csv'), reason: 'Succeeded' },
  { name: 'store-damaged', source: bucket('openquote.csv'), reason: 'SourceNotCsv' },
  { name: 'store-refused', source: bucket('good.csv', 'store-wrong'), reason: 'SourceCredentialsRefused' },
  { name: 'query-success', source: query('SELECT email FROM people'), reason: 'Succeeded' },
  {
    name: 'query-quotes-a-row',
    source: query('SELECT email::integer::text AS email FROM people'),
    reason: 'SourceQueryRefused',
  },
  {
    name: 'query-raises-a-row',
    source: query('SELECT tell(email) AS email FROM people'),
    reason: 'SourceQueryRefused',
  },
  { name: 'query-password', source: query('SELECT 1', 'database-wrong'), reason: 'SourceCredentialsRefused' },
];

async function putObjects(files: Readonly<Record<string, string>>): Promise<void> {
  const { endpoint, region, accessKeyId, secretAccessKey, bucket: name } = store;
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
  for (const [key, text] of Object.entries(files)) {
    await client.send(new PutObjectCommand({ Bucket: name, Key: key, Body: Buffer.from(text) }));
  }
  client.destroy();
}

async function furnish(): Promise<void> {
  const rows = csvOf([address, 'other@private.example']);
  const files: Record<string, string> = {
    'good.csv': rows,
    'noheader.csv': `${address},readers\n${address},readers\n`,
    'openquote.csv': `email,segment\n"${address},readers\n`,
    'broken.csv': csvOf(['canary.hunt7@@private.example']),
  };
  await shop.putClaim();
  await shop.putFiles(files);
  await putObjects(files);
  await database.query(`
    CREATE TABLE people (email text);
    INSERT INTO people VALUES ('${address}'), ('other@private.example');
    GRANT SELECT ON people TO ${database.username};
    CREATE FUNCTION tell(told text) RETURNS text LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'no %', told USING DETAIL = told, HINT = told; END $$;
  `);
  const keys = { accessKeyId: store.accessKeyId, secretAccessKey: store.secretAccessKey };
  const { username, password, ca } = database;
  const mounted: Record<string, Record<string, string>> = {
    store: keys,
    'store-wrong': { ...keys, secretAccessKey: secrets['S3 secret'] },
    database: { username, password },
    'database-wrong': { username, password: secrets['database password'] },
    'database-ca': { 'ca.crt': ca },
    'criteo-refused': { ...goodCredentials, clientSecret: secrets['refused client secret'] },
  };
  for (const [name, stringData] of Object.entries(mounted)) {
    await shop.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData });
  }
  await shop.putSecret({ ...goodCredentials, clientSecret: secrets['client secret'] });
}

test('the hunt finds what is planted for it, in an object, an event, a log and a metric', async () => {
  await shop.startController({
    flags: [
      '--leader-elect=false',
      '--log-level=debug',
      `--allowed-source-endpoint=${store.endpoint}`,
      `--allowed-source-endpoint=https://${database.host}:${database.port}`,
    ],
  });
  expect(await hunt()).toEqual([]);
  for (const [name, canary] of Object.entries(canaries)) {
    expect(found(`{"msg":"${canary.toUpperCase()}"}`, canaries)).toContain(name);
    expect(found(`metric{label="${encodeURIComponent(canary)}"} 1`, canaries)).toContain(name);
    for (const before of ['', 'x', 'xy']) {
      const text = Buffer.from(`${before}${canary} and more`).toString('base64');
      if (canary.length > 10) expect(found(text, canaries)).toContain(name);
    }
  }
  await shop.create(`/api/v1/namespaces/${shop.namespace}/configmaps`, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'planted', annotations: { note: address } },
  });
  expect(await hunt()).toContain(`address in /api/v1/namespaces/${shop.namespace}/configmaps`);
  await shop.delete('ConfigMap', 'planted');
  expect(await hunt()).toEqual([]);
});

test('after runs that succeed and fail in every way nothing tells an address, its digest or a secret', async () => {
  await furnish();
  await shop.apply(shop.connection(withLedger));
  await shop.apply(shop.connection({ credentialsSecretRef: { name: 'criteo-refused' } }, 'refused'));
  const s3 = { endpoint: store.endpoint, region: store.region, bucket: store.bucket };
  const ledger = { s3: { ...s3, credentialsSecretRef: { name: 'store-wrong' } } };
  await shop.apply(shop.connection({ ledger }, 'ledger-refused'));

  const all = runs();
  for (const [index, { name, source, spec = {} }] of all.entries()) {
    const segments = [{ name: 'readers', criteoName: `Readers ${index}` }];
    await shop.apply(shop.segmentExport({ source, segments, ...spec }, name));
  }
  for (const { name } of all) await shop.ready(name);
  for (const { name } of all) await shop.request(now(), name);
  for (const { name, reason } of all) {
    const { status } = await shop.untilRuns(1, name);
    const reasons = [status?.lastRun?.reason, ...(status?.segments ?? []).map((segment) => segment.reason)];
    expect(reasons, `${name}: ${status?.lastRun?.message}`).toContain(reason);
  }

  // The guard stops what would remove half; then Criteo quotes what it was sent, and refuses it.
  const again = async (addresses: string[]): Promise<(string | undefined)[]> => {
    await shop.putFiles({ 'good.csv': csvOf(addresses) });
    const { status } = await shop.runOnce('success');
    return (status?.segments ?? []).map(({ reason }) => reason);
  };
  expect(await again([address, 'third@private.example'])).toEqual(['RemovalGuard']);
  const said = { type: 'x', code: address, title: address, detail: `${address} ${secrets['client secret']}` };
  const body = JSON.stringify({ errors: [said] });
  shop.sandbox.addFault({ kind: 'raw', operation: 'add', status: 400, body, times: 'always' });
  expect(await again([address, 'other@private.example', 'third@private.example'])).toEqual(['CriteoRefused']);

  for (const name of ['refused', 'ledger-refused']) {
    // Ready is False while it is being checked, too.
    await waitFor(`the end of the check of ${name}`, 60_000, async () => {
      const ready = conditionOf(await shop.getConnection(name), 'Ready');
      expect(ready?.status, name).toBe('False');
      expect(ready?.reason, name).toMatch(/Refused|Forbidden|NotUsable/);
      return true;
    });
  }
  expect(await hunt()).toEqual([]);
  // It hunted where there was something to find.
  expect(shop.logs.match(/run ends/g)?.length).toBeGreaterThan(all.length);
  expect(await metrics()).toContain('criteosegmentexport');
});
