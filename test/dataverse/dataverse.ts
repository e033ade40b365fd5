import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Controls, createControls } from './control.ts';
import type { DataverseOptions } from './options.ts';
import { serve } from './server.ts';
import { createState } from './state.ts';

export type { Controls, SegmentView } from './control.ts';
export type { Fault, FaultState } from './faults.ts';
export type { RequestEntry, Violation } from './journal.ts';
export type { Behaviour, Client, Column, DataverseOptions, Federation } from './options.ts';
export { defaultClient, defaultTenants } from './options.ts';
export type { Crowd, Membership, Person, Segment } from './people.ts';

/** A running sandbox. */
export type Dataverse = Controls & {
  /** The organization's URL and the authority's, without a slash at the end: one server plays both. */
  url: string;
  /** Ends every connection, waiting replies included. */
  close(): Promise<void>;
};

/**
 * Starts Entra ID's token endpoint and an organization's Dataverse Web API as a server of its own. Any number of them
 * may run in one process; they share nothing.
 */
export async function startDataverse(options: DataverseOptions = {}): Promise<Dataverse> {
  let state = createState(options);
  const controls = createControls(
    options,
    () => state,
    (replacement) => {
      state = replacement;
    },
  );
  const closing = new AbortController();
  const listener: RequestListener = (message, response) => {
    // A caller that went away while sending is nobody to answer; an error of the sandbox's own ends the connection.
    serve(message, response, state, controls, closing.signal).catch((error: unknown) => {
      if (!message.destroyed || message.complete) reportDefect(error);
      response.destroy();
    });
  };
  const { host = '127.0.0.1', port = 0, tls } = options;
  // Node's own limit is below the 32 KB that Dataverse takes for a URL.
  const limits = { maxHeaderSize: 256 * 1024 };
  const server =
    tls === undefined
      ? createHttpServer(limits, listener)
      : createHttpsServer({ ...limits, ...tls }, listener);
  // Longer than any pause of a test: a connection closed for idleness under a caller's hands is a fault nobody ordered.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const shownHost = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    ...controls,
    url: `${tls === undefined ? 'http' : 'https'}://${shownHost}:${address.port}`,
    close: async () => {
      closing.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function reportDefect(error: unknown): void {
  process.emitWarning(
    `the sandbox failed: ${error instanceof Error ? (error.stack ?? error.message) : 'unknown'}`,
  );
}
