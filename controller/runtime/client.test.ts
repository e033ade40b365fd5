import { afterEach, describe, expect, test, vi } from 'vitest';
import { type ClientOptions, KubeClient } from './client.ts';
import * as errors from './errors.ts';
import { FakeClock } from './fakeclock.ts';
import { configFor, type Exchange, type FakeServer, startFakeServer } from './fakeserver.ts';
import { Registry } from './metrics.ts';
import { defineResource, type KubeObject } from './resource.ts';

interface Widget extends KubeObject {
  spec?: { size: number };
}
const WIDGETS = defineResource<Widget>({
  group: 'example.com',
  version: 'v1',
  plural: 'widgets',
  kind: 'Widget',
  namespaced: true,
});
const NODES = defineResource({ group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false });
const A = { namespace: 'ns', name: 'a' };
const a: Widget = { metadata: A, spec: { size: 1 } };

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0)) await end();
});

async function setUp(
  script: (exchange: Exchange, nth: number) => void,
  options: Partial<ClientOptions> = {},
) {
  let nth = 0;
  const server = await startFakeServer((exchange) => script(exchange, nth++));
  const clock = new FakeClock();
  const client = new KubeClient({
    loadConfig: server.config,
    fieldManager: 'tester',
    clock,
    random: () => 0.5,
    ...options,
  });
  cleanUp.push(() => client.close(), server.close);
  return { server, clock, client };
}

/** What a call ends with, with the clock moved for as long as it waits. */
async function outcome<T>(promise: Promise<T>, clock: FakeClock): Promise<T | errors.ApiError> {
  let result: { value: T | errors.ApiError } | undefined;
  promise.then(
    (value) => {
      result = { value };
    },
    (error) => {
      result = { value: error };
    },
  );
  return vi.waitFor(
    async () => {
      if (!result) await clock.advance(100);
      if (!result) throw new Error('still waiting');
      return result.value;
    },
    { interval: 5, timeout: 30_000 },
  );
}

/** What the machine may take to do what it has only to do. */
const patience = { timeout: 30_000 };

const asked = (server: FakeServer) =>
  server.exchanges.map(({ method, path, query }) => `${method} ${path} ${query}`.trim());
const ok = (exchange: Exchange) => exchange.reply(200, a);

describe('each verb is the request that the API documents', () => {
  test.each<[string, (client: KubeClient) => Promise<unknown>, string, string | undefined, unknown]>([
    ['get', (c) => c.get(WIDGETS, A), 'GET /apis/example.com/v1/namespaces/ns/widgets/a', undefined, ''],
    [
      'get of a core, cluster-scoped resource',
      (c) => c.get(NODES, { name: 'n' }),
      'GET /api/v1/nodes/n',
      undefined,
      '',
    ],
    [
      'create',
      (c) => c.create(WIDGETS, a),
      'POST /apis/example.com/v1/namespaces/ns/widgets fieldManager=tester',
      'application/json',
      { ...a, apiVersion: 'example.com/v1', kind: 'Widget' },
    ],
    [
      'update',
      (c) => c.update(WIDGETS, a),
      'PUT /apis/example.com/v1/namespaces/ns/widgets/a fieldManager=tester',
      'application/json',
      { ...a, apiVersion: 'example.com/v1', kind: 'Widget' },
    ],
    [
      'updateStatus',
      (c) => c.updateStatus(WIDGETS, a),
      'PUT /apis/example.com/v1/namespaces/ns/widgets/a/status fieldManager=tester',
      'application/json',
      { ...a, apiVersion: 'example.com/v1', kind: 'Widget' },
    ],
    [
      'apply, forced, as a dry run',
      (c) => c.apply(WIDGETS, a, { force: true, dryRun: true }),
      'PATCH /apis/example.com/v1/namespaces/ns/widgets/a fieldManager=tester&dryRun=All&force=true',
      'application/apply-patch+yaml',
      { ...a, apiVersion: 'example.com/v1', kind: 'Widget' },
    ],
    [
      'merge patch',
      (c) => c.patch(WIDGETS, A, { spec: { size: 2 } }),
      'PATCH /apis/example.com/v1/namespaces/ns/widgets/a fieldManager=tester',
      'application/merge-patch+json',
      { spec: { size: 2 } },
    ],
    [
      'JSON patch of the status',
      (c) => c.patchStatus(WIDGETS, A, [{ op: 'remove', path: '/status/x' }]),
      'PATCH /apis/example.com/v1/namespaces/ns/widgets/a/status fieldManager=tester',
      'application/json-patch+json',
      [{ op: 'remove', path: '/status/x' }],
    ],
    [
      'delete with preconditions',
      (c) => c.delete(WIDGETS, A, { uid: 'u', resourceVersion: '7', propagationPolicy: 'Background' }),
      'DELETE /apis/example.com/v1/namespaces/ns/widgets/a',
      'application/json',
      {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        preconditions: { uid: 'u', resourceVersion: '7' },
        propagationPolicy: 'Background',
      },
    ],
  ])('%s', async (_, call, line, contentType, body) => {
    const { server, client } = await setUp(ok);
    await call(client);
    const [request] = server.exchanges;
    expect(asked(server)).toEqual([line]);
    expect(request?.headers['content-type']).toBe(contentType);
    expect(request?.body === '' ? '' : JSON.parse(request?.body ?? '')).toEqual(body);
  });

  test('version', async () => {
    const { client } = await setUp((exchange) =>
      exchange.reply(200, { major: '1', minor: '31+', gitVersion: 'v1.31.2-eks' }),
    );
    expect(await client.version()).toEqual({ major: 1, minor: 31, gitVersion: 'v1.31.2-eks' });
  });

  test('a name that would reach another path is refused here', async () => {
    const { server, client } = await setUp(ok);
    for (const name of ['../secrets/x', 'a/b', '', '..', 'a%2fb']) {
      await expect(client.get(WIDGETS, { namespace: 'ns', name })).rejects.toThrow(
        'is not a Kubernetes name',
      );
    }
    expect(server.exchanges).toEqual([]);
  });

  test('a server with a path of its own keeps it', async () => {
    const { server, clock } = await setUp(ok);
    const client = new KubeClient({
      loadConfig: () => configFor(`${server.url}/k8s/clusters/c-1`),
      fieldManager: 'tester',
      clock,
    });
    await client.get(NODES, { name: 'n' });
    await client.close();
    expect(asked(server)).toEqual(['GET /k8s/clusters/c-1/api/v1/nodes/n']);
  });
});

