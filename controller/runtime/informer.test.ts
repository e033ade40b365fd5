import { afterEach, describe, expect, test, vi } from 'vitest';
import { KubeClient } from './client.ts';
import { FakeClock } from './fakeclock.ts';
import { configFor, type Exchange, startFakeServer } from './fakeserver.ts';
import { Informer, type InformerOptions } from './informer.ts';
import { createLogger } from './log.ts';
import { defineResource, type KubeObject, objectKey } from './resource.ts';

interface Widget extends KubeObject {
  spec: { size: number };
}
const WIDGETS = defineResource<Widget>({
  group: 'example.com',
  version: 'v1',
  plural: 'widgets',
  kind: 'Widget',
  namespaced: true,
});

type Fault = (exchange: Exchange) => void;
const status = (code: number, reason: string) => ({
  kind: 'Status',
  code,
  reason,
  message: `scripted ${reason}`,
});

/** As much of an API server as a reflector sees: lists, and watches that replay what happened since a version. */
class FakeApi {
  readonly clock = new FakeClock();
  readonly asked: { what: 'list' | 'watch'; at: number; exchange: Exchange }[] = [];
  /** Each is used up by one request, in order. */
  readonly listFaults: Fault[] = [];
  readonly watchFaults: Fault[] = [];
  version = 100;
  #objects = new Map<string, Widget>();
  #log: { type: string; object: Widget }[] = [];
  #watches: Exchange[] = [];

  answer(exchange: Exchange): void {
    const what = exchange.isWatch ? 'watch' : 'list';
    this.asked.push({ what, at: this.clock.monotonic(), exchange });
    const fault = (exchange.isWatch ? this.watchFaults : this.listFaults).shift();
    if (fault) fault(exchange);
    else if (exchange.isWatch) this.#watch(exchange);
    else this.#list(exchange);
  }

  put(name: string, size: number, namespace = 'ns'): Widget {
    const key = `${namespace}/${name}`;
    const object = this.#object(name, size, namespace);
    this.#happen(this.#objects.has(key) ? 'MODIFIED' : 'ADDED', object);
    this.#objects.set(key, object);
    return object;
  }

  remove(name: string, namespace = 'ns'): void {
    this.#objects.delete(`${namespace}/${name}`);
    this.#happen('DELETED', this.#object(name, 0, namespace));
  }

  /** The watches that are open now. */
  get open(): Exchange[] {
    return this.#watches.filter((watch) => !watch.closed);
  }

  /** From now on nothing reaches those who watch. */
  cutOff(): Exchange[] {
    return this.#watches.splice(0);
  }

  count(what: 'list' | 'watch'): number {
    return this.asked.filter((each) => each.what === what).length;
  }

  #object(name: string, size: number, namespace: string): Widget {
    this.version += 1;
    const metadata = { name, namespace, uid: `uid-${name}`, resourceVersion: String(this.version) };
    return { apiVersion: 'example.com/v1', kind: 'Widget', metadata, spec: { size } };
  }

  #happen(type: string, object: Widget): void {
    this.#log.push({ type, object });
    for (const watch of this.open) watch.event(type, object);
  }

  #list(exchange: Exchange): void {
    const namespace = /namespaces\/([^/]+)/.exec(exchange.path)?.[1];
    const items = [...this.#objects.values()].filter(
      ({ metadata }) => !namespace || metadata.namespace === namespace,
    );
    exchange.reply(200, { metadata: { resourceVersion: String(this.version) }, items });
  }

  #watch(exchange: Exchange): void {
    exchange.open();
    const since = Number(exchange.query.get('resourceVersion'));
    for (const { type, object } of this.#log) {
      if (Number(object.metadata.resourceVersion) > since) exchange.event(type, object);
    }
    this.#watches.push(exchange);
  }
}

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0)) await end();
});

async function setUp(options: Partial<InformerOptions<Widget>> = {}) {
  const api = new FakeApi();
  const server = await startFakeServer((exchange) => api.answer(exchange));
  const { clock } = api;
  const client = new KubeClient({
    loadConfig: server.config,
    fieldManager: 'tester',
    clock,
    random: () => 0.5,
    maxRetries: 0,
  });
  const changes: string[] = [];
  const lines: string[] = [];
  const logger = createLogger({ level: 'debug', write: (line) => lines.push(line) });
  const informer = new Informer({ client, resource: WIDGETS, clock, logger, random: () => 0.5, ...options });
  informer.addHandler((old, now) => {
    const object = now ?? old;
    if (object) changes.push(`${old ? (now ? 'changed' : 'deleted') : 'added'} ${objectKey(object)}`);
  });
  cleanUp.push(
    () => informer.stop(),
    () => client.close(),
    server.close,
  );
  /** Lets time pass until it is so. */
  const until = (assertion: () => void) =>
    vi.waitFor(
      async () => {
        await clock.advance(100);
        assertion();
      },
      { interval: 1, timeout: 30_000 },
    );
  const sizes = () =>
    Object.fromEntries(informer.store.list().map((each) => [objectKey(each), each.spec.size]));
  const started = async () => {
    informer.start();
    await until(() => expect(api.open).toHaveLength((options.namespaces ?? ['']).length));
    expect(informer.hasSynced()).toBe(true);
  };
  return { api, clock, server, client, informer, changes, lines, until, sizes, started };
}

