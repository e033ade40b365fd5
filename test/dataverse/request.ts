import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { RequestEntry } from './journal.ts';

/** A request of which the whole body has arrived. */
export type ApiRequest = {
  method: string;
  path: string;
  /** As it was sent, without the question mark. */
  rawQuery: string;
  query: URLSearchParams;
  urlLength: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** The URL by which the caller reached the sandbox, without a path. */
  base: string;
};

export type JsonRow = Record<string, unknown>;

/** A page of rows, with what a fault needs to change it. */
export type Page = {
  rows: JsonRow[];
  /** The link that goes on with the row of this place, which may be one after the last row; `isAgain`: as this page. */
  linkFrom(place: number, isAgain?: boolean): string | undefined;
  body(rows: JsonRow[], nextLink: string | undefined): object;
};

/** A reply that was worked out; a fault may still change it. */
export type Answer = {
  status: number;
  headers: Record<string, string>;
  /** An object is sent as JSON, a string as text. */
  body: object | string;
  clientId?: string;
  page?: Page;
  /** How the request broke the documented contract. */
  violations: string[];
  facts: Pick<RequestEntry, 'select' | 'filter' | 'pageSize' | 'rows' | 'page'>;
};

/** Reads a body; of one that is larger than `maxBytes` nothing. */
export async function readBody(message: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= maxBytes) chunks.push(chunk);
  }
  return bytes > maxBytes ? Buffer.alloc(0) : Buffer.concat(chunks);
}
