import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { RunReason } from '../../../api/reasons.ts';
import type { ReportDetails } from '../../../api/report.ts';
import type { Consent, PostgresqlSource } from '../../../api/rundocument.ts';
import { systemClock } from '../../../exporter/clock.ts';
import { Fault } from '../../../exporter/fault.ts';
import { postgresqlSource } from '../../../exporter/source/postgresql/source.ts';
import type { Row, SourceEvent } from '../../../exporter/source/source.ts';
import { surroundingsOf } from '../../../exporter/source/testkit.ts';
import { waitFor } from '../../cluster/wait.ts';
import { type PostgresqlServer, startPostgresql } from '../../support/postgresql.ts';
import { exportOf, runExporter, segmentOf, startExporter } from './program.ts';
import { digestOf, sandboxFor, writes } from './sandbox.ts';

let server: PostgresqlServer;
beforeAll(async () => {
  server = await startPostgresql();
});
afterAll(() => server.stop());

const canary = 'canary.pq7@example.com';

interface Asked extends Partial<PostgresqlSource> {
  fields?: string[];
  consent?: Consent;
  segments?: string[];
  /** Keys of the Secret. */
  credentials?: Record<string, string>;
  /** Content of ca.crt; default: the server's authority. */
  ca?: string;
  overdueMs?: number;
  connectMs?: number;
  at?: PostgresqlServer;
}

/** The events of a source, up to the fault that ends it. */
async function* read(asked: Asked, signal = new AbortController().signal): AsyncGenerator<SourceEvent, void> {
  const {
    fields = ['email'],
    consent,
    segments = ['readers'],
    credentials,
    ca,
    at = server,
    ...rest
  } = asked;
  const { overdueMs = 60_000, connectMs = 10_000, ...change } = rest;
  const { username, password, host, port, database } = at;
  const directories = await secrets(credentials ?? { username, password }, { 'ca.crt': ca ?? at.ca });
  const source = { host, port, database, hasOwnCa: true, statementTimeoutSeconds: 60, ...change };
  const surroundings = surroundingsOf('/does-not-exist', { ...directories, clock: systemClock });
  const patience = { connectMs, overdueMs };
  yield* postgresqlSource({ source, fields, consent, segments, surroundings, patience }).read(signal);
}

async function secrets(credentials: Record<string, string>, authorities: Record<string, string>) {
  const [credentialsDirectory = '', caDirectory = ''] = await Promise.all(
    [credentials, authorities].map(async (keys) => {
      const directory = await mkdtemp(join(tmpdir(), 'segmentexport-'));
      onTestFinished(() => rm(directory, { recursive: true, force: true }));
      for (const [key, value] of Object.entries(keys)) await writeFile(join(directory, key), value);
      return directory;
    }),
  );
  return { credentialsDirectory, caDirectory };
}

async function readAll(asked: Asked): Promise<{ rows: Row[]; events: SourceEvent[] }> {
  const rows: Row[] = [];
  const events: SourceEvent[] = [];
  for await (const event of read(asked)) {
    if (event.kind === 'rows') rows.push(...event.rows);
    else events.push(event);
  }
  return { rows, events };
}

async function addressesOf(asked: Asked): Promise<string[]> {
  const { rows } = await readAll(asked);
  return rows.flatMap(({ candidates }) => (candidates === 'misshapen' ? ['?'] : candidates[0]) ?? []);
}

async function faultOf(asked: Asked): Promise<{ reason: RunReason; details: ReportDetails | undefined }> {
  const error = await readAll(asked).catch((caught: unknown) => caught);
  if (!(error instanceof Fault)) throw new Error('it did not end by a fault', { cause: error });
  return { reason: error.reason, details: error.details };
}

/** What the reader's sessions are doing. */
async function statements(): Promise<string[]> {
  const rows = await server.query(
    "SELECT query FROM pg_stat_activity WHERE usename = $1 AND state <> 'idle' ORDER BY 1",
    [server.username],
  );
  return rows.map(({ query }) => String(query));
}

/** Statements of the server end a moment after its client is gone. */
async function nothingRuns(): Promise<void> {
  await waitFor(
    'the end of the statement',
    5_000,
    async () => (await statements()).length === 0 || undefined,
  );
}