test('managedFields are dropped', async () => {
  const { client } = await setUp((exchange) =>
    exchange.reply(200, { metadata: { name: 'a', managedFields: [{ manager: 'x' }] } }),
  );
  expect(await client.get(WIDGETS, A)).toEqual({ metadata: { name: 'a' } });
});

test('all calls share connections', async () => {
  const { server, client } = await setUp(ok);
  for (let call = 0; call < 20; call++) await client.get(WIDGETS, A);
  // A second one, when a call begins before the reply before it has quite ended.
  expect(server.connections()).toBeLessThanOrEqual(2);
});

describe('list', () => {
  test('reads all pages, and its items look like those of a watch', async () => {
    const { server, client } = await setUp((exchange) => {
      const isFirst = !exchange.query.has('continue');
      exchange.reply(200, {
        metadata: { resourceVersion: '42', ...(isFirst && { continue: 'more' }) },
        items: [{ metadata: { name: isFirst ? 'a' : 'b', managedFields: [] } }],
      });
    });
    const list = await client.list(WIDGETS, { namespace: 'ns', labelSelector: 'team=red', pageSize: 1 });
    expect(list).toEqual({
      resourceVersion: '42',
      items: ['a', 'b'].map((name) => ({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name } })),
    });
    expect(asked(server)).toEqual([
      'GET /apis/example.com/v1/namespaces/ns/widgets labelSelector=team%3Dred&limit=1',
      'GET /apis/example.com/v1/namespaces/ns/widgets labelSelector=team%3Dred&limit=1&continue=more',
    ]);
  });

  test('begins anew, in one piece, when the pages ran out of time', async () => {
    const { client } = await setUp((exchange) => {
      if (exchange.query.has('continue')) exchange.fail(410, 'Expired');
      else if (exchange.query.has('limit')) {
        exchange.reply(200, {
          metadata: { resourceVersion: '1', continue: 'more' },
          items: [{ metadata: { name: 'old' } }],
        });
      } else
        exchange.reply(200, { metadata: { resourceVersion: '9' }, items: [{ metadata: { name: 'new' } }] });
    });
    const { items, resourceVersion } = await client.list(WIDGETS);
    expect([items.map(({ metadata }) => metadata.name), resourceVersion]).toEqual([['new'], '9']);
  });
});

