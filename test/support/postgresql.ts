import { chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { aptGet } from '../cluster/apt.ts';
import { createCertificates } from '../cluster/certificates.ts';
import { withLock } from '../cluster/lock.ts';
import { cacheDirectory } from '../cluster/paths.ts';
import { freePort } from '../cluster/ports.ts';
import { run } from '../cluster/run.ts';
import { GaveUp } from '../cluster/wait.ts';
import { ServerProcess } from './serverprocess.ts';

const parent = '/usr/lib/postgresql';
const username = 'reader';
const password = 'reader+secret/7c';
const database = 'warehouse';

export interface PostgresqlOptions {
  /** Address on which it listens; default: 127.0.0.1. */
  host?: string;
  /** What its certificate is for; default: localhost and the host. */
  alternativeNames?: readonly string[];
  /** Default: true. Without it, connections are as they come. */
  tls?: boolean;
  log?: (line: string) => void;
}

/** A server with an empty database, and a role that may read the tables that `query` makes. */
export interface PostgresqlServer extends AsyncDisposable {
  host: string;
  port: number;
  database: string;
  /** Certificate of the authority of its own, in PEM. */
  ca: string;
  username: string;
  password: string;
  /** As the superuser, several statements at once where there are no values. Returns the rows of the last. */
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

/** Starts one with a fresh data directory; it ends with this process at the latest. */
export async function startPostgresql(options: PostgresqlOptions = {}): Promise<PostgresqlServer> {
  const { host = '127.0.0.1', tls = true, log = console.log } = options;
  const programs = await postgresqlPrograms(log);
  const owner = await serverOwner();
  const root = await mkdtemp(join(tmpdir(), 'segmentexport-pg-'));
  try {
    const { alternativeNames = ['DNS:localhost', `IP:${host}`] } = options;
    await createCertificates(root, [{ name: 'server', commonName: 'postgresql', alternativeNames }]);
    if (owner) for (const name of ['', 'server.crt', 'server.key']) await chown(join(root, name), ...owner);
    const data = join(root, 'data');
    const initialise = ['--no-sync', '--encoding=UTF8', '--locale=C', '--auth=trust', '--username=postgres'];
    const initdb = [join(programs, 'initdb'), ...initialise, '-D', data];
    await run('setpriv', [...identityOf(owner), '--', ...initdb], { cwd: root });
    // The superuser comes by the socket, which lies in a directory of the server's own.
    const access = `local all all trust\n${tls ? 'hostssl' : 'host'} all ${username} 0.0.0.0/0 scram-sha-256\n`;
    await writeFile(join(data, 'pg_hba.conf'), access);
    for (let attempt = 1; ; attempt++) {
      const server = new Server(programs, owner, root, host, await freePort(host), tls);
      try {
        await server.ready();
      } catch (error) {
        await server.end();
        // Somebody else may have taken the port since we looked.
        if (attempt < 5 && error instanceof GaveUp) continue;
        throw error;
      }
      return await furnished(server, root);
    }
  } catch (error) {
    await rm(root, { recursive: true, force: true });
    throw error;
  }
}

async function furnished(server: Server, root: string): Promise<PostgresqlServer> {
  await server.query('postgres', `CREATE DATABASE ${database}`);
  await server.query(
    database,
    `CREATE ROLE ${username} LOGIN PASSWORD '${password}';
     REVOKE CREATE ON SCHEMA public FROM public;
     ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO ${username};`,
  );
  const stop = async (): Promise<void> => {
    await server.end();
    await rm(root, { recursive: true, force: true });
  };
  return {
    host: server.host,
    port: server.port,
    database,
    ca: await readFile(join(root, 'ca.crt'), 'utf8'),
    username,
    password,
    query: (text, values) => server.query(database, text, values),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

class Server {
  readonly host: string;
  readonly port: number;
  readonly #root: string;
  readonly #process: ServerProcess;

  constructor(
    programs: string,
    owner: Owner | undefined,
    root: string,
    host: string,
    port: number,
    tls: boolean,
  ) {
    this.host = host;
    this.port = port;
    this.#root = root;
    const settings = {
      listen_addresses: host,
      port,
      unix_socket_directories: root,
      ssl: tls ? 'on' : 'off',
      ssl_cert_file: join(root, 'server.crt'),
      ssl_key_file: join(root, 'server.key'),
      // What is lost when it is killed, is lost with the tests. Nothing of it outside of its directory.
      fsync: 'off',
      full_page_writes: 'off',
      synchronous_commit: 'off',
      dynamic_shared_memory_type: 'mmap',
      max_wal_size: '4GB',
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    this.#process = new ServerProcess({
      name: 'PostgreSQL',
      command: [join(programs, 'postgres'), '-D', join(root, 'data'), ...flags],
      cwd: root,
      identity: identityOf(owner),
      // Unlike a kill it leaves no shared memory behind.
      endsBy: 'SIGQUIT',
    });
  }

  async ready(): Promise<void> {
    await this.#process.answering(30_000, () => this.query('postgres', 'SELECT 1'));
  }

  async query(name: string, text: string, values?: unknown[]): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ host: this.#root, port: this.port, user: 'postgres', database: name });
    // A server that is ended in a test is told by the query alone.
    client.on('error', () => undefined);
    await client.connect();
    try {
      const result: pg.QueryResult | pg.QueryResult[] = await client.query(text, values);
      return (Array.isArray(result) ? result.at(-1) : result)?.rows ?? [];
    } finally {
      await client.end();
    }
  }

  async end(): Promise<void> {
    await this.#process.end();
  }
}

/** Numbers of the user and the group. */
type Owner = [number, number];

/** Whom the server runs as, where root runs the tests: it refuses to be root. */
async function serverOwner(): Promise<Owner | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const known = await readFile('/etc/passwd', 'utf8');
  const entry = /^postgres:[^:]*:(\d+):(\d+):/m.exec(known) ?? /^nobody:[^:]*:(\d+):(\d+):/m.exec(known);
  if (!entry) throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody.');
  return [Number(entry[1]), Number(entry[2])];
}

/** As setpriv takes it. */
function identityOf(owner: Owner | undefined): string[] {
  return owner ? ['--reuid', `${owner[0]}`, '--regid', `${owner[1]}`, '--clear-groups'] : [];
}

/** The directory of the programs of the newest version; Debian's package is installed where there is none. */
export async function postgresqlPrograms(log: (line: string) => void): Promise<string> {
  // Test files run at once, and apt-get waits for nobody.
  const found = (await newest()) ?? (await withLock(join(cacheDirectory(), 'apt.lock'), () => install(log)));
  return join(parent, found, 'bin');
}

async function newest(): Promise<string | undefined> {
  const versions = await readdir(parent).catch((): string[] => []);
  const complete = [];
  for (const version of versions) {
    const programs = await readdir(join(parent, version, 'bin')).catch((): string[] => []);
    if (programs.includes('postgres') && programs.includes('initdb')) complete.push(version);
  }
  return complete.sort((a, b) => Number(b) - Number(a))[0];
}

async function install(log: (line: string) => void): Promise<string> {
  const already = await newest();
  if (already) return already;
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  if (process.getuid?.() !== 0 || !/^ID(_LIKE)?=.*(debian|ubuntu)/m.test(release)) {
    throw new Error(`PostgreSQL is missing: install its server, on Debian or Ubuntu the package postgresql.`);
  }
  log('Installing the Debian package postgresql, without a cluster of its own');
  const directory = '/etc/postgresql-common/createcluster.d';
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'no-main-cluster.conf'), 'create_main_cluster = false\n');
  await aptGet(['update']);
  await aptGet(['install', '-y', '--no-install-recommends', 'postgresql']);
  const found = await newest();
  if (!found) throw new Error(`The package postgresql left no server in ${parent}.`);
  return found;
}
