import { createReadStream } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { RunSource, TableFiles, TableFormat } from '../api/rundocument.ts';
import { startAzurite } from '../test/support/azurite.ts';
import { NodeChild } from '../test/support/childprocess.ts';
import { startPostgresql } from '../test/support/postgresql.ts';
import { startVersitygw } from '../test/support/versitygw.ts';
import { type ListForm, listAs } from './lists.ts';
import { header, type People } from './people.ts';

/** Where the same list is read from, and what the reader is told. */
export interface Place extends AsyncDisposable {
  source: RunSource;
  /** The column with the address. */
  field: string;
  /** What is mounted as the source's volume, its Secret and its authorities. */
  directory?: string;
  credentialsDirectory?: string;
  caDirectory?: string;
}

const files: Record<string, { form: ListForm; format: TableFormat }> = {
  csv: { form: 'csv', format: 'CSV' },
  'csv-gzip': { form: 'csv.gz', format: 'CSV' },
  ndjson: { form: 'ndjson', format: 'NDJSON' },
  parquet: { form: 'parquet', format: 'Parquet' },
};

const servers: Record<string, (people: People, directory: string) => Promise<Place>> = {
  s3: s3Place,
  azureBlob: azurePlace,
  postgresql: postgresqlPlace,
  customerInsights: insightsPlace,
};

export const placeNames: readonly string[] = [...Object.keys(files), ...Object.keys(servers)];

/** Puts the list there, with a server of its own where one is needed. */
export async function preparePlace(name: string, people: People, directory: string): Promise<Place> {
  const server = servers[name];
  if (server) {
    const own = await mkdtemp(join(directory, `${name}-`));
    return await server(people, own);
  }
  const file = files[name];
  if (!file) throw new RangeError(`no place ${name}`);
  const path = await listAs(people, file.form);
  return {
    source: { file: tableFiles(basename(path), file.format) },
    field: 'email',
    directory: dirname(path),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

function tableFiles(path: string, format: TableFormat): TableFiles {
  return { path, format, csv: { delimiter: 'Comma' } };
}

async function secret(directory: string, keys: Readonly<Record<string, string>>): Promise<string> {
  for (const [key, value] of Object.entries(keys))
    await writeFile(join(directory, key), value, { mode: 0o600 });
  return directory;
}

async function s3Place({ path }: People, directory: string): Promise<Place> {
  const store = await startVersitygw({ bucket: 'people' });
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = store;
  const keys = { accessKeyId, secretAccessKey };
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: { ...keys } });
  const ContentLength = (await stat(path)).size;
  await client.send(
    new PutObjectCommand({ Bucket: bucket, Key: 'people.csv', Body: createReadStream(path), ContentLength }),
  );
  client.destroy();
  return {
    source: { s3: { endpoint, region, bucket, ...tableFiles('people.csv', 'CSV') } },
    field: 'email',
    credentialsDirectory: await secret(directory, keys),
    [Symbol.asyncDispose]: () => store.stop(),
  };
}

async function azurePlace({ path }: People, directory: string): Promise<Place> {
  const store = await startAzurite();
  await store.put('people.csv', await readFile(path));
  const { endpoint, container, accountKey } = store;
  return {
    source: {
      azureBlob: {
        endpoint,
        container,
        ...tableFiles('people.csv', 'CSV'),
        layout: 'Files',
        settleSeconds: 1800,
        authorityHost: 'https://login.microsoftonline.com',
      },
    },
    field: 'email',
    credentialsDirectory: await secret(directory, { accountKey }),
    [Symbol.asyncDispose]: () => store.stop(),
  };
}

async function postgresqlPlace({ path }: People, directory: string): Promise<Place> {
  const server = await startPostgresql();
  // The server runs as another user, who cannot read the cache.
  const readable = await mkdtemp(join(tmpdir(), 'segmentexport-bench-list-'));
  try {
    await chmod(readable, 0o755);
    const copy = join(readable, 'people.csv');
    await copyFile(path, copy);
    await chmod(copy, 0o644);
    const columns = header.split(',').map((name) => `${name} text`);
    await server.query(`CREATE TABLE people (${columns.join(', ')})`);
    await server.query(`COPY people FROM '${copy}' WITH (FORMAT csv, HEADER)`);
    await server.query('VACUUM ANALYZE people');
  } finally {
    await rm(readable, { recursive: true, force: true });
  }
  const { host, port, database, ca, username, password } = server;
  const caDirectory = join(directory, 'ca');
  await mkdir(caDirectory);
  await writeFile(join(caDirectory, 'ca.crt'), ca);
  return {
    source: {
      postgresql: { host, port, database, table: 'people', hasOwnCa: true, statementTimeoutSeconds: 600 },
    },
    field: 'email',
    credentialsDirectory: await secret(directory, { username, password }),
    caDirectory,
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

/** Made-up members with as many columns, in a process of its own. */
async function insightsPlace({ count }: People, directory: string): Promise<Place> {
  const child = new NodeChild(join(import.meta.dirname, '../test/dataverse/main.ts'), [], {});
  await child.said(/http:\/\/[0-9.]+:[0-9]+/);
  const url = /http:\/\/[0-9.]+:[0-9]+/.exec(child.output)?.[0] ?? '';
  const columns = {
    msdynci_email: 'member.{n}@example.com',
    msdynci_firstname: 'Ada',
    msdynci_lastname: 'Lund {n}',
    msdynci_city: 'Oslo',
    msdynci_country: 'NO',
  };
  const reply = await fetch(`${url}/sandbox/people/make-up`, {
    method: 'POST',
    body: JSON.stringify({ count, segments: ['people'], columns }),
  });
  if (!reply.ok) throw new Error(`the sandbox answered ${reply.status}`);
  // The limit of 6000 requests in five minutes is a matter of waiting, not of work.
  await fetch(`${url}/sandbox/behaviour`, {
    method: 'PATCH',
    body: JSON.stringify({ requestsPerWindow: 0 }),
  });
  return {
    source: {
      customerInsights: {
        environmentUrl: url,
        tenantId: '5d5bbae6-0000-4000-8000-00000000c0de',
        authorityHost: url,
        profileTable: 'msdynci_customerprofile',
        profileKeyField: 'msdynci_customerid',
        membershipType: 'Customer',
        modifiedFrom: 'Memberships',
        parallelScans: 4,
      },
    },
    field: 'msdynci_email',
    credentialsDirectory: await secret(directory, {
      clientId: '0a991d00-0000-4000-8000-000000000001',
      clientSecret: 'dataverse-secret',
    }),
    [Symbol.asyncDispose]: async () => {
      child.signal('SIGTERM');
      await child.ended;
    },
  };
}
