import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Fault } from './faults.ts';
import { type Sandbox, startSandbox } from './sandbox.ts';
import { askToken, codes, root, sha256, TestClient } from './testclient.ts';

let sandbox: Sandbox;
let client: TestClient;
let id: string;
const start = Date.parse('2026-11-22T00:00:00Z');
const member = sha256('user@example.com');

beforeAll(async () => {
  sandbox = await startSandbox({ now: () => start });
});
beforeEach(async () => {
  sandbox.reset();
  client = await TestClient.connect(sandbox.url);
  id = await client.segment('list');
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(() => sandbox.close());

const add = () => client.amend(id, 'add', [member]);
const size = () => sandbox.segment(id)?.numberOfIdentifiers;

test.each([
  [400, 'validation', 'invalid'],
  [401, 'authorization', 'authorization-token-expired'],
  [403, 'access-control', 'insufficient-advertiser-permissions'],
  [404, 'validation', 'audience-invalid'],
  [410, 'deprecation', 'endpoint-deprecated'],
  [413, 'validation', 'request-too-large'],
  [429, 'quota', 'too-many-requests'],
  [500, 'availability', 'internal-error'],
  [503, 'availability', 'service-unavailable'],
])('answers %i in the envelope of the API, once, without the effect', async (status, type, code) => {
  sandbox.addFault({ kind: 'status', status });
  const reply = await add();
  expect(reply.status).toBe(status);
  expect(reply.body).toMatchObject({ errors: [{ type, code }], warnings: [] });
  expect(size()).toBe(0);
  expect((await add()).status).toBe(200);
  expect(size()).toBe(1);
});

test('answers in the envelope of the token endpoint there', async () => {
  sandbox.addFault({ kind: 'status', status: 503, path: '^/oauth2/token$' });
  const { status, body } = await askToken(sandbox.url);
  expect([status, Object.keys(body)]).toEqual([503, ['error', 'error_description', 'error_uri']]);
});

test('a 429 says when to come back', async () => {
  sandbox.addFault({ kind: 'status', status: 429, resetSeconds: 7 });
  const { headers } = await add();
  expect(headers.get('x-ratelimit-remaining')).toBe('0');
  expect(headers.get('x-ratelimit-reset')).toBe(String(start / 1000 + 7));
});

test('a status can come with the effect and with a code of its own', async () => {
  sandbox.addFault({ kind: 'status', status: 500, code: 'odd', applied: true });
  expect(codes(await add())).toEqual(['odd']);
  expect(size()).toBe(1);
});

describe('a lost reply', () => {
  test.each<[Fault, number]>([
    [{ kind: 'resetBefore' }, 0],
    [{ kind: 'resetAfter' }, 1],
    [{ kind: 'halfReply' }, 1],
    [{ kind: 'malformed' }, 1],
  ])('%o leaves so many members: %i', async (fault, members) => {
    sandbox.addFault(fault);
    await expect(add()).rejects.toThrow();
    expect(size()).toBe(members);
    expect(sandbox.requests().at(-1)).toMatchObject({ fault: fault.kind });
  });

  test('a reset is a reset of the connection', async () => {
    sandbox.addFault({ kind: 'resetBefore' });
    const error = await add().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ cause: { code: 'ECONNRESET' } });
  });
});

test('a delayed reply comes, with its effect', async () => {
  sandbox.addFault({ kind: 'delay', milliseconds: 20 });
  expect((await add()).status).toBe(200);
  expect(size()).toBe(1);
  expect(sandbox.faults()).toMatchObject([{ played: 1 }]);
});

test('a delayed reply waits no longer when faults are cleared', async () => {
  sandbox.addFault({ kind: 'delay', milliseconds: 600_000 });
  const reply = add();
  await expect.poll(() => sandbox.requests().at(-1)?.fault, { timeout: 30_000 }).toBe('delay');
  sandbox.clearFaults();
  expect((await reply).status).toBe(200);
});

test('a late effect comes after its reply, at its time or when released', async () => {
  sandbox.addFault({ kind: 'late', operation: 'add' });
  expect((await add()).status).toBe(200);
  expect([size(), sandbox.pendingEffects()]).toEqual([0, 1]);
  await client.amend(id, 'remove', [member]);
  expect(sandbox.releaseEffects()).toBe(1);
  expect(size()).toBe(1);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  sandbox.addFault({ kind: 'late', milliseconds: 500, operation: 'remove' });
  await client.amend(id, 'remove', [member]);
  vi.advanceTimersByTime(499);
  expect([size(), sandbox.pendingEffects()]).toEqual([1, 1]);
  vi.advanceTimersByTime(1);
  expect([size(), sandbox.pendingEffects()]).toEqual([0, 0]);
});