describe('rows', () => {
  test('of a table, with its schema, its names as they are', async () => {
    await server.query(`
      CREATE SCHEMA "Mar keting";
      CREATE TABLE "Mar keting"."Peo""ple" ("E-Mail" text, x int);
      INSERT INTO "Mar keting"."Peo""ple" VALUES ('a@example.com', 1), (NULL, 2), ('', 3), ('b,"ø'||chr(10)||'x', 4);
      GRANT USAGE ON SCHEMA "Mar keting" TO reader;`);
    const { rows, events } = await readAll({ table: 'Mar keting.Peo"ple', fields: ['E-Mail'] });
    expect(rows).toEqual([
      { segment: 0, candidates: ['a@example.com'], hasConsent: true },
      { segment: 0, candidates: [''], hasConsent: true },
      { segment: 0, candidates: [''], hasConsent: true },
      { segment: 0, candidates: ['b,"ø\nx'], hasConsent: true },
    ]);
    expect(events).toEqual([{ kind: 'found', segment: 0 }]);
  });

  test.each([
    "SELECT 'a@example.com' AS email",
    "SELECT 'a@example.com' AS email;",
    "SELECT 'a@example.com' AS email ; \n;\n",
    "SELECT 'a@example.com' AS email -- of readers;",
    "-- readers\nSELECT 'a@example.com' AS email /* ; */",
    "WITH people AS (SELECT 'a@example.com'::varchar(50) AS email) SELECT * FROM people ORDER BY email;",
    "SELECT 1 AS x, 2 AS x, 'a@example.com' AS email",
    "VALUES ('a@example.com')",
  ])('of the query %j', async (query) => {
    const fields = query.startsWith('VALUES') ? ['column1'] : [' email '];
    expect(await addressesOf({ query, fields })).toEqual(['a@example.com']);
  });

  test('of several segments by a column, without those of others, with their times', async () => {
    await server.query(`
      CREATE TABLE tiers (email text, tier text, at timestamptz);
      INSERT INTO tiers VALUES
        ('a@example.com', 'gold', '2026-11-20T10:00:00+01'), ('b@example.com', ' gold ', '2026-11-21T10:00:00.5Z'),
        ('c@example.com', 'silver', 'infinity'), ('d@example.com', 'silver', '2026-10-01'),
        ('e@example.com', 'silver', NULL), ('f@example.com', 'silver', now() + interval '1 year'),
        ('g@example.com', 'other', now()), ('h@example.com', NULL, now()), ('i@example.com', 'tin:1', '-infinity');`);
    const { rows, events } = await readAll({
      table: 'tiers',
      segments: ['silver', 'gold', 'tin:1', 'nobody'],
      segmentField: 'tier',
      modifiedField: 'at',
    });
    expect(rows.map(({ segment, candidates }) => [segment, candidates[0]])).toEqual([
      [1, 'a@example.com'],
      [1, 'b@example.com'],
      [0, 'c@example.com'],
      [0, 'd@example.com'],
      [0, 'e@example.com'],
      [0, 'f@example.com'],
      [2, 'i@example.com'],
    ]);
    expect(events).toEqual([
      { kind: 'written', segment: 1, at: Date.parse('2026-11-21T10:00:00.500Z') },
      { kind: 'written', segment: 0, at: Date.parse('2026-10-01T00:00:00Z') },
    ]);
  });

  test.each(['date', 'timestamp', 'timestamptz'])('that tell when they were written, as %s', async (type) => {
    const query = `SELECT 'a@example.com' AS email, '2026-11-20'::${type} AS at`;
    expect((await readAll({ query, modifiedField: 'at' })).events).toContainEqual({
      kind: 'written',
      segment: 0,
      at: Date.parse('2026-11-20T00:00:00Z'),
    });
  });

  test.each([
    ['boolean', 'CASE n WHEN 1 THEN true WHEN 2 THEN false END', { isTrue: true as const }],
    ['int', 'CASE n WHEN 1 THEN 1 WHEN 2 THEN 0 END', { isTrue: true as const }],
    ['text', "CASE n WHEN 1 THEN ' YES' WHEN 2 THEN 'no' ELSE '' END", { equals: 'yes' }],
    ['numeric', 'CASE n WHEN 1 THEN 1.50 WHEN 2 THEN 2 END', { equals: '1.50' }],
    [
      'date',
      "CASE n WHEN 1 THEN date '2026-01-31' WHEN 2 THEN date '2026-02-01' END",
      { equals: '2026-01-31' },
    ],
    ['enum', "CASE n WHEN 1 THEN 'given' WHEN 2 THEN 'denied' END", { notEquals: 'denied' }],
  ])('whose consent is a %s: what is NULL or empty is none', async (type, value, rule) => {
    if (type === 'enum') await server.query("CREATE TYPE enum AS ENUM ('given', 'denied')");
    const query = `SELECT n::text AS email, (${value})::${type} AS ok FROM generate_series(1, 3) AS n`;
    const { rows } = await readAll({ query, consent: { field: 'ok', ...rule } });
    expect(rows.map(({ candidates, hasConsent }) => [candidates[0], hasConsent])).toEqual([
      ['1', true],
      ['2', false],
      ['3', false],
    ]);
  });

  test('with fallbacks, a column used twice, and the types that hold text', async () => {
    await server.query(`
      CREATE TYPE mood AS ENUM ('a@example.com');
      CREATE DOMAIN address AS varchar(99) CHECK (value LIKE '%@%');`);
    const query = `SELECT 'a@example.com'::mood AS a, 'b@example.com'::address AS b, 'c@example.com'::char(20) AS c,
      'd@example.com'::name AS d, true AS ok`;
    const { rows } = await readAll({
      query,
      fields: ['a', 'b', 'c', 'd', 'a'],
      consent: { field: 'a', equals: 'A@example.com' },
      segments: ['a@example.com'],
      segmentField: 'a',
    });
    const addresses = ['a@example.com', 'b@example.com', 'c@example.com', 'd@example.com', 'a@example.com'];
    expect(rows).toEqual([{ segment: 0, candidates: addresses, hasConsent: true }]);
  });

  test('of which one holds a document where an address is looked for', async () => {
    const query = `SELECT CASE n WHEN 2 THEN repeat('x', 5000000) ELSE 'a@example.com' END AS email
      FROM generate_series(1, 3) AS n`;
    const addresses = await addressesOf({ query });
    expect(addresses).toHaveLength(3);
    expect([addresses[0], addresses[2]]).toEqual(['a@example.com', 'a@example.com']);
    expect(addresses[1]?.length).toBeGreaterThan(1000);
  });

  test('where the role may read these columns alone', async () => {
    await server.query(`
      CREATE TABLE guarded (email text, diagnosis text);
      INSERT INTO guarded VALUES ('a@example.com', 'secret');
      REVOKE ALL ON guarded FROM reader;
      GRANT SELECT (email) ON guarded TO reader;`);
    expect(await addressesOf({ table: 'guarded' })).toEqual(['a@example.com']);
    expect(await faultOf({ table: 'guarded', fields: ['diagnosis'] })).toEqual({
      reason: 'SourceForbidden',
      details: { code: 'sqlstate-42501' },
    });
  });
});

