import { createHash, createHmac } from 'node:crypto';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ObjectStore } from './versitygw.ts';

export interface TokenGate extends AsyncDisposable {
  endpoint: string;
}

/**
 * A store that takes temporary keys, before one that does not: whoever brings the access key and the
 * session token is let through under the store's own keys; others get AWS' answers.
 */
export async function tokenGate(
  store: ObjectStore,
  temporary: { accessKeyId: string; sessionToken: string },
): Promise<TokenGate> {
  const server = createServer((incoming, response) => {
    const { method = 'GET', url = '/', headers } = incoming;
    const refuse = (status: number, code: string): void => {
      response.writeHead(status, { 'content-type': 'application/xml' });
      response.end(method === 'HEAD' ? '' : `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`);
    };
    if (!headers.authorization?.includes(`Credential=${temporary.accessKeyId}/`))
      return refuse(403, 'InvalidAccessKeyId');
    if (headers['x-amz-security-token'] !== temporary.sessionToken) return refuse(400, 'ExpiredToken');
    const conditions = Object.fromEntries(
      ['range', 'if-match'].flatMap((name) => (headers[name] ? [[name, headers[name]]] : [])),
    );
    const signed = signature(method, new URL(url, store.endpoint), store);
    const outgoing = request(`${store.endpoint}${url}`, { method, headers: { ...conditions, ...signed } });
    outgoing.on('response', (reply) => {
      response.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    outgoing.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** AWS' signature, version 4, of a request without a body. */
function signature(method: string, url: URL, store: ObjectStore): Record<string, string> {
  const now = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${now.slice(0, 8)}/${store.region}/s3/aws4_request`;
  const headers = { host: url.host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', 'x-amz-date': now };
  const query = url.search
    .slice(1)
    .split('&')
    .filter((part) => part !== '')
    .map((part) => (part.includes('=') ? part : `${part}=`))
    .sort();
  const canonical = [
    ...[method, url.pathname, query.join('&')],
    ...[...Object.entries(headers).map(([name, value]) => `${name}:${value}`), ''],
    ...[Object.keys(headers).join(';'), headers['x-amz-content-sha256']],
  ].join('\n');
  const digest = createHash('sha256').update(canonical).digest('hex');
  const key = [...scope.split('/')].reduce<string | Buffer>(
    (secret, part) => createHmac('sha256', secret).update(part).digest(),
    `AWS4${store.secretAccessKey}`,
  );
  const signed = createHmac('sha256', key)
    .update(`AWS4-HMAC-SHA256\n${now}\n${scope}\n${digest}`)
    .digest('hex');
  const names = Object.keys(headers).join(';');
  const authorization = `AWS4-HMAC-SHA256 Credential=${store.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signed}`;
  return { ...headers, authorization };
}
