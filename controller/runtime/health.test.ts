import { afterEach, expect, test } from 'vitest';
import { informerLive, informerSynced } from './checks.ts';
import { type HealthServerOptions, startHealthServer } from './health.ts';

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0)) await end();
});

async function setUp(options: Partial<HealthServerOptions>) {
  const server = await startHealthServer({ host: '127.0.0.1', port: 0, live: [], ready: [], ...options });
  cleanUp.push(server.close);
  return async (path: string, init?: RequestInit) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
    return [response.status, await response.text()];
  };
}

test('names each check, and fails when one does', async () => {
  const get = await setUp({
    live: [
      { name: 'queue', check: () => undefined },
      { name: 'watch', check: () => 'nothing was heard for 200 s' },
      {
        name: 'broken',
        check: () => {
          throw new Error('a bug');
        },
      },
    ],
  });
  expect(await get('/healthz')).toEqual([
    503,
    '[+]queue ok\n[-]watch failed: nothing was heard for 200 s\n[-]broken failed: a bug\nhealthz check failed\n',
  ]);
  expect(await get('/readyz')).toEqual([200, 'readyz check passed\n']);
  expect(await get('/livez/queue?verbose')).toEqual([200, '[+]queue ok\nlivez check passed\n']);
  expect((await get('/healthz/nothing'))[0]).toBe(404);
});

test('a check is asked each time', async () => {
  let synced = false;
  const informer = { hasSynced: () => synced, lastError: () => undefined };
  const get = await setUp({ ready: [informerSynced('widgets', informer)] });
  expect(await get('/readyz')).toEqual([503, '[-]widgets failed: not synced\nreadyz check failed\n']);
  synced = true;
  expect((await get('/readyz'))[0]).toBe(200);
});

test('serves metrics where there are some, and nothing else', async () => {
  const get = await setUp({ metrics: () => 'up 1\n' });
  expect(await get('/metrics')).toEqual([200, 'up 1\n']);
  expect((await get('/etc/passwd'))[0]).toBe(404);
  expect((await get('/metrics', { method: 'POST' }))[0]).toBe(405);
});

test('metrics that cannot be made are a failed scrape, and no more than that', async () => {
  const get = await setUp({
    metrics: () => {
      throw new Error('a bug');
    },
  });
  expect(await get('/metrics')).toEqual([500, 'a bug\n']);
  expect((await get('/healthz'))[0]).toBe(200);
});

test('a port that is taken is an error at once', async () => {
  const first = await startHealthServer({ host: '127.0.0.1', port: 0, live: [], ready: [] });
  cleanUp.push(first.close);
  await expect(setUp({ port: first.port })).rejects.toThrow('EADDRINUSE');
});

test('a watch loop that does nothing for minutes is not live; one that fails and tries again is', () => {
  let idleMs = 1_000;
  const check = informerLive('widgets', { idleForMs: () => idleMs, lastError: () => undefined });
  expect(check.check()).toBeUndefined();
  idleMs = 181_000;
  expect(check.check()).toBe('nothing was heard for 181 s, and nothing tried');
});