const one = `SELECT '${canary}' AS email`;

describe('what is wrong', () => {
  test.each<[string, Asked, RunReason, ReportDetails | undefined]>([
    [
      'another password',
      { query: one, credentials: { username: 'reader', password: canary } },
      'SourceCredentialsRefused',
      { code: 'sqlstate-28p01' },
    ],
    [
      'an unknown role',
      { query: one, credentials: { username: 'who', password: canary } },
      'SourceCredentialsRefused',
      { code: 'sqlstate-28000' },
    ],
    ['no Secret', { query: one, credentials: {} }, 'SourceSecretMissing', undefined],
    [
      'a Secret without password',
      { query: one, credentials: { username: 'reader', password: '\n' } },
      'SourceSecretMissing',
      { key: 'password' },
    ],
    ['a Secret without authorities', { query: one, ca: '' }, 'SourceSecretMissing', { key: 'ca.crt' }],
    [
      'an unknown database',
      { query: one, database: 'nowhere' },
      'SourceNotFound',
      { code: 'sqlstate-3d000' },
    ],
    ['an unknown table', { table: 'nowhere' }, 'SourceNotFound', { code: 'sqlstate-42p01' }],
    [
      'an authority that it is not from',
      { query: one, hasOwnCa: false },
      'SourceTlsNotTrusted',
      { code: 'unable-to-verify-leaf-signature' },
    ],
    [
      'an authority that is damaged',
      { query: one, ca: '-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n' },
      'SourceTlsNotTrusted',
      { code: 'unable-to-verify-leaf-signature' },
    ],
    ['a missing column', { query: one, fields: ['email', 'mail'] }, 'FieldNotFound', { fieldIndex: 1 }],
    ['another case', { query: one, fields: ['Email'] }, 'FieldNotFound', { fieldIndex: 0 }],
    [
      'a missing consent column',
      { query: one, consent: { field: 'ok', notEquals: 'no' } },
      'ConsentFieldNotFound',
      undefined,
    ],
    ['a missing segment column', { query: one, segmentField: 'tier' }, 'SegmentFieldNotFound', undefined],
    ['a missing time column', { query: one, modifiedField: 'at' }, 'FieldNotFound', { column: 'Modified' }],
    ['several segments in one', { query: one, segments: ['a', 'b'] }, 'SegmentFieldMissing', undefined],
    ['a column that is there twice', { query: `${one}, 'b' AS email` }, 'FieldAmbiguous', { fieldIndex: 0 }],
    [
      'a consent column that is there twice',
      { query: `${one}, 1 AS ok, 2 AS ok`, consent: { field: 'ok', equals: '1' } },
      'FieldAmbiguous',
      { column: 'Consent' },
    ],
    [
      'an address of bytes',
      { query: "SELECT 'a@example.com'::bytea AS email" },
      'FieldNotText',
      { fieldIndex: 0, code: 'bytea' },
    ],
    [
      'an address of JSON',
      { query: `SELECT '"a"'::jsonb AS email` },
      'FieldNotText',
      { fieldIndex: 0, code: 'jsonb' },
    ],
    [
      'an address of a number',
      { query: 'SELECT 1 AS email' },
      'FieldNotText',
      { fieldIndex: 0, code: 'int4' },
    ],
    [
      'a list of addresses',
      { query: "SELECT array['a@example.com'] AS email" },
      'FieldNotText',
      { fieldIndex: 0 },
    ],
    [
      'a consent of JSON',
      { query: `${one}, '{}'::json AS ok`, consent: { field: 'ok', notEquals: 'no' } },
      'FieldNotText',
      { column: 'Consent', code: 'json' },
    ],
    [
      'a segment that is a row',
      { query: `SELECT p.email, p AS tier FROM (${one}) AS p`, segmentField: 'tier' },
      'FieldNotText',
      { column: 'Segment', code: 'record' },
    ],
    [
      'a time of text',
      { query: `${one}, 'today' AS at`, modifiedField: 'at' },
      'FieldNotText',
      { column: 'Modified', code: 'text' },
    ],
    ['nothing', { query: `SELECT * FROM (${one}) AS p WHERE false` }, 'SourceEmpty', undefined],
    ['a query that is none', { query: 'SELEKT' }, 'SourceQueryRefused', { code: 'sqlstate-42601' }],
    ['a query that is empty', { query: ' ;' }, 'SourceQueryRefused', { code: 'sqlstate-42601' }],
    [
      'a column that the query gets wrong',
      { query: 'SELECT mail AS email FROM pg_class' },
      'SourceQueryRefused',
      { code: 'sqlstate-42703' },
    ],
    ['a parameter', { query: 'SELECT $1::text AS email' }, 'SourceQueryRefused', { code: 'sqlstate-42p02' }],
    [
      'a value that cannot be read',
      { query: `SELECT '${canary}' AS email WHERE '${canary}'::text::int = 1` },
      'SourceQueryRefused',
      { code: 'sqlstate-22p02' },
    ],
    [
      'a statement that takes too long',
      { query: 'SELECT pg_sleep(60)::text AS email', statementTimeoutSeconds: 1 },
      'SourceTimedOut',
      { code: 'sqlstate-57014' },
    ],
    ['a NUL', { query: `${one}\0` }, 'SourceQueryRefused', undefined],
  ])('%s', async (_, asked, reason, details) => {
    const fault = await faultOf(asked);
    expect(fault.reason).toBe(reason);
    expect(fault.details).toEqual(details);
    expect(JSON.stringify(fault)).not.toContain('canary');
  });

  test('a table that the role may not read', async () => {
    await server.query('CREATE TABLE closed AS SELECT 1::text AS email; REVOKE ALL ON closed FROM reader');
    expect(await faultOf({ table: 'closed' })).toMatchObject({ reason: 'SourceForbidden' });
  });

  test('an unknown host', async () => {
    expect(await faultOf({ query: one, host: 'db.invalid' })).toMatchObject({ reason: 'SourceUnavailable' });
  });

  test('a server that is not there', async () => {
    const gone = createServer();
    await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
    const { port } = gone.address() as AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    expect(await faultOf({ query: one, port })).toEqual({
      reason: 'SourceUnavailable',
      details: { code: 'econnrefused' },
    });
  });

  test('a server that accepts and says nothing', async () => {
    const { port } = await deaf();
    expect(await faultOf({ query: one, port, connectMs: 200 })).toMatchObject({
      reason: 'SourceUnavailable',
    });
  });

  test('the same, and the run is to end', async () => {
    const { port, asked } = await deaf();
    const interruption = new AbortController();
    const next = read({ query: one, port }, interruption.signal).next();
    await asked;
    interruption.abort();
    await expect(next).rejects.toBe(interruption.signal.reason);
  });

  test('a server without TLS: nothing is told to it, least of all the password', async () => {
    await using plain = await startPostgresql({ tls: false });
    expect(await faultOf({ query: one, at: plain })).toEqual({
      reason: 'SourceTlsNotTrusted',
      details: { code: 'no-tls' },
    });
  });

  test('a certificate of another host', async () => {
    await using other = await startPostgresql({ alternativeNames: ['DNS:db.example.com'] });
    expect(await faultOf({ query: one, at: other })).toEqual({
      reason: 'SourceTlsNotTrusted',
      details: { code: 'err-tls-cert-altname-invalid' },
    });
  });
});

