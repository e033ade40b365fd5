import type { Dispatcher } from 'undici';
import { type Patience, send } from './send.ts';

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

/**
 * AWS' SDK over our own connections.
 * @param patience where the caller names no time of its own.
 */
export function undiciHandler(dispatcher: Dispatcher, patience: Patience): Handler {
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
    handle: async (request, { abortSignal, requestTimeout = patience.timeoutMs } = {}) => {
      const { protocol, hostname, port, path, query } = request;
      const { statusCode, headers, body } = await send(
        dispatcher,
        {
          origin: `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`,
          // As it was signed: a URL parser would write some characters otherwise.
          path: path + queryText(query),
          method: request.method as Dispatcher.HttpMethod,
          headers: request.headers,
          body: request.body ?? null,
        },
        { ...patience, timeoutMs: requestTimeout },
        abortSignal instanceof AbortSignal ? abortSignal : undefined,
      );
      return { response: { statusCode, headers: headersOf(headers), body } };
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
