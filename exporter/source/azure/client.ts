import type { Readable } from 'node:stream';
import {
  AnonymousCredential,
  ContainerClient,
  type HttpOperationResponse,
  type IHttpClient,
  newPipeline,
  RestError,
  StorageSharedKeyCredential,
  type WebResource,
} from '@azure/storage-blob';
import type { Dispatcher } from 'undici';
import { type Patience, StoreUnreachable, send } from '../../objectstore/send.ts';
import type { EntraTokens } from '../entra.ts';

/** What opens the container. */
export type AzureProof = { sasToken: string } | { accountKey: string } | { tokens: EntraTokens };

const attempts = 3;
const pauses = { retryDelayInMs: 1_000, maxRetryDelayInMs: 10_000 };

/** A client of a container, over our own connections. */
export function createContainerClient(
  { endpoint, container }: { endpoint: string; container: string },
  proof: AzureProof,
  dispatcher: Dispatcher,
  patience: Patience,
): ContainerClient {
  const sas = 'sasToken' in proof ? `?${proof.sasToken.replace(/^\?/, '')}` : '';
  const credential =
    'accountKey' in proof
      ? new StorageSharedKeyCredential(accountOf(endpoint), proof.accountKey)
      : new AnonymousCredential();
  const tokens = 'tokens' in proof ? proof.tokens : undefined;
  return new ContainerClient(
    `${endpoint.replace(/\/+$/, '')}/${container}${sas}`,
    newPipeline(credential, {
      httpClient: httpClient(dispatcher, patience, tokens),
      retryOptions: { maxTries: attempts, ...pauses },
    }),
  );
}

/** `https://ACCOUNT.blob.core.windows.net`, or, as emulators have it, `http://HOST:PORT/ACCOUNT`. */
export function accountOf(endpoint: string): string {
  const { hostname, pathname } = new URL(endpoint);
  const [first = ''] = pathname.split('/').filter((part) => part !== '');
  return first || hostname.split('.')[0] || '';
}

function httpClient(
  dispatcher: Dispatcher,
  patience: Patience,
  tokens: EntraTokens | undefined,
): IHttpClient {
  return {
    sendRequest: async (request) => {
      const signal = request.abortSignal instanceof AbortSignal ? request.abortSignal : undefined;
      // The SDK's own way of sending a token asks the store which tenant to go to.
      if (tokens) request.headers.set('authorization', `Bearer ${await tokens(signal ?? never)}`);
      const { origin, pathname, search } = new URL(request.url);
      try {
        const reply = await send(
          dispatcher,
          {
            origin,
            path: pathname + search,
            method: request.method as Dispatcher.HttpMethod,
            headers: request.headers.toJson({ preserveCase: true }),
          },
          patience,
          signal,
        );
        return await responseOf(request, reply);
      } catch (error) {
        if (!(error instanceof StoreUnreachable)) throw error;
        // What the SDK tries again.
        throw new RestError('unreachable', { code: RestError.REQUEST_SEND_ERROR });
      }
    },
  };
}

const never = new AbortController().signal;

async function responseOf(
  request: WebResource,
  reply: Dispatcher.ResponseData,
): Promise<HttpOperationResponse> {
  const { statusCode: status, body } = reply;
  const headers = request.headers.clone();
  for (const name of headers.headerNames()) headers.remove(name);
  for (const [name, value] of Object.entries(reply.headers)) {
    // A place that the account's owner has not named is not gone to.
    if (value !== undefined && name !== 'location') headers.set(name, String(value));
  }
  const streamed = request.streamResponseStatusCodes;
  if (streamed?.has(status)) {
    // One that is not read to its end is cut off, and says so.
    body.on('error', () => undefined);
    return { request, status, headers, readableStreamBody: body as Readable };
  }
  const bodyAsText = await body.text().catch(() => {
    throw new StoreUnreachable();
  });
  return { request, status, headers, bodyAsText };
}
