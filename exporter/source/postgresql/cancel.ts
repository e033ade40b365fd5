import { once } from 'node:events';
import { connect, type LookupFunction } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

/** What the server has told at the start of a session. */
export interface BackendKey {
  processID: number;
  secretKey: number;
}

export interface Server {
  host: string;
  port: number;
  tls: ConnectionOptions;
  /** Undefined: Node's own. */
  lookup: LookupFunction | undefined;
}

const timeoutMs = 2_000;
// Protocol numbers that no version has.
const sslRequest = words(80_877_103);
const cancelRequestCode = 80_877_102;

/**
 * Asks the server, by a connection of its own, to end the session's statement: one that computes does not look
 * whether anybody still listens. Never throws: in doubt the statement's own timeout ends it.
 */
export async function cancelStatement(server: Server, key: BackendKey): Promise<void> {
  const { host, port, tls, lookup } = server;
  const socket = connect({ host, port, ...(lookup ? { lookup } : {}) });
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  try {
    socket.on('error', () => undefined).write(sslRequest);
    const [answer]: Buffer[] = await once(socket, 'data');
    if (answer?.toString('latin1') !== 'S') return;
    const secure = connectTls({ ...tls, socket });
    await once(secure, 'secureConnect');
    secure.end(words(cancelRequestCode, key.processID, key.secretKey));
    // The server says nothing; that it has closed the connection tells that it has read.
    await once(secure, 'close');
  } catch {
    return;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/** A message of whole numbers, its length before them. */
function words(...numbers: number[]): Buffer {
  const message = Buffer.alloc(4 * (numbers.length + 1));
  for (const [index, number] of [message.length, ...numbers].entries())
    message.writeInt32BE(number, 4 * index);
  return message;
}
