import { createServer, request, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { listening } from '../../support/testserver.ts';

/**
 * What happens to a reply: it passes; its connection is reset after so many bytes of its body, or goes
 * silent there; it comes in four pieces with a pause before each; or nobody answers the request but with a
 * status.
 */
export type Fate =
  | 'pass'
  | { resetAfter: number }
  | { silentAfter: number }
  | { pauseMs: number }
  | { status: number; body?: string };

export interface BreakingProxy {
  endpoint: string;
  /** Asked about each request; default: all pass. */
  fate: (method: string, path: string, headers: Record<string, unknown>) => Fate;
  /** Called before a reply begins to break. */
  onBreak: () => Promise<void>;
  /** Method and Range of the requests for content that came. */
  readonly reads: string[];
}

/** Stands before a store and breaks replies in mid-stream; it passes them piece by piece, as they come. */
export async function breakingProxy(upstream: string): Promise<BreakingProxy> {
  const server = createServer((incoming, response) => {
    const { method = '', url = '', headers } = incoming;
    if (headers.range || !url.includes('list')) proxy.reads.push(`${method} ${headers.range ?? ''}`.trim());
    const fate = proxy.fate(method, url, headers);
    if (typeof fate === 'object' && 'status' in fate) {
      response.writeHead(fate.status, { 'content-type': 'application/xml' }).end(fate.body);
      return;
    }
    const outgoing = request(new URL(upstream), { method, path: url, headers }, async (reply) => {
      response.writeHead(reply.statusCode ?? 502, reply.headers);
      if (fate === 'pass') {
        reply.pipe(response);
        return;
      }
      if ('pauseMs' in fate) {
        await dribble(await buffer(reply), fate.pauseMs, response);
        return;
      }
      let left = 'resetAfter' in fate ? fate.resetAfter : fate.silentAfter;
      response.flushHeaders();
      for await (const chunk of reply) {
        const part = (chunk as Buffer).subarray(0, left);
        left -= part.length;
        await new Promise<void>((resolve) => response.write(part, () => resolve()));
        if (left === 0) break;
      }
      await proxy.onBreak();
      if ('resetAfter' in fate) incoming.socket.destroy();
    });
    outgoing.on('error', () => response.destroy());
    incoming.pipe(outgoing);
  });
  const endpoint = await listening(server);
  const proxy: BreakingProxy = {
    endpoint,
    fate: () => 'pass',
    onBreak: async () => undefined,
    reads: [],
  };
  return proxy;
}

async function dribble(content: Buffer, pauseMs: number, response: ServerResponse): Promise<void> {
  response.flushHeaders();
  const piece = Math.ceil(content.length / 4);
  for (let at = 0; at < content.length; at += piece) {
    await delay(pauseMs);
    response.write(content.subarray(at, at + piece));
  }
  response.end();
}
