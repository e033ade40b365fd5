import { Agent, request } from 'undici';
import type { Credentials } from '../cluster/kubeconfig.ts';

export interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: T;
}

/**
 * Tells `heard` of every object under an API path and of each change of one, until `stop` is called. A broken
 * watch is opened anew, and what exists is told again. It shares nothing with controller/runtime, which is under test.
 */
export function watchAll<T>(
  credentials: Credentials,
  path: string,
  heard: (event: WatchEvent<T>) => void,
): { stop(): Promise<void> } {
  const agent = new Agent({
    connect: {
      ca: credentials.certificateAuthority,
      cert: credentials.clientCertificate,
      key: credentials.clientKey,
    },
    bodyTimeout: 0,
  });
  const stopping = new AbortController();
  const once = async (): Promise<void> => {
    const reply = await request(`${credentials.server}${path}`, {
      dispatcher: agent,
      query: { watch: '1', resourceVersion: '0' },
      signal: stopping.signal,
    });
    let rest = '';
    for await (const chunk of reply.body.setEncoding('utf8')) {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) heard(JSON.parse(line) as WatchEvent<T>);
    }
  };
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await once().catch(() => new Promise((resolve) => setTimeout(resolve, 100)));
    }
  };
  const ended = loop();
  return {
    stop: async () => {
      stopping.abort();
      await ended;
      await agent.destroy();
    },
  };
}