/** A server that takes connections and never answers; `asked` resolves when it has been asked for TLS. */
async function deaf(): Promise<{ port: number; asked: Promise<unknown> }> {
  const sockets = new Set<Socket>();
  const listener = createServer();
  const asked = new Promise((resolve) => {
    listener.on('connection', (socket) => {
      sockets.add(socket.on('error', () => undefined).once('data', resolve));
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    listener.close();
  });
  return { port: (listener.address() as AddressInfo).port, asked };
}

describe('it only reads', () => {
  beforeAll(() =>
    server.query(`
      CREATE TABLE victims (email text);
      INSERT INTO victims VALUES ('a@example.com');
      GRANT ALL ON victims TO reader;
      ALTER TABLE victims OWNER TO reader;
      CREATE SEQUENCE numbers;
      GRANT ALL ON numbers TO reader;
      CREATE FUNCTION erase() RETURNS text LANGUAGE sql AS $$ DELETE FROM victims RETURNING email $$;`),
  );

  // The role may write all of this: what holds it back is the session.
  test.each([
    ['a function that writes', 'SELECT erase() AS email', '25006'],
    [
      'a session that is told to write',
      "SELECT set_config('transaction_read_only', 'off', true) || erase() AS email",
      '25001',
    ],
    ['a sequence', "SELECT nextval('numbers')::text AS email", '25006'],
    ['a statement that writes', 'DELETE FROM victims RETURNING email', '42601'],
    ['the same within a query', 'WITH gone AS (DELETE FROM victims RETURNING *) SELECT * FROM gone', '0a000'],
    ['two statements', 'SELECT email FROM victims; DELETE FROM victims', '42601'],
    [
      'a bracket that ends early',
      'SELECT email FROM victims) AS source; COMMIT; DELETE FROM victims; SELECT * FROM (SELECT 1',
      '42601',
    ],
    [
      'a comment that hides the rest',
      'SELECT email FROM victims) AS source; DELETE FROM victims; /*',
      '42601',
    ],
  ])('%s', async (_, query, sqlstate) => {
    expect(await faultOf({ query })).toEqual({
      reason: 'SourceQueryRefused',
      details: { code: `sqlstate-${sqlstate}` },
    });
    expect(await server.query('SELECT email FROM victims')).toEqual([{ email: 'a@example.com' }]);
    expect(await server.query('SELECT is_called FROM numbers')).toEqual([{ is_called: false }]);
  });

  test.each([
    ['transaction_read_only', 'on'],
    ['transaction_isolation', 'repeatable read'],
    ['application_name', 'criteo-segment-export'],
    ['client_encoding', 'UTF8'],
    ['statement_timeout', '1min'],
    ['lock_timeout', '30s'],
    ['idle_in_transaction_session_timeout', '1min'],
    // A run that is killed leaves no statement behind that computes for nobody.
    ['client_connection_check_interval', '10s'],
  ])('its session has %s = %s', async (name, value) => {
    expect(await addressesOf({ query: `SELECT current_setting('${name}') AS email` })).toEqual([value]);
  });

  test('also where it comes by TLS, which the server sees', async () => {
    const query = 'SELECT version AS email FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl';
    expect(await addressesOf({ query })).toEqual(['TLSv1.3']);
  });
});

describe('in mid-stream', () => {
  /** A hundred thousand rows, the last of which is what is said. */
  const rowsThen = (end: string): string =>
    `SELECT CASE WHEN n < 100000 THEN n::text ELSE ${end} END AS email FROM generate_series(1, 100000) AS n`;

  /** Reads the first rows and more, does something, and returns how many came and what it ended by. */
  async function interrupted(
    asked: Asked,
    interrupt: () => Promise<void> = async () => undefined,
    signal?: AbortSignal,
  ): Promise<{ count: number; error: unknown }> {
    let count = 0;
    try {
      for await (const event of read(asked, signal)) {
        if (event.kind !== 'rows') continue;
        if (count === 0) await interrupt();
        count += event.rows.length;
      }
      return { count, error: undefined };
    } catch (error) {
      return { count, error };
    }
  }

  test('a value that cannot be read', async () => {
    const { count, error } = await interrupted({ query: rowsThen(`('${canary}' || n)::int::text`) });
    expect(count).toBeGreaterThan(1000);
    expect(error).toMatchObject({ reason: 'SourceQueryRefused', details: { code: 'sqlstate-22p02' } });
    expect(`${JSON.stringify(error)}${error instanceof Error ? error.stack : ''}`).not.toContain('canary');
  });

  test('the time runs out', async () => {
    const { count, error } = await interrupted({
      query: rowsThen('pg_sleep(60)::text'),
      statementTimeoutSeconds: 3,
    });
    expect(count).toBeGreaterThan(1000);
    expect(error).toMatchObject({ reason: 'SourceTimedOut', details: { code: 'sqlstate-57014' } });
  });

  test('an administrator ends the session', async () => {
    const { count, error } = await interrupted({ query: rowsThen('pg_sleep(60)::text') }, async () => {
      await server.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [
        server.username,
      ]);
    });
    expect(count).toBeLessThan(100_000);
    expect(error).toMatchObject({ reason: 'SourceUnavailable' });
  });

  test('the server is killed', async () => {
    await using other = await startPostgresql();
    const { error } = await interrupted({ query: rowsThen('pg_sleep(60)::text'), at: other }, other.stop);
    expect(error).toMatchObject({ reason: 'SourceUnavailable' });
  });

  test('the process of the session is killed', async () => {
    await using other = await startPostgresql();
    const { error } = await interrupted({ query: rowsThen('pg_sleep(60)::text'), at: other }, async () => {
      process.kill(await sessionOf(other), 'SIGKILL');
    });
    expect(error).toMatchObject({ reason: 'SourceUnavailable' });
  });

  test('the server falls silent', async () => {
    let pid = 0;
    onTestFinished(() => void process.kill(pid, 'SIGCONT'));
    const { error } = await interrupted(
      { query: rowsThen('pg_sleep(60)::text'), statementTimeoutSeconds: 2, overdueMs: 500 },
      async () => {
        pid = await sessionOf(server);
        process.kill(pid, 'SIGSTOP');
      },
    );
    expect(error).toMatchObject({ reason: 'SourceUnavailable' });
  });

  test('the run is to end: so does the statement', async () => {
    const interruption = new AbortController();
    const reading = interrupted(
      { query: 'SELECT pg_sleep(600)::text AS email' },
      undefined,
      interruption.signal,
    );
    await waitFor('the statement', 30_000, async () => (await statements()).length > 0 || undefined);
    interruption.abort();
    expect(await reading).toEqual({ count: 0, error: interruption.signal.reason });
    await nothingRuns();
  });

  test('nobody wants more of it: it is asked for no faster than it is read, and ends', async () => {
    for await (const event of read({ query: 'SELECT generate_series(1, 1000000000)::text AS email' })) {
      if (event.kind !== 'rows') continue;
      await waitFor('a server that waits for its client', 30_000, async () => {
        const [session] = await server.query(
          "SELECT 1 FROM pg_stat_activity WHERE usename = $1 AND wait_event = 'ClientWrite'",
          [server.username],
        );
        return session;
      });
      break;
    }
    await nothingRuns();
  });

  async function sessionOf({ query, username }: PostgresqlServer): Promise<number> {
    const [session] = await query('SELECT pid FROM pg_stat_activity WHERE usename = $1', [username]);
    return Number(session?.pid);
  }
});

describe('the program', () => {
  async function inputOf(url: string, change: Partial<PostgresqlSource>) {
    const { username, password, host, port, database, ca } = server;
    const { credentialsDirectory, caDirectory } = await secrets({ username, password }, { 'ca.crt': ca });
    const source = { host, port, database, hasOwnCa: true, statementTimeoutSeconds: 60, ...change };
    return {
      document: exportOf(url, {
        source: { postgresql: source },
        segments: [segmentOf('gold'), segmentOf('tin')],
      }),
      env: {
        SEGMENTEXPORT_SOURCE_CREDENTIALS_DIR: credentialsDirectory,
        SEGMENTEXPORT_SOURCE_CA_DIR: caDirectory,
      },
    };
  }

  test('sends what the database has', async () => {
    await server.query(`
      CREATE TABLE members (email text, tier text, changed_at timestamptz);
      INSERT INTO members SELECT 'P' || n || '@Example.com', CASE n % 3 WHEN 0 THEN 'tin' ELSE 'gold' END, '2026-11-20'
      FROM generate_series(1, 3000) AS n;`);
    const sandbox = await sandboxFor();
    const { report, exitCode } = await runExporter(
      await inputOf(sandbox.url, { table: 'members', segmentField: 'tier', modifiedField: 'changed_at' }),
    );
    expect(report?.segments).toMatchObject([
      {
        reason: 'Succeeded',
        read: 2000,
        uploaded: 2000,
        sourceWrittenAt: Date.parse('2026-11-20T00:00:00Z'),
      },
      { reason: 'Succeeded', read: 1000, uploaded: 1000 },
    ]);
    expect(exitCode).toBe(0);
    const tin = Array.from({ length: 1000 }, (_, index) => `p${3 * (index + 1)}@example.com`);
    expect(sandbox.segments().find(({ name }) => name === 'tin')).toMatchObject({ digest: digestOf(tin) });
  });

  test.each([
    ['a password that is refused', { table: 'members' }, { password: canary }, 'SourceCredentialsRefused'],
    [
      'a value that cannot be read',
      { query: `SELECT '${canary}'::text::int::text AS email, 'tin' AS tier` },
      {},
      'SourceQueryRefused',
    ],
    [
      'a query that cannot be parsed',
      { query: `SELECT '${canary}' AS email, FROM "${canary}"` },
      {},
      'SourceQueryRefused',
    ],
    ['a column of another name', { query: `SELECT 1 AS "${canary}", 'tin' AS tier` }, {}, 'FieldNotFound'],
    ['a notice', { query: 'SELECT notify_us() AS email, 1 AS tier' }, {}, 'SegmentsFailed'],
  ])('sends nothing and tells nothing of the database: %s', async (_, change, credentials, reason) => {
    await server.query(`CREATE OR REPLACE FUNCTION notify_us() RETURNS text LANGUAGE plpgsql AS
      $$ BEGIN RAISE WARNING '${canary}'; RETURN '${canary}'; END $$`);
    const sandbox = await sandboxFor();
    const { document, env } = await inputOf(sandbox.url, { segmentField: 'tier', ...change });
    for (const [key, value] of Object.entries(credentials)) {
      await writeFile(join(env.SEGMENTEXPORT_SOURCE_CREDENTIALS_DIR, key), value);
    }
    const { report, reportText, output } = await runExporter({ document, env });
    expect(report?.reason).toBe(reason);
    expect(output + reportText).not.toMatch(/canary|sqlstate-0/i);
    expect(writes(sandbox)).toBe(0);
  });

  test('told to end, leaves no statement behind', async () => {
    const sandbox = await sandboxFor();
    const query = 'SELECT pg_sleep(600)::text AS email, 1 AS tier';
    const { document, env } = await inputOf(sandbox.url, { query, segmentField: 'tier' });
    const program = await startExporter({ document, env });
    await waitFor('the statement', 30_000, async () => (await statements()).length > 0 || undefined);
    program.kill('SIGTERM');
    expect((await program.outcome).report?.reason).toBe('Interrupted');
    await nothingRuns();
  });
});
