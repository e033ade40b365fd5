import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Dataverse, startDataverse } from './dataverse.ts';
import { askToken, idsOf, memberships, profiles, TestClient } from './testclient.ts';

let sandbox: Dataverse;
let client: TestClient;

beforeAll(async () => {
  sandbox = await startDataverse();
});
beforeEach(async () => {
  sandbox.reset();
  client = await TestClient.connect(sandbox.url);
});
afterAll(() => sandbox.close());

/** As another process would: HTTP, without a token. */
async function control(method: string, path: string, body?: unknown) {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  const response = await fetch(`${sandbox.url}/sandbox${path}`, init);
  return { status: response.status, body: (await response.json()) as unknown };
}

test('puts people in and takes them out', async () => {
  await control('POST', '/people', [
    { id: 'one', columns: { msdynci_email: 'one@example.com' }, segments: ['Gold'] },
    { id: 'two', segments: ['Gold'], profile: false },
  ]);
  await control('POST', '/people', [{ id: 'one', segments: ['Gold', 'Silver'] }]);
  const { body } = await control('GET', '/segments');
  expect(body).toMatchObject([
    { name: 'Gold', members: 2, profiles: 1 },
    { name: 'Silver', members: 1 },
  ]);
  await control('POST', '/people/remove', { id: 'two' });
  expect(idsOf((await client.scan(memberships)).rows)).toEqual(['one']);
  await control('POST', '/segments', { name: 'Gold', isDeleted: true });
  expect((await control('GET', '/segments')).body).toMatchObject([{ isDeleted: true }, {}]);
  await control('DELETE', '/people');
  expect((await client.scan(profiles)).rows).toEqual([]);
});

test('makes up a crowd whose cells hold their numbers', async () => {
  const crowd = {
    count: 3,
    segments: ['Gold'],
    columns: { msdynci_email: 'm{n}@example.com', msdynci_city: 'x' },
  };
  expect((await control('POST', '/people/make-up', crowd)).body).toEqual({ first: 1, last: 3 });
  expect((await control('POST', '/people/make-up', { count: 2 })).body).toEqual({ first: 4, last: 5 });
  const emails = [...sandbox.members('Gold')].map((member) => member.column('msdynci_email'));
  expect(emails).toEqual(['m1@example.com', 'm2@example.com', 'm3@example.com']);
  const { rows } = await client.scan(profiles, { $select: 'msdynci_customerid,msdynci_email,msdynci_city' });
  expect(rows.map((row) => row.msdynci_email)).toEqual([...emails, null, null]);
  expect(new Set(idsOf(rows)).size).toBe(5);
  for (const id of idsOf(rows)) expect(id).toMatch(/^[\da-f]{32}$/);
});

test('keeps a journal of requests without values', async () => {
  sandbox.putPeople([{ id: 'canary1', columns: { msdynci_email: 'canary@example.com' } }]);
  const $filter = "startswith(msdynci_customerid,'canary') and msdynci_email ne 'canary'";
  await client.get(profiles, { $select: 'msdynci_email', $filter }, 10);
  const { body } = await control('GET', '/requests');
  expect(body).toMatchObject([
    { number: 1, method: 'POST', status: 200 },
    {
      number: 2,
      method: 'GET',
      path: `/api/data/v9.2/${profiles}`,
      status: 200,
      select: ['msdynci_email'],
      filter: 'startswith(msdynci_customerid,_) and msdynci_email ne _',
      pageSize: 10,
      rows: 1,
      page: 1,
    },
  ]);
  const text = JSON.stringify(body);
  for (const value of ['canary', client.token, 'dataverse-secret']) expect(text).not.toContain(value);
  await control('DELETE', '/requests');
  expect((await control('GET', '/requests')).body).toEqual([]);
});

test('orders faults, changes clients and behaviour, and goes back to how it was started', async () => {
  await control('POST', '/faults', { kind: 'status', status: 503 });
  expect((await control('GET', '/faults')).body).toMatchObject([{ seen: 0, played: 0 }]);
  expect((await client.get(profiles)).status).toBe(503);
  await control('DELETE', '/faults');
  await control('POST', '/clients', { clientId: 'app', clientSecret: 'hidden' });
  expect((await askToken(sandbox.url, { client_id: 'app', client_secret: 'hidden' })).status).toBe(200);
  expect(JSON.stringify((await control('GET', '/clients')).body)).not.toContain('hidden');
  await control('POST', '/tokens/expire');
  expect((await client.get(profiles)).status).toBe(401);
  expect((await control('PATCH', '/behaviour', { rowLimit: 7 })).body).toMatchObject({ rowLimit: 7 });
  await control('POST', '/reset');
  expect((await control('GET', '/behaviour')).body).toMatchObject({ rowLimit: 0 });
  expect((await control('GET', '/requests')).body).toEqual([]);
  expect((await control('GET', '/violations')).body).toEqual([]);
});

test.each([
  ['POST', '/people', [{ segments: ['a'] }], 400, 'id'],
  ['POST', '/people', [{ id: 'a', columns: { msdynci_mail: 'x' } }], 400, 'no column msdynci_mail'],
  ['POST', '/people/remove', { id: 'a' }, 400, 'nobody'],
  ['POST', '/people/make-up', { count: 0 }, 400, 'count'],
  ['POST', '/segments', {}, 400, 'name'],
  ['POST', '/clients', {}, 400, 'clientId'],
  ['PATCH', '/behaviour', { rowlimit: 3 }, 400, 'additional'],
  ['POST', '/faults', { kind: 'explode' }, 400, 'expireToken'],
  ['POST', '/faults', { kind: 'reset', path: '(' }, 400, 'regular expression'],
  ['GET', '/nothing', undefined, 404, 'GET /sandbox lists'],
])('refuses %s %s %o and says why', async (method, path, body, status, words) => {
  const reply = await control(method, path, body);
  expect(reply).toEqual({ status, body: { error: expect.stringContaining(words) } });
});