describe('errors', () => {
  test.each([
    [404, 'NotFound', errors.isNotFound],
    [409, 'Conflict', errors.isConflict],
    [409, 'AlreadyExists', errors.isAlreadyExists],
    [410, 'Expired', errors.isGone],
    [403, 'Forbidden', errors.isForbidden],
    [422, 'Invalid', errors.isInvalid],
  ])('%i %s is recognised, and only as that', async (code, reason, is) => {
    const { client, clock } = await setUp((exchange) => exchange.fail(code, reason));
    const error = await outcome(client.get(WIDGETS, A), clock);
    expect(error).toMatchObject({ statusCode: code, reason, message: `scripted ${reason}` });
    const { isNotFound, isConflict, isAlreadyExists, isGone, isForbidden, isInvalid } = errors;
    const yes = [isNotFound, isConflict, isAlreadyExists, isGone, isForbidden, isInvalid].filter((other) =>
      other(error),
    );
    expect(yes).toEqual([is]);
  });

  test("a load balancer's page is not repeated", async () => {
    const { client, clock } = await setUp((exchange) => exchange.reply(403, '<html>token=abc</html>'));
    const error = await outcome(client.get(WIDGETS, A), clock);
    expect(error).toMatchObject({
      reason: 'Forbidden',
      message: 'GET /apis/example.com/v1/namespaces/ns/widgets/a: HTTP 403 without a Kubernetes Status',
    });
  });

  test('a reply that is not JSON', async () => {
    const { client, clock } = await setUp((exchange) => exchange.reply(200, 'hello'));
    expect(await outcome(client.get(WIDGETS, A), clock)).toMatchObject({ statusCode: 0, reason: 'BadReply' });
  });

  test('nobody listens', async () => {
    const { server, client, clock } = await setUp(ok, { maxRetries: 1 });
    await server.close();
    const error = await outcome(client.get(WIDGETS, A), clock);
    expect(error).toMatchObject({ statusCode: 0, reason: 'Network' });
    expect((error as Error).message).toContain('ECONNREFUSED');
  });

  test('a server that never answers ends with the deadline', async () => {
    const { client, clock } = await setUp(() => {}, { requestTimeoutMs: 3_000 });
    const error = await outcome(client.get(WIDGETS, A), clock);
    expect(error).toMatchObject({ statusCode: 0, reason: 'Timeout' });
    // The clock moves on until the end is seen.
    expect(clock.monotonic()).toBeGreaterThanOrEqual(3_000);
    expect(clock.monotonic()).toBeLessThan(10_000);
  });

  test('a caller who aborts is told so', async () => {
    const abort = new AbortController();
    const { client, clock } = await setUp(() => abort.abort());
    expect(errors.isAborted(await outcome(client.get(WIDGETS, A, { signal: abort.signal }), clock))).toBe(
      true,
    );
  });
});

describe('retries', () => {
  const failOnce =
    (code: number, reason: string, headers?: Record<string, string>) => (exchange: Exchange, nth: number) =>
      nth === 0 ? exchange.fail(code, reason, headers) : ok(exchange);

  test('a 429 is tried again after its Retry-After, whatever the verb', async () => {
    const askedAt: number[] = [];
    const script = failOnce(429, 'TooManyRequests', { 'retry-after': '3' });
    const { client, clock } = await setUp((exchange, nth) => {
      askedAt.push(clock.monotonic());
      script(exchange, nth);
    });
    expect(await outcome(client.create(WIDGETS, a), clock)).toEqual(a);
    expect(askedAt).toHaveLength(2);
    // The clock moves on while the replies are on their way.
    const [first = 0, second = 0] = askedAt;
    expect(second - first).toBeGreaterThanOrEqual(3_000);
    expect(second - first).toBeLessThan(10_000);
  });

  test.each([
    ['a 503', failOnce(503, 'ServiceUnavailable')],
    ['a lost connection', (exchange: Exchange, nth: number) => (nth === 0 ? exchange.reset() : ok(exchange))],
  ])('%s is tried again where twice is the same as once', async (_, script) => {
    const { client, clock } = await setUp(script);
    expect(await outcome(client.apply(WIDGETS, a), clock)).toEqual(a);
  });

  test.each([
    ['a 503', failOnce(503, 'ServiceUnavailable'), 'ServiceUnavailable'],
    ['a lost connection', (exchange: Exchange) => exchange.reset(), 'Network'],
  ])('%s on a create is not: it may have been done', async (_, script, reason) => {
    const { client, clock, server } = await setUp(script);
    expect(await outcome(client.create(WIDGETS, a), clock)).toMatchObject({ reason });
    expect(server.exchanges).toHaveLength(1);
  });

  test('end after a while, with the last error', async () => {
    const { client, clock, server } = await setUp((exchange) => exchange.fail(503, 'ServiceUnavailable'), {
      maxRetries: 2,
    });
    expect(await outcome(client.get(WIDGETS, A), clock)).toMatchObject({ statusCode: 503 });
    expect(server.exchanges).toHaveLength(3);
  });

  test('a Retry-After beyond the deadline fails at once, and tells how long to wait', async () => {
    const { client, clock, server } = await setUp(failOnce(429, 'TooManyRequests', { 'retry-after': '120' }));
    expect(await outcome(client.get(WIDGETS, A), clock)).toMatchObject({
      statusCode: 429,
      retryAfterMs: 120_000,
    });
    expect(server.exchanges).toHaveLength(1);
  });

  test('are counted by code', async () => {
    const metrics = new Registry();
    const { client, clock, server } = await setUp(failOnce(503, 'ServiceUnavailable'), { metrics });
    await outcome(client.get(WIDGETS, A), clock);
    const { host } = new URL(server.url);
    const line = (code: string) =>
      `rest_client_requests_total{code="${code}",method="GET",host="${host}"} 1\n`;
    expect(metrics.expose()).toContain(line('503'));
    expect(metrics.expose()).toContain(line('200'));
  });

  test('that got no answer are counted too', async () => {
    const metrics = new Registry();
    const { client, clock, server } = await setUp((exchange) => exchange.reset(), { metrics, maxRetries: 0 });
    await outcome(client.get(WIDGETS, A), clock);
    const { host } = new URL(server.url);
    expect(metrics.expose()).toContain(
      `rest_client_requests_total{code="<error>",method="GET",host="${host}"} 1\n`,
    );
  });
});