test('lists, then follows what happens', async () => {
  const { api, informer, changes, until, sizes, started } = await setUp();
  api.put('a', 1);
  api.put('b', 1);
  expect(informer.hasSynced()).toBe(false);
  await started();
  expect(sizes()).toEqual({ 'ns/a': 1, 'ns/b': 1 });
  api.put('a', 2);
  api.put('c', 1);
  api.remove('b');
  await until(() => expect(sizes()).toEqual({ 'ns/a': 2, 'ns/c': 1 }));
  expect(changes).toEqual(['added ns/a', 'added ns/b', 'changed ns/a', 'added ns/c', 'deleted ns/b']);
});

test('keeps of each object what it is told to keep, from lists and watches alike', async () => {
  const transform = ({ metadata, spec }: Widget): Widget => ({ metadata, spec: { size: -spec.size } });
  const { api, informer, until, sizes, started } = await setUp({ transform, pageSize: 1 });
  api.put('a', 1);
  await started();
  api.put('b', 2);
  await until(() => expect(sizes()).toEqual({ 'ns/a': -1, 'ns/b': -2 }));
  expect(informer.store.list().flatMap((object) => Object.keys(object))).not.toContain('kind');
  api.remove('a');
  await until(() => expect(sizes()).toEqual({ 'ns/b': -2 }));
});

describe('what changed while a watch was broken is seen after', () => {
  const half =
    '{"type":"MODIFIED","object":{"metadata":{"name":"a","namespace":"ns","resourceVersion":"999"},"spec":{"si';
  test.each<[string, (broken: Exchange, api: FakeApi) => void, { lists: number }]>([
    [
      '410 as a status',
      (broken, api) => {
        api.watchFaults.push((exchange) => exchange.fail(410, 'Expired'));
        broken.end();
      },
      { lists: 2 },
    ],
    ['410 in an ERROR event', (broken) => broken.event('ERROR', status(410, 'Expired')), { lists: 2 }],
    [
      '500 in an ERROR event',
      (broken) => {
        broken.event('ERROR', status(500, 'InternalError'));
        broken.end();
      },
      { lists: 1 },
    ],
    [
      '503, twice',
      (broken, api) => {
        const fault: Fault = (exchange) => exchange.fail(503, 'ServiceUnavailable');
        api.watchFaults.push(fault, fault);
        broken.reset();
      },
      { lists: 1 },
    ],
    [
      'a reset in the middle of a line',
      (broken) => {
        broken.write(half);
        setImmediate(() => broken.reset());
      },
      { lists: 1 },
    ],
    [
      'half an event, and a proper end',
      (broken) => {
        broken.write(half);
        broken.end();
      },
      { lists: 1 },
    ],
    ['half an event, and a line break', (broken) => broken.write(`${half}\n`), { lists: 1 }],
    ['silence', () => {}, { lists: 1 }],
    ['an end in good order', (broken) => broken.end(), { lists: 1 }],
    [
      'a proxy page instead of a watch',
      (broken, api) => {
        api.watchFaults.push((exchange) => exchange.reply(502, '<html>Bad Gateway</html>'));
        broken.end();
      },
      { lists: 1 },
    ],
    [
      '410, and then lists that fail',
      (broken, api) => {
        api.watchFaults.push((exchange) => exchange.fail(410, 'Expired'));
        api.listFaults.push(
          (exchange) => exchange.fail(500, 'InternalError'),
          (exchange) => exchange.reset(),
          (exchange) => exchange.reply(200, '{"items": [{"meta'),
          (exchange) => exchange.fail(403, 'Forbidden'),
        );
        broken.end();
      },
      { lists: 6 },
    ],
    [
      'an API server that is away for a while, however often it is asked',
      (broken, api) => {
        api.watchFaults.push(...Array.from({ length: 8 }, () => (exchange: Exchange) => exchange.reset()));
        broken.reset();
      },
      // After several failures in a row a list is asked for, which is always right.
      { lists: 2 },
    ],
  ])('%s', async (_, breakIt, { lists }) => {
    const { api, informer, changes, until, sizes, started } = await setUp();
    api.put('a', 1);
    api.put('b', 1);
    await started();
    const [broken] = api.cutOff();
    if (!broken) throw new Error('no watch to break');
    breakIt(broken, api);
    api.put('a', 2);
    api.remove('b');
    api.put('c', 1);
    await until(() => expect(sizes()).toEqual({ 'ns/a': 2, 'ns/c': 1 }));
    expect([...changes].sort()).toEqual(
      ['added ns/a', 'added ns/b', 'added ns/c', 'changed ns/a', 'deleted ns/b'].sort(),
    );
    await until(() => expect(informer.lastError()).toBeUndefined());
    expect(api.count('list')).toBe(lists);
    expect(api.open).toHaveLength(1);
  });
});

