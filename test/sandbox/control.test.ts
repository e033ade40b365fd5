import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from './sandbox.ts';
import { codes, digestOf, root, sha256, TestClient } from './testclient.ts';

let sandbox: Sandbox;
let client: TestClient;
const sha = 'b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514';

beforeAll(async () => {
  sandbox = await startSandbox();
});
beforeEach(async () => {
  sandbox.reset();
  client = await TestClient.connect(sandbox.url);
});
afterAll(() => sandbox.close());

/** As another process would: HTTP, without a token. */
async function control(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: unknown }> {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  const response = await fetch(`${sandbox.url}/sandbox${path}`, init);
  return { status: response.status, body: await response.json() };
}

test('puts in a foreign segment and foreign members, which the API then shows', async () => {
  const foreign = { advertiserId: '12345', name: 'theirs', description: 'by hand', readOnly: true };
  const made = await control('POST', '/segments', foreign);
  const { id } = made.body as { id: string };
  expect(made.body).toEqual({
    id,
    type: 'ContactList',
    numberOfIdentifiers: 0,
    digest: digestOf([]),
    ...foreign,
  });
  const changed = await control('POST', '/members', {
    segmentId: id,
    identifiers: ['User@Example.com', sha256('b')],
  });
  expect(changed.body).toMatchObject({ numberOfIdentifiers: 2, digest: digestOf([sha, sha256('b')]) });
  await control('POST', '/members', { segmentId: id, identifiers: [sha256('b')], operation: 'remove' });
  expect((await control('GET', `/segments/${id}`)).body).toMatchObject({ digest: digestOf([sha]) });
  expect((await control('GET', `/segments/${id}/contains?digest=${sha}`)).body).toEqual({ contains: true });
  expect((await control('GET', '/segments')).body).toHaveLength(1);
  const { body } = await client.search();
  expect(body.data).toMatchObject([
    { id, attributes: { name: 'theirs', contactList: { isReadOnly: true } } },
  ]);
});

test('keeps a journal of requests without identifiers, tokens or secrets', async () => {
  const id = await client.segment('list');
  await client.amend(id, 'add', ['canary@example.com', sha256('canary@example.com'), 'canary']);
  const { body } = await control('GET', '/requests');
  expect(body).toMatchObject([
    { number: 1, method: 'POST', path: '/oauth2/token', status: 200, clientId: 'sandbox-client' },
    { number: 2, method: 'POST', path: `${root}/create`, status: 200 },
    {
      number: 3,
      method: 'PATCH',
      path: `${root}/${id}/contact-list`,
      status: 200,
      counts: { operation: 'add', identifiers: 3, valid: 2, invalid: 1 },
    },
  ]);
  const text = JSON.stringify(body);
  for (const secret of ['canary', sha256('canary@example.com'), client.token, 'sandbox-secret']) {
    expect(text).not.toContain(secret);
  }
  await control('DELETE', '/requests');
  expect((await control('GET', '/requests')).body).toEqual([]);
});

test('orders, lists and clears faults', async () => {
  expect((await control('POST', '/faults', { kind: 'status', status: 503 })).status).toBe(200);
  expect((await control('GET', '/faults')).body).toMatchObject([
    { fault: { status: 503 }, seen: 0, played: 0 },
  ]);
  expect(codes(await client.create('a'))).toEqual(['service-unavailable']);
  await control('POST', '/faults', { kind: 'status', status: 503 });
  await control('DELETE', '/faults');
  expect(codes(await client.create('a'))).toEqual([]);
});

test('changes clients, tokens, behaviour and held-back effects', async () => {
  await control('POST', '/clients', {
    clientId: 'app',
    clientSecret: 'hidden',
    advertisers: [{ id: '9', name: 'N' }],
  });
  const clients = await control('GET', '/clients');
  expect(clients.body).toContainEqual({ clientId: 'app', advertisers: [{ id: '9', name: 'N' }] });
  expect(JSON.stringify(clients.body)).not.toContain('hidden');
  expect((await control('PATCH', '/behaviour', { pageLimit: 3 })).body).toMatchObject({ pageLimit: 3 });
  await control('POST', '/faults', { kind: 'late' });
  await client.create('a');
  expect((await control('GET', '/effects')).body).toEqual({ pending: 1 });
  expect((await control('POST', '/effects/release')).body).toEqual({ released: 1 });
  expect((await control('GET', '/segments')).body).toMatchObject([{ name: 'a' }]);
  await control('POST', '/tokens/expire');
  expect(codes(await client.create('b'))).toEqual(['authorization-token-expired']);
});

test('tells of violations', async () => {
  await client.search({ name: 'a' });
  expect((await control('GET', '/violations')).body).toMatchObject([
    { side: 'request', path: `${root}/search` },
  ]);
});

test('goes back to how it was started', async () => {
  await client.segment('a');
  await control('PATCH', '/behaviour', { callsPerMinute: 1 });
  await control('POST', '/faults', { kind: 'resetBefore' });
  await control('POST', '/reset');
  expect((await control('GET', '/segments')).body).toEqual([]);
  expect((await control('GET', '/faults')).body).toEqual([]);
  expect((await control('GET', '/requests')).body).toEqual([]);
  expect((await control('GET', '/behaviour')).body).toMatchObject({ callsPerMinute: 250 });
  expect(codes(await client.create('b'))).toEqual(['authorization-token-invalid']);
});

test.each([
  ['POST', '/segments', { name: 'a' }, 400, 'advertiserId'],
  ['POST', '/members', { segmentId: '1', identifiers: [] }, 400, 'no segment 1'],
  ['POST', '/members', { segmentId: '1001', identifiers: ['nobody'] }, 400, '1 are neither'],
  ['POST', '/clients', { clientId: 'app' }, 400, 'clientSecret'],
  ['PATCH', '/behaviour', { pagelimit: 3 }, 400, 'additional'],
  ['POST', '/faults', { kind: 'explode' }, 400, 'resetAfter'],
  ['GET', '/segments/999', undefined, 404, 'no such segment'],
  ['GET', '/nothing', undefined, 404, 'GET /sandbox lists'],
])('refuses %s %s %o and says why', async (method, path, body, status, words) => {
  await client.segment('list');
  const reply = await control(method, path, body);
  expect(reply).toEqual({ status, body: { error: expect.stringContaining(words) } });
});
