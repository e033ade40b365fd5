import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Dataverse, startDataverse } from './dataverse.ts';
import { askToken, errorOf, idsOf, memberships, prefer, profiles, rowsOf, TestClient } from './testclient.ts';

let sandbox: Dataverse;
let client: TestClient;

beforeAll(async () => {
  sandbox = await startDataverse();
});
beforeEach(async () => {
  sandbox.reset();
  sandbox.putPeople(['1', '2', '3', '4', '5'].map((id) => ({ id, segments: ['Gold'] })));
  client = await TestClient.connect(sandbox.url);
});
afterAll(() => sandbox.close());

const link = (reply: { body: Record<string, unknown> }) => String(reply.body['@odata.nextLink']);

test('a token that expires in mid-scan is refused until there is a new one', async () => {
  sandbox.addFault({ kind: 'expireToken', path: profiles, skip: 1 });
  const first = await client.get(profiles, {}, 2);
  expect((await client.follow(link(first), prefer(2))).status).toBe(401);
  expect((await client.follow(link(first), prefer(2))).status).toBe(401);
  const { body } = await askToken(sandbox.url);
  client.token = String(body.access_token);
  const second = await client.follow(link(first), prefer(2));
  expect([second.status, idsOf(rowsOf(second))]).toEqual([200, ['3', '4']]);
});

test('429 comes with Retry-After, and who does not wait is remembered', async () => {
  sandbox.addFault({ kind: 'status', status: 429, retryAfterSeconds: 60, code: '0x80072321' });
  const reply = await client.get(profiles);
  expect([reply.status, reply.headers.get('retry-after'), errorOf(reply).code]).toEqual([
    429,
    '60',
    '0x80072321',
  ]);
  expect(errorOf(reply).message).toContain('Combined execution time');
  await new Promise((resolve) => setTimeout(resolve, 300));
  await client.get(profiles);
  expect(sandbox.violations()).toMatchObject([{ detail: expect.stringContaining('Retry-After') }]);
});

test('errors come in the envelope of the endpoint', async () => {
  sandbox.addFault({ kind: 'status', status: 503, times: 2 });
  const api = await client.get(profiles);
  expect([api.status, errorOf(api).message]).toEqual([503, expect.stringContaining('busy')]);
  const token = await askToken(sandbox.url);
  expect([token.status, token.body.error]).toEqual([503, 'temporarily_unavailable']);
  sandbox.addFault({ kind: 'status', status: 403, path: 'EntityDefinitions' });
  expect((await client.get(profiles)).status).toBe(200);
  expect((await client.get("EntityDefinitions(LogicalName='msdynci_customerprofile')")).status).toBe(403);
});

test('a page breaks off, a connection is reset, a reply is no JSON', async () => {
  sandbox.addFault({ kind: 'halfReply' });
  await expect(client.get(profiles)).rejects.toThrow();
  sandbox.addFault({ kind: 'reset' });
  await expect(client.get(profiles)).rejects.toThrow(/fetch failed/);
  sandbox.addFault({ kind: 'malformed' });
  await expect(client.get(profiles)).rejects.toThrow(/JSON/);
  expect(sandbox.requests().map(({ status, fault }) => [status, fault])).toEqual([
    [200, undefined],
    [200, 'halfReply'],
    [null, 'reset'],
    [200, 'malformed'],
  ]);
});

test('rows come twice, and as a bare array', async () => {
  sandbox.addFault({ kind: 'duplicateRows', path: memberships });
  sandbox.addFault({ kind: 'bareArray', path: memberships, skip: 1 });
  const { rows } = await client.scan(memberships, {}, 3);
  expect(idsOf(rows)).toEqual(['5', '5', '4', '4', '3', '3', '2', '1']);
  expect(rows.map((row) => row.msdynci_segments).slice(-3)).toEqual([
    '{"Segments":["Gold"]}',
    '["Gold"]',
    '["Gold"]',
  ]);
});

test('a page is short or empty, and its link goes on', async () => {
  sandbox.addFault({ kind: 'shortPage', rows: 1 });
  sandbox.addFault({ kind: 'shortPage', rows: 0 });
  const { rows, pages } = await client.scan(profiles, {}, 3);
  expect([idsOf(rows), pages]).toEqual([['1', '2', '3', '4', '5'], 4]);
});

test('a link leads back to its page, or elsewhere', async () => {
  sandbox.addFault({ kind: 'nextLink', skip: 1, times: 2 });
  const first = await client.get(profiles, {}, 2);
  const second = await client.follow(link(first), prefer(2));
  expect(link(second)).toBe(link(first));
  const again = await client.follow(link(second), prefer(2));
  expect([link(again), idsOf(rowsOf(again))]).toEqual([link(first), ['3', '4']]);
  sandbox.addFault({ kind: 'nextLink', link: 'https://elsewhere.example/' });
  expect(link(await client.get(profiles))).toBe('https://elsewhere.example/');
  expect(sandbox.violations()).toEqual([]);
});

test('a reply comes late, or its second half does', async () => {
  const elapsed = async (action: () => Promise<unknown>) => {
    const start = performance.now();
    await action();
    return performance.now() - start;
  };
  sandbox.addFault({ kind: 'delay', milliseconds: 200 });
  expect(await elapsed(() => client.get(profiles))).toBeGreaterThan(190);
  sandbox.addFault({ kind: 'slow', milliseconds: 3_000 });
  const headers = { authorization: `Bearer ${client.token}` };
  const response = await fetch(`${sandbox.url}/api/data/v9.2/${profiles}`, { headers });
  expect(response.status).toBe(200);
  expect(await elapsed(() => response.text())).toBeGreaterThan(30);
});

test('a fault meets one of several scans by its query', async () => {
  const scan = (digit: string) => ({ $filter: `startswith(msdynci_customerid,'${digit}')` });
  sandbox.addFault({ kind: 'raw', status: 502, body: '<html>', contentType: 'text/html', query: "'3'" });
  expect((await client.get(profiles, scan('2'))).status).toBe(200);
  const reply = await client.get(profiles, scan('3'));
  expect([reply.status, reply.body]).toEqual([502, { text: '<html>' }]);
  expect(sandbox.faults()).toMatchObject([{ seen: 1, played: 1 }]);
});

test('the limits of the service protection are kept', async () => {
  sandbox.setBehaviour({ requestsPerWindow: 2, windowSeconds: 100 });
  expect((await client.get(profiles)).headers.get('x-ms-ratelimit-burst-remaining-xrm-requests')).toBe('1');
  await client.get(profiles);
  const third = await client.get(profiles);
  expect([third.status, errorOf(third).code]).toEqual([429, '0x80072322']);
  expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(95);
  sandbox.setBehaviour({ requestsPerWindow: 0, maxConcurrent: 2, latencyMilliseconds: 5_000 });
  const replies = await Promise.all([1, 2, 3].map(() => client.get(profiles)));
  const refused = replies.filter(({ status }) => status === 429);
  expect(refused.map((reply) => errorOf(reply).code)).toEqual(['0x80072326']);
});
