import { startPostgresql } from '../../support/postgresql.ts';
import { readList } from './people.ts';
import type { Serving } from './served.ts';

/** The list as a table. */
export async function servePostgresql(host: string): Promise<Serving> {
  const server = await startPostgresql({ host });
  await server.query(
    'CREATE TABLE people (customer_id text, email text, segment text, updated_at timestamptz)',
  );
  await server.query(
    `INSERT INTO people
     SELECT customer_id, email, segment, now() FROM json_to_recordset($1) AS row(customer_id text, email text, segment text)`,
    [JSON.stringify(await readList())],
  );
  const { port, database, username, password, ca } = server;
  return {
    spec: {
      source: {
        postgresql: {
          host,
          port,
          database,
          query: 'SELECT email, segment, updated_at FROM people',
          segmentField: 'segment',
          modifiedField: 'updated_at',
          credentialsSecretRef: { name: 'warehouse-reader' },
          caSecretRef: { name: 'warehouse-ca' },
        },
      },
      maxSourceAgeSeconds: 86_400,
    },
    secrets: { 'warehouse-reader': { username, password }, 'warehouse-ca': { 'ca.crt': ca } },
    says: `PostgreSQL at ${host}:${port} has the list as the table people, and a role that may read it`,
    stop: () => server.stop(),
  };
}
