import type { Dispatcher } from 'undici';
import { kindOf } from '../criteo/exchange.ts';

/** The SDK's request, as far as it is used here. */
interface Request {
  method: string;
  protocol: string;
  hostname: string;
  port?: number | undefined;
  path: string;
  query?: Query | undefined;
  headers: Record<string, string>;
  body?: Dispatcher.DispatchOptions['body'];
}

type Query = Record<string, string | string[] | null>;

interface Reply {
  response: { statusCode: number; headers: Record<string, string>; body: unknown };
}

interface Handler {
  metadata: { handlerProtocol: string };
  updateHttpClientConfig(): void;
  httpHandlerConfigs(): object;
  handle(request: Request, options?: { abortSignal?: unknown; requestTimeout?: number }): Promise<Reply>;
}

/** No whole reply came. It keeps nothing of the cause's text; by its name the SDK knows that it may try again. */
export class StoreUnreachable extends Error {
  constructor() {
    super('unreachable');
    this.name = 'TimeoutError';
  }
}

/** The store's certificate is not one to be trusted: trying again does not help. */
export class StoreNotTrusted extends Error {}

/**
 * The SDK's requests over our own connections, which know the proxy and the bundle of authorities.
 * @param timeoutMs of one attempt, to the end of the reply's body, where the caller names none.
 */
export function undiciHandler(dispatcher: Dispatcher, timeoutMs: number): Handler {
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
    handle: async (request, { abortSignal, requestTimeout = timeoutMs } = {}) => {
      const signals = [AbortSignal.timeout(requestTimeout)];
      if (abortSignal instanceof AbortSignal) signals.push(abortSignal);
      const { protocol, hostname, port, path, query } = request;
      try {
        const reply = await dispatcher.request({
          origin: `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`,
          // As it was signed: a URL parser would write some characters otherwise.
          path: path + queryText(query),
          method: request.method as Dispatcher.HttpMethod,
          headers: request.headers,
          body: request.body ?? null,
          signal: AbortSignal.any(signals),
          headersTimeout: requestTimeout,
          bodyTimeout: requestTimeout,
        });
        return {
          response: { statusCode: reply.statusCode, headers: headersOf(reply.headers), body: reply.body },
        };
      } catch (error) {
        if (abortSignal instanceof AbortSignal && abortSignal.aborted) throw error;
        throw kindOf(error) === 'NotTrusted' ? new StoreNotTrusted() : new StoreUnreachable();
      }
    },
  };
}

function headersOf(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}

function queryText(query: Query = {}): string {
  const parts = Object.entries(query).flatMap(([name, value]) => {
    const values = Array.isArray(value) ? value : [value];
    return values.map((each) =>
      each === null || each === undefined
        ? percentEncode(name)
        : `${percentEncode(name)}=${percentEncode(each)}`,
    );
  });
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

/** As the signature reckons with it (RFC 3986). */
function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
