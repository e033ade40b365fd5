import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Operation } from './contract.ts';
import type { Client } from './options.ts';
import type { State } from './state.ts';

/** A request of which the whole body has arrived. */
export type ApiRequest = {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  /** Empty where it was larger than allowed. */
  body: Buffer;
  oversize: boolean;
};

/** What may be told of a call without telling whom it was about. */
export type Counts = { operation: string; identifiers: number; valid: number; invalid: number };

/**
 * A reply that was worked out, with the effect that it reports still to come: a fault may drop the effect, put it off, or
 * lose the reply instead.
 */
export type Answer = {
  status: number;
  headers: Record<string, string>;
  body: unknown;
  commit?: () => void;
  /** Stands for `data` in a 200 reply whose effect is refused. */
  refusedData?: unknown;
  operation?: Operation;
  clientId?: string;
  counts?: Counts | undefined;
  /** How the request broke the contract. */
  violation?: string | undefined;
};

/** One operation's part of an answer; its status is 200. */
export type Outcome = Pick<Answer, 'body' | 'commit' | 'refusedData' | 'counts'>;

/** What an operation is given: a call that is authenticated, permitted, and as the contract wants it. */
export type Call = {
  state: State;
  client: Client;
  path: string;
  /** The segment's id in the path, or an empty string. */
  id: string;
  query: URLSearchParams;
  body: unknown;
};

/** Reads a body up to `maxBytes`; of a larger one only the fact. */
export async function readBody(
  message: IncomingMessage,
  maxBytes: number,
): Promise<{ body: Buffer; oversize: boolean }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // The rest is read and dropped: a client that is still sending would see a reset instead of the 413.
    if (bytes <= maxBytes) chunks.push(chunk);
  }
  const oversize = bytes > maxBytes;
  return { body: oversize ? Buffer.alloc(0) : Buffer.concat(chunks), oversize };
}
