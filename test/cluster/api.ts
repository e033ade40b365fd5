import { request } from 'node:https';
import { json, text } from 'node:stream/consumers';
import type { Credentials } from './kubeconfig.ts';

/**
 * One call to the API server, for what has to be known while a cluster starts; everything
 * else has kubectl or a real client. Returns the parsed body, or undefined for 404 and, on POST, 409.
 * Throws for every other status that is not 2xx.
 */
export async function callApi(
  credentials: Credentials,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const call = request(
    new URL(path, credentials.server),
    {
      method,
      agent: false,
      ca: credentials.certificateAuthority,
      cert: credentials.clientCertificate,
      key: credentials.clientKey,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      timeout: 5_000,
    },
    (response) => {
      const status = response.statusCode ?? 0;
      const isJson = (response.headers['content-type'] ?? '').startsWith('application/json');
      if (status >= 200 && status < 300) return resolve(isJson ? json(response) : text(response));
      response.resume();
      if (status === 404 || (method === 'POST' && status === 409)) return resolve(undefined);
      reject(new Error(`${method} ${path}: the API server answered ${status}`));
    },
  );
  call.on('timeout', () => call.destroy(new Error(`${method} ${path}: no answer within 5 s`)));
  call.on('error', reject);
  call.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}