test('an API server that was away for long is asked again within five seconds, and then the cache is right', async () => {
  const { api, clock, lines, sizes, started } = await setUp({ random: () => 0.999 });
  api.put('a', 1);
  await started();
  const soon = (assertion: () => void) => vi.waitFor(assertion, { interval: 1, timeout: 30_000 });
  const away: Fault = (exchange) => exchange.reset();
  api.watchFaults.push(...Array(4).fill(away));
  api.listFaults.push(...Array(15).fill(away));
  api.cutOff()[0]?.reset();
  api.put('a', 2);
  for (let failures = 1; failures <= 20; failures++) {
    await soon(() => expect(lines.filter((line) => line.includes('trying again'))).toHaveLength(failures));
    await clock.advance(5_000);
  }
  await soon(() => expect(sizes()).toEqual({ 'ns/a': 2 }));
});

test('events that come twice, late or out of order change nothing', async () => {
  const { api, changes, until, sizes, started } = await setUp();
  const old = api.put('a', 1);
  await started();
  const newer = api.put('a', 2);
  const b = api.put('b', 1);
  api.remove('b');
  const [watch] = api.open;
  watch?.event('MODIFIED', newer);
  watch?.event('MODIFIED', old);
  watch?.event('DELETED', old);
  watch?.event('ADDED', b);
  watch?.event('DELETED', b);
  api.put('z', 1);
  await until(() => expect(sizes()).toEqual({ 'ns/a': 2, 'ns/z': 1 }));
  expect(changes).toEqual(['added ns/a', 'changed ns/a', 'added ns/b', 'deleted ns/b', 'added ns/z']);
});

test('an object that was deleted and made again is seen', async () => {
  const { api, changes, until, sizes, started } = await setUp();
  api.put('a', 1);
  await started();
  api.remove('a');
  api.put('a', 9);
  await until(() => expect(sizes()).toEqual({ 'ns/a': 9 }));
  expect(changes).toEqual(['added ns/a', 'deleted ns/a', 'added ns/a']);
});

test('a bookmark moves the version from which the next watch goes on', async () => {
  const { api, until, started } = await setUp();
  await started();
  const [watch] = api.cutOff();
  watch?.event('BOOKMARK', { metadata: { resourceVersion: '5000' } });
  watch?.end();
  await until(() => expect(api.open).toHaveLength(1));
  expect(api.open[0]?.query.get('resourceVersion')).toBe('5000');
});

test('429 with Retry-After: the next watch is asked for after that, and not before', async () => {
  const { api, until, started } = await setUp();
  await started();
  api.watchFaults.push((exchange) => exchange.fail(429, 'TooManyRequests', { 'retry-after': '7' }));
  api.cutOff()[0]?.end();
  await until(() => expect(api.open).toHaveLength(1));
  const [refused, accepted] = api.asked.slice(-2);
  expect((accepted?.at ?? 0) - (refused?.at ?? 0)).toBeGreaterThanOrEqual(7_000);
});

test('a server that ends each watch at once is not hammered', async () => {
  const { api, clock, until, started } = await setUp();
  await started();
  api.watchFaults.push(...Array.from({ length: 6 }, () => (exchange: Exchange) => exchange.reply(200, '')));
  const startedAt = clock.monotonic();
  api.cutOff()[0]?.end();
  await until(() => expect(api.open).toHaveLength(1));
  // 150 + 300 + 600 + 1200 + 2400 + 3750: each pause is three quarters of its bound, for random is 0.5.
  expect(clock.monotonic() - startedAt).toBeGreaterThanOrEqual(8_400);
});

