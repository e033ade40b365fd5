import { createServer, type IncomingMessage, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { listening } from '../../support/testserver.ts';

/**
 * What happens to a request. `drop-reply`: it is carried out, and nobody hears of it. `drop-request`: nobody
 * carries it out. `error-reply`: it is carried out, and answered with 500. `half-reply`: the body is cut off.
 */
export type Fate = 'pass' | 'drop-reply' | 'drop-request' | 'error-reply' | 'half-reply';

export interface LossyProxy {
  endpoint: string;
  /** Asked about each request; default: all pass. */
  fate: (method: string, path: string) => Fate;
  /** Called when the store has answered, before the caller hears of it or does not. */
  onReply: (method: string) => Promise<void>;
}

/** Stands before an object store, and loses some of what passes. The signature covers the Host header, which it keeps. */
export async function lossyProxy(upstream: string): Promise<LossyProxy> {
  const server = createServer(async (incoming, response) => {
    const { method = '', url = '' } = incoming;
    const fate = proxy.fate(method, url);
    const body = await buffer(incoming);
    if (fate === 'drop-request') return incoming.socket.destroy();
    const { reply, content } = await forward(upstream, incoming, body);
    await proxy.onReply(method);
    if (fate === 'drop-reply') return incoming.socket.destroy();
    if (fate === 'error-reply') return response.writeHead(500).end();
    response.writeHead(reply.statusCode ?? 502, reply.headers);
    if (fate === 'pass') return response.end(content);
    return response.write(content.subarray(0, content.length / 2), () => response.destroy());
  });
  const endpoint = await listening(server);
  const proxy: LossyProxy = {
    endpoint,
    fate: () => 'pass',
    onReply: async () => undefined,
  };
  return proxy;
}

function forward(
  upstream: string,
  { method, url, headers }: IncomingMessage,
  body: Buffer,
): Promise<{ reply: IncomingMessage; content: Buffer }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(new URL(upstream), { method, path: url, headers }, async (reply) => {
      resolve({ reply, content: await buffer(reply) });
    });
    outgoing.on('error', reject).end(body);
  });
}
