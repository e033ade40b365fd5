import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from './sandbox.ts';
import { codes, root, TestClient } from './testclient.ts';

let sandbox: Sandbox;
let client: TestClient;

beforeAll(async () => {
  sandbox = await startSandbox({ callsPerMinute: 0 });
});
beforeEach(async () => {
  sandbox.reset();
  client = await TestClient.connect(sandbox.url);
});
afterAll(() => sandbox.close());

const amendment = (attributes: object) => ({ data: { type: 'ContactlistAmendment', attributes } });
const good = { operation: 'add', identifierType: 'email', identifiers: ['canary@example.com'] };

test.each([
  ['an unknown field', amendment({ ...good, internalIdentifiers: false }), 'internalIdentifiers'],
  ['an unknown operation', amendment({ ...good, operation: 'replace' }), 'add, remove'],
  ['a type that Criteo spells otherwise', amendment({ ...good, identifierType: 'maid' }), 'madid'],
  ['an identifier that is no string', amendment({ ...good, identifiers: [1] }), '/identifiers/0'],
  ['a caller id as text', amendment({ ...good, gumCallerId: '1' }), 'gumCallerId'],
  ['a missing field', { data: { attributes: good } }, 'type'],
  ['a body that is not JSON', '{"canary@example.com', 'not JSON'],
])('refuses %s, says where, and remembers', async (_what, body, words) => {
  const path = `${root}/${await client.segment('list')}/contact-list`;
  const reply = await client.send('PATCH', path, body);
  expect(reply.status).toBe(400);
  expect(reply.body).toEqual({
    errors: [
      expect.objectContaining({ type: 'validation', instance: path, detail: expect.stringContaining(words) }),
    ],
    warnings: [],
  });
  expect(sandbox.violations()).toMatchObject([{ side: 'request', method: 'PATCH', path }]);
  expect(JSON.stringify([sandbox.violations(), sandbox.requests(), reply.body])).not.toContain('canary');
});

test('refuses a contact list that is not empty at creation', async () => {
  expect((await client.create('a', { contactList: { identifiers: [] } })).status).toBe(400);
});

test('refuses a field of the search that the contract does not have', async () => {
  expect((await client.search({ name: 'a' })).status).toBe(400);
});

test('refuses another media type', async () => {
  const reply = await client.send('POST', `${root}/search`, '{}', { 'content-type': 'text/plain' });
  expect([reply.status, ...codes(reply)]).toEqual([415, 'unsupported-media-type']);
  expect(sandbox.violations()).toHaveLength(1);
});

test.each([
  ['a retired path', 'PATCH', '/2026-07/audiences/1/contactlist', 404],
  ['another method', 'PUT', '/2026-07/advertisers/me', 404],
  ['a segment id that is no number', 'DELETE', `${root}/abc/contact-list`, 400],
  ['an unknown version', 'GET', '/2031-01/advertisers/me', 404],
  ['no version', 'GET', '/advertisers/me', 404],
])('refuses %s', async (_what, method, path, status) => {
  expect((await client.send(method, path)).status).toBe(status);
  expect(sandbox.violations()).toHaveLength(1);
});

test('answers for a decommissioned version with 410, which is no fault of the caller', async () => {
  const reply = await client.send('GET', '/2025-10/advertisers/me');
  expect([reply.status, ...codes(reply)]).toEqual([410, 'endpoint-deprecated']);
  expect(sandbox.violations()).toEqual([]);
});

test('announces the end of a version that is told to be deprecated', async () => {
  const sunset = 'Tue, 02 Feb 2027 00:00:00 GMT';
  sandbox.setBehaviour({ deprecatedVersions: { '2026-01': { sunset } } });
  const old = await client.send('GET', '/2026-01/advertisers/me');
  const current = await client.send('GET', '/2026-07/advertisers/me');
  expect([old, current].map(({ headers }) => [headers.get('deprecation'), headers.get('sunset')])).toEqual([
    ['true', sunset],
    [null, null],
  ]);
});

test('says that it does not play an operation that the contract has', async () => {
  const reply = await client.send('POST', '/2026-07/marketing-solutions/audiences/search', {});
  expect([reply.status, ...codes(reply)]).toEqual([501, 'sandbox-not-played']);
});

test('turns a reply of its own that breaks the contract into a loud 500, without the effect', async () => {
  sandbox.addFault({ kind: 'warnings', problem: { type: 'nonsense' } });
  const reply = await client.create('a');
  expect([reply.status, ...codes(reply)]).toEqual([500, 'sandbox-breaks-the-contract']);
  expect(sandbox.violations()).toMatchObject([{ side: 'reply', path: `${root}/create` }]);
  expect(sandbox.segments()).toEqual([]);
});
