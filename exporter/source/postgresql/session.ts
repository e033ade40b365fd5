import { isIP, type LookupFunction, Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';
import copyStreams from 'pg-copy-streams';
import { Fault } from '../../fault.ts';
import { guardedLookup, refuseLocal } from '../../network/guard.ts';
import { type BackendKey, cancelStatement, type Server } from './cancel.ts';
import type { Column } from './columns.ts';
import { databaseFault } from './faults.ts';

export interface SessionOptions {
  host: string;
  port: number;
  database: string;
  username: string;
  password: string;
  /** In PEM; undefined: Node's own. */
  ca: string | undefined;
  statementTimeoutSeconds: number;
  /** The server is not on the pod itself or its node's link. */
  refusesLocal: boolean;
  patience: Patience;
  signal: AbortSignal;
}

export interface Patience {
  /** Until the session is there. */
  connectMs: number;
  /** A server that has not ended the statement so long after its timeout is not there any more. */
  overdueMs: number;
}

/** How long it waits where another session changes the table's definition. */
const lockTimeoutMs = 30_000;
const idleTimeoutMs = 60_000;
/** A server that computes looks so often whether we are still there: a run that was killed leaves no statement behind. */
const checkClientMs = 10_000;
const keepAliveMs = 30_000;

/**
 * A session with the server: over TLS that is always verified, and all in one read-only transaction that is
 * never committed. Disposing of it ends its statement on the server too.
 */
export class Session implements AsyncDisposable {
  readonly #client: pg.Client;
  readonly #socket: Socket;
  readonly #server: Server;
  readonly #signal: AbortSignal;
  readonly #stop = (): void => this.#end();
  #key: BackendKey | undefined;
  #lacksTls = false;
  /** A statement is under way. */
  #isBusy = false;
  #cancelling: Promise<void> | undefined;
  #overdue: NodeJS.Timeout | undefined;

  /**
   * @throws Fault of SQLSTATE or of the connection (see faults.ts), SourceTlsNotTrusted with the code no-tls where
   * the server has none; SourceForbidden with the code local-address; the signal's reason.
   */
  static async open(options: SessionOptions): Promise<Session> {
    if (options.refusesLocal) refuseLocal(options.host);
    const session = new Session(options);
    try {
      await session.#begin(options);
      return session;
    } catch (error) {
      await session[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(options: SessionOptions) {
    const { host, port, database, username, password, ca, refusesLocal, patience, signal } = options;
    const lookup = refusesLocal ? guardedLookup : undefined;
    this.#socket = lookup ? new LookingUp(lookup) : new Socket();
    const tls: ConnectionOptions = { host, rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) };
    // An address is no name that a client may ask for.
    if (isIP(host) === 0) tls.servername = host;
    this.#server = { host, port, tls, lookup };
    this.#signal = signal;
    this.#client = new pg.Client({
      host,
      port,
      database,
      user: username,
      password,
      ssl: tls,
      sslnegotiation: 'postgres',
      stream: () => this.#socket,
      keepAlive: true,
      keepAliveInitialDelayMillis: keepAliveMs,
      connectionTimeoutMillis: patience.connectMs,
      application_name: 'criteo-segment-export',
    });
    // Whatever is under way is told too, and nothing else is of interest.
    this.#client.on('error', () => undefined);
    this.#client.connection.once('backendKeyData', (key: BackendKey) => {
      this.#key = key;
    });
    // The first byte is the answer to the question whether it has TLS.
    this.#socket.once('data', (answer: Buffer) => {
      this.#lacksTls = answer.toString('latin1', 0, 1) === 'N';
    });
  }

  async #begin({ statementTimeoutSeconds, patience }: SessionOptions): Promise<void> {
    const statementTimeoutMs = statementTimeoutSeconds * 1000;
    this.#signal.throwIfAborted();
    this.#signal.addEventListener('abort', this.#stop);
    await this.#told(this.#client.connect());
    this.#overdue = setTimeout(this.#stop, statementTimeoutMs + patience.overdueMs);
    // Not when the session is asked for, because a pooler refuses that, nor for the whole session, because a pooler
    // gives it to others afterwards: nothing runs outside of this transaction. REPEATABLE READ also where the default
    // is SERIALIZABLE, which a replica refuses. The last setting is refused where the server runs on another system.
    await this.#query(
      `BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
       SET LOCAL statement_timeout = ${statementTimeoutMs};
       SET LOCAL lock_timeout = ${lockTimeoutMs};
       SET LOCAL idle_in_transaction_session_timeout = ${idleTimeoutMs};
       SELECT set_config(name, '${checkClientMs}', true) FROM pg_catalog.pg_settings
       WHERE name = 'client_connection_check_interval' AND version() LIKE '%linux%';`,
    );
  }

  /**
   * The columns of a statement, which is not run.
   * @throws Fault as `open`; SourceQueryRefused also where the text is more than one statement.
   */
  async describe(text: string): Promise<Column[]> {
    return await this.#told(
      new Promise((resolve, reject) => {
        this.#client.query(new Description(text, resolve, reject));
      }),
    );
  }

  /** One statement's rows. @throws Fault as `open`. */
  async rows<Row extends pg.QueryResultRow>(text: string, values: unknown[]): Promise<Row[]> {
    return (await this.#query<Row>(text, values)).rows;
  }

  /** What a COPY TO STDOUT sends; it is asked for no faster than it is read. @throws Fault as `open`. */
  async *copy(text: string): AsyncGenerator<Buffer, void> {
    this.#isBusy = true;
    try {
      yield* this.#client.query(copyStreams.to(text)) as AsyncIterable<Buffer>;
      this.#isBusy = false;
    } catch (error) {
      throw this.#meaningOf(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal.removeEventListener('abort', this.#stop);
    clearTimeout(this.#overdue);
    this.#end();
    await this.#cancelling;
  }

  async #query<Row extends pg.QueryResultRow>(
    text: string,
    values?: unknown[],
  ): Promise<pg.QueryResult<Row>> {
    return await this.#told(this.#client.query<Row>(text, values));
  }

  async #told<T>(work: Promise<T>): Promise<T> {
    this.#isBusy = true;
    try {
      const result = await work;
      this.#isBusy = false;
      return result;
    } catch (error) {
      throw this.#meaningOf(error);
    }
  }

  #meaningOf(error: unknown): unknown {
    if (this.#signal.aborted) return this.#signal.reason;
    // Ours: the connection was ended because the server did not answer.
    if (this.#cancelling) return new Fault('SourceUnavailable');
    this.#isBusy = false;
    // Of the look-up.
    if (error instanceof Fault) return error;
    if (this.#lacksTls) return new Fault('SourceTlsNotTrusted', { code: 'no-tls' });
    return databaseFault(error);
  }

  /** Ends the connection at once, and what the server does for it. */
  #end(): void {
    const key = this.#isBusy ? this.#key : undefined;
    this.#cancelling ??= key ? cancelStatement(this.#server, key) : Promise.resolve();
    this.#socket.destroy();
  }
}

/** A socket that looks names up in its own way, whoever has it connect. */
class LookingUp extends Socket {
  readonly #lookup: LookupFunction;

  constructor(lookup: LookupFunction) {
    super();
    this.#lookup = lookup;
  }

  /** By port and host alone, as the client does. */
  override connect(...[port, host]: unknown[]): this {
    return super.connect({ port: Number(port), host: String(host), lookup: this.#lookup });
  }
}

/**
 * Has a statement parsed and its columns told. By the extended protocol, which takes one statement only; the
 * simple one would run what stands behind a semicolon.
 */
class Description implements pg.Submittable {
  readonly #text: string;
  readonly #resolve: (columns: Column[]) => void;
  readonly #reject: (error: unknown) => void;
  #columns: Column[] = [];

  constructor(text: string, resolve: (columns: Column[]) => void, reject: (error: unknown) => void) {
    this.#text = text;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(connection: pg.Connection): void {
    connection.parse({ name: '', text: this.#text, types: [] }, true);
    connection.describe({ type: 'S', name: '' }, true);
    connection.sync();
  }

  handleRowDescription({ fields }: { fields: pg.FieldDef[] }): void {
    this.#columns = fields.map(({ name, dataTypeID }) => ({ name, type: dataTypeID }));
  }

  handleError(error: unknown): void {
    this.#reject(error);
  }

  handleReadyForQuery(): void {
    this.#resolve(this.#columns);
  }
}