describe('a token that the server stops to take', () => {
  test('is read anew, once for all calls under way', async () => {
    let token = 'old';
    let loads = 0;
    const { server, clock } = await setUp((exchange) =>
      exchange.headers.authorization === 'Bearer new' ? ok(exchange) : exchange.fail(401, 'Unauthorized'),
    );
    const loadConfig = () => {
      loads += 1;
      return configFor(server.url, { token });
    };
    const client = new KubeClient({ loadConfig, fieldManager: 'tester', clock });
    token = 'new';
    const replies = await Promise.all([1, 2, 3].map(() => client.get(WIDGETS, A)));
    await client.close();
    expect(replies).toEqual([a, a, a]);
    expect(loads).toBe(2);
  });

  test('fails when there is no better one', async () => {
    const { client, clock, server } = await setUp((exchange) => exchange.fail(401, 'Unauthorized'));
    expect(errors.isUnauthorized(await outcome(client.get(WIDGETS, A), clock))).toBe(true);
    expect(server.exchanges).toHaveLength(2);
  });
});

describe('watch', () => {
  const options = { resourceVersion: '5', namespace: 'ns', timeoutSeconds: 60 };

  test('asks for bookmarks, and yields what comes', async () => {
    const { client, server } = await setUp((exchange) => {
      exchange.open();
      exchange.event('ADDED', { metadata: { name: 'a', managedFields: [] } });
      exchange.event('BOOKMARK', { metadata: { resourceVersion: '6' } });
      exchange.end();
    });
    expect(await Array.fromAsync(client.watch(WIDGETS, options))).toEqual([
      { type: 'ADDED', object: { metadata: { name: 'a' } } },
      { type: 'BOOKMARK', object: { metadata: { resourceVersion: '6' } } },
    ]);
    expect(Object.fromEntries(server.exchanges[0]?.query ?? [])).toEqual({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: '5',
      timeoutSeconds: '60',
    });
  });

  test('that goes silent is Stalled, and its connection is closed', async () => {
    const { client, clock, server } = await setUp((exchange) => exchange.open());
    const heard: number[] = [];
    const onHeard = () => heard.push(clock.monotonic());
    const all = Array.fromAsync(client.watch(WIDGETS, { ...options, stallTimeoutMs: 2_000, onHeard }));
    expect(await outcome(all, clock)).toMatchObject({ statusCode: 0, reason: 'Stalled' });
    expect(clock.monotonic() - (heard[0] ?? 0)).toBeGreaterThanOrEqual(2_000);
    expect(clock.monotonic() - (heard[0] ?? 0)).toBeLessThan(10_000);
    expect(clock.pendingTimers).toBe(0);
    await vi.waitFor(() => expect(server.exchanges[0]?.closed).toBe(true), patience);
  });

  test('that speaks now and then, were it only by bookmarks, is not Stalled', async () => {
    const { client, clock, server } = await setUp((exchange) => exchange.open());
    let heard = 0;
    const onHeard = () => {
      heard += 1;
    };
    const all = Array.fromAsync(client.watch(WIDGETS, { ...options, stallTimeoutMs: 2_000, onHeard }));
    for (let minute = 1; minute <= 4; minute++) {
      await vi.waitFor(() => expect(heard).toBe(minute), patience);
      await clock.advance(1_500);
      server.exchanges[0]?.event('BOOKMARK', { metadata: { resourceVersion: String(minute) } });
    }
    await vi.waitFor(() => expect(heard).toBe(5), patience);
    server.exchanges[0]?.end();
    expect(await all).toHaveLength(4);
  });

  test('ends with its signal', async () => {
    const abort = new AbortController();
    const { client, clock } = await setUp((exchange) => exchange.open());
    const all = Array.fromAsync(
      client.watch(WIDGETS, { ...options, signal: abort.signal, onHeard: () => abort.abort() }),
    );
    expect(errors.isAborted(await outcome(all, clock))).toBe(true);
  });
});