test('an effect may come although the caller was never answered, and late', async () => {
  sandbox.addFault({ kind: 'resetLate', operation: 'add' });
  await expect(add()).rejects.toThrow();
  expect([size(), sandbox.pendingEffects()]).toEqual([0, 1]);
  sandbox.releaseEffects();
  expect(size()).toBe(1);
});

test('errors inside a 200 stand for an effect that did not happen', async () => {
  sandbox.addFault({ kind: 'errors', problem: { type: 'validation', code: 'odd' } });
  const reply = await add();
  expect([reply.status, ...codes(reply)]).toEqual([200, 'odd']);
  expect(size()).toBe(0);
  sandbox.addFault({ kind: 'errors' });
  const created = await client.create('other');
  expect([created.status, created.body.data, ...codes(created)]).toEqual([200, [], 'internal-error']);
  expect(sandbox.segments()).toHaveLength(1);
});

test('warnings inside a 200 come with the effect, or without', async () => {
  sandbox.addFault({ kind: 'warnings' });
  expect(codes(await add(), 'warnings')).toEqual(['deprecated-field']);
  expect(size()).toBe(1);
  sandbox.addFault({ kind: 'warnings', applied: false, problem: { code: 'odd' } });
  const created = await client.create('other');
  expect([created.body.data, ...codes(created, 'warnings')]).toEqual([[], 'odd']);
  expect(sandbox.segments()).toHaveLength(1);
});

test('every played operation can carry errors and warnings without breaking the contract', async () => {
  const calls: [string, string, unknown?][] = [
    ['GET', '/2026-07/advertisers/me'],
    ['GET', '/2026-07/marketing-solutions/me'],
    ['PATCH', root, { data: [{ id, attributes: { name: 'x' } }] }],
    ['POST', `${root}/search`, {}],
    ['POST', `${root}/compute-sizes`, { data: [{ id }] }],
    ['GET', `${root}/${id}/contact-list/statistics`],
    ['DELETE', `${root}/${id}/contact-list`],
    ['POST', `${root}/delete`, { data: [{ id }] }],
  ];
  for (const [method, path, body] of calls) {
    for (const kind of ['errors', 'warnings'] as const) {
      sandbox.addFault({ kind, path });
      const reply = await client.send(method, path, body);
      expect([path, reply.status, codes(reply, kind).length]).toEqual([path, 200, 1]);
    }
  }
  expect(sandbox.violations()).toEqual([]);
});

test('empty data stands for an effect that did not happen', async () => {
  sandbox.addFault({ kind: 'emptyData' });
  expect((await client.create('other')).body).toEqual({ data: [], errors: [], warnings: [] });
  expect(sandbox.segments()).toHaveLength(1);
});

test('any reply at all can be ordered', async () => {
  sandbox.addFault({ kind: 'raw', status: 502, body: '<html>Bad gateway</html>', contentType: 'text/html' });
  const response = await fetch(`${sandbox.url}/2026-07/advertisers/me`);
  expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
    502,
    'text/html',
    '<html>Bad gateway</html>',
  ]);
});

test('meets the requests it was ordered for and no other', async () => {
  sandbox.addFault({
    kind: 'status',
    status: 500,
    method: 'patch',
    path: '/contact-list$',
    skip: 1,
    times: 2,
  });
  const statuses: number[] = [];
  for (let call = 0; call < 4; call += 1) {
    statuses.push((await add()).status, (await client.search()).status);
  }
  expect(statuses).toEqual([200, 200, 500, 200, 500, 200, 200, 200]);
  expect(sandbox.faults()).toMatchObject([{ seen: 4, played: 2 }]);
});

test('tells adding from removing, and goes on until it is cleared', async () => {
  sandbox.addFault({ kind: 'status', status: 503, operation: 'remove', times: 'always' });
  const remove = async () => (await client.amend(id, 'remove', [member])).status;
  expect([(await add()).status, await remove(), await remove()]).toEqual([200, 503, 503]);
  sandbox.clearFaults();
  expect(await remove()).toBe(200);
});

test('a fault that changes a success waits for one', async () => {
  sandbox.addFault({ kind: 'errors', operation: 'add' });
  expect((await client.amend('999999', 'add', [member])).status).toBe(404);
  expect(codes(await add())).toEqual(['internal-error']);
});

test.each([
  [{}, 'kind'],
  [{ kind: 'explode' }, 'resetAfter'],
  [{ kind: 'status' }, 'status'],
  [{ kind: 'status', status: 200 }, '/status'],
  [{ kind: 'resetBefore', often: true }, 'often'],
  [{ kind: 'resetBefore', path: '(' }, 'regular expression'],
])('refuses the fault %o and says why', (fault, words) => {
  expect(() => sandbox.addFault(fault as Fault)).toThrow(words);
});