test('a token that is replaced does not end it', async () => {
  const api = new FakeApi();
  let valid = 'one';
  const server = await startFakeServer((exchange) =>
    exchange.headers.authorization === `Bearer ${valid}`
      ? api.answer(exchange)
      : exchange.fail(401, 'Unauthorized'),
  );
  const { clock } = api;
  const loadConfig = () => configFor(server.url, { token: valid });
  const client = new KubeClient({ loadConfig, fieldManager: 'tester', clock });
  const informer = new Informer({ client, resource: WIDGETS, clock });
  cleanUp.push(
    () => informer.stop(),
    () => client.close(),
    server.close,
  );
  informer.start();
  await vi.waitFor(() => expect(api.open).toHaveLength(1), { timeout: 30_000 });
  valid = 'two';
  api.cutOff()[0]?.reset();
  api.put('a', 1);
  await vi.waitFor(
    async () => {
      await clock.advance(100);
      expect(informer.store.keys()).toEqual(['ns/a']);
    },
    { timeout: 30_000 },
  );
});

test('tells how long nothing was heard and why, and forgets it when the server is back', async () => {
  const { api, server, clock, informer, lines, until, started } = await setUp();
  await started();
  const away: Fault = (exchange) => exchange.fail(503, 'ServiceUnavailable');
  api.watchFaults.push(...Array.from({ length: 4 }, () => away));
  api.listFaults.push(...Array.from({ length: 50 }, () => away));
  api.cutOff()[0]?.end();
  const since = clock.monotonic();
  await until(() => expect(informer.staleForMs()).toBeGreaterThanOrEqual(60_000));
  expect(informer.staleForMs()).toBeLessThanOrEqual(clock.monotonic() - since + 1_000);
  // It is alive all the same: it tries.
  expect(informer.idleForMs()).toBeLessThan(10_000);
  expect(informer.lastError()).toMatchObject({ statusCode: 503 });
  api.listFaults.splice(0);
  await until(() => expect(informer.lastError()).toBeUndefined());
  expect(informer.staleForMs()).toBeLessThan(5_000);
  // Told once, not each time.
  expect(lines.filter((line) => line.includes('"level":"warn"')).length).toBeLessThanOrEqual(2);
  expect(server.exchanges.length).toBeGreaterThan(8);
});

test('stop while it waits to try again: no further request is made', async () => {
  const { api, server, clock, informer, until, started } = await setUp();
  await started();
  api.watchFaults.push((exchange) => exchange.fail(503, 'ServiceUnavailable'));
  api.cutOff()[0]?.end();
  await until(() => expect(informer.lastError()).toBeDefined());
  await informer.stop();
  const before = server.exchanges.length;
  await clock.advance(600_000);
  expect(server.exchanges).toHaveLength(before);
  expect(clock.pendingTimers).toBe(0);
});

test('stop closes the watch', async () => {
  const { api, informer, started } = await setUp();
  await started();
  await informer.stop();
  await vi.waitFor(() => expect(api.open).toEqual([]), { timeout: 30_000 });
});

test('a handler that throws is logged, and the others go on', async () => {
  const { api, informer, changes, lines, until, started } = await setUp();
  informer.addHandler(() => {
    throw new Error('bad handler');
  });
  await started();
  api.put('a', 1);
  api.put('b', 1);
  await until(() => expect(changes).toEqual(['added ns/a', 'added ns/b']));
  expect(lines.filter((line) => line.includes('bad handler'))).toHaveLength(2);
});

test('a handler that comes late is told what is there; one that was removed is told nothing', async () => {
  const { api, informer, until, started, sizes } = await setUp();
  api.put('a', 1);
  await started();
  const told: (string | undefined)[] = [];
  const remove = informer.addHandler((_old, now) => told.push(now?.metadata.name));
  expect(told).toEqual(['a']);
  remove();
  api.put('b', 1);
  await until(() => expect(sizes()).toEqual({ 'ns/a': 1, 'ns/b': 1 }));
  expect(told).toEqual(['a']);
});

test('of several namespaces each has its watch, and a new list of one leaves the others', async () => {
  const { api, until, sizes, started } = await setUp({ namespaces: ['ns', 'other'] });
  api.put('a', 1);
  api.put('b', 1, 'other');
  api.put('c', 1, 'third');
  await started();
  expect(sizes()).toEqual({ 'ns/a': 1, 'other/b': 1 });
  const inNs = api.open.find(({ path }) => path.includes('/namespaces/ns/'));
  api.cutOff();
  inNs?.event('ERROR', status(410, 'Expired'));
  api.put('a', 2);
  await until(() => expect(sizes()).toEqual({ 'ns/a': 2, 'other/b': 1 }));
});

test('waiting for the first list can be given up, and says why it did not come', async () => {
  const { api, informer, until } = await setUp();
  api.listFaults.push(
    ...Array.from({ length: 50 }, () => (exchange: Exchange) => exchange.fail(404, 'NotFound')),
  );
  informer.start();
  await until(() => expect(informer.lastError()).toBeDefined());
  await expect(informer.waitForSync(AbortSignal.abort())).rejects.toThrow(
    'widgets.example.com did not sync: scripted NotFound',
  );
});
