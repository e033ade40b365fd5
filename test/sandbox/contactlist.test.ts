import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Sandbox, startSandbox } from './sandbox.ts';
import { codes, digestOf, root, sha256, TestClient } from './testclient.ts';

// Hashing and sending 50,000 identifiers takes seconds on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

let sandbox: Sandbox;
let client: TestClient;
let id: string;

// Vectors for user@example.com, worked out elsewhere.
const md5 = 'b58996c504c5638798eb6b511e6f49af';
const sha = 'b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514';

beforeAll(async () => {
  sandbox = await startSandbox({ callsPerMinute: 0 });
});
beforeEach(async () => {
  sandbox.reset();
  client = await TestClient.connect(sandbox.url);
  id = await client.segment('list');
});
afterAll(() => sandbox.close());

const attributesOf = (reply: { body: Record<string, unknown> }) =>
  (reply.body.data as { attributes: Record<string, unknown> }).attributes;

test('adds plain and hashed addresses, and counts what is no address', async () => {
  const reply = await client.amend(id, 'add', [
    ' User@Example.com ',
    sha.toUpperCase(),
    md5,
    'jkl@gmail',
    '',
    'abc',
  ]);
  expect(reply.body).toMatchObject({ errors: [], warnings: [] });
  expect(attributesOf(reply)).toEqual({
    contactListId: Number(id),
    operation: 'add',
    requestDate: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}\+00:00$/),
    identifierType: 'email',
    nbValidIdentifiers: 3,
    nbInvalidIdentifiers: 3,
    sampleInvalidIdentifiers: ['jkl@gmail', '', 'abc'],
  });
  expect(sandbox.segment(id)).toMatchObject({ numberOfIdentifiers: 2, digest: digestOf([sha, md5]) });
  expect(sandbox.contains(id, sha)).toBe(true);
});

test('takes adding twice and removing what is absent as harmless', async () => {
  await client.amend(id, 'add', [sha]);
  await client.amend(id, 'add', [sha]);
  expect(sandbox.segment(id)).toMatchObject({ numberOfIdentifiers: 1 });
  await client.amend(id, 'remove', [sha256('nobody@example.com')]);
  expect(sandbox.segment(id)).toMatchObject({ numberOfIdentifiers: 1, digest: digestOf([sha]) });
  await client.amend(id, 'remove', ['user@example.com']);
  expect(sandbox.segment(id)).toMatchObject({ numberOfIdentifiers: 0, digest: digestOf([]) });
});

test('empties a list and leaves the segment', async () => {
  await client.amend(id, 'add', [sha]);
  const reply = await client.send('DELETE', `${root}/${id}/contact-list`);
  expect(reply.body).toEqual({ data: { id, type: 'AudienceContactlist' }, errors: [], warnings: [] });
  expect(sandbox.segment(id)).toMatchObject({ name: 'list', numberOfIdentifiers: 0 });
});

test('tells statistics on either scale', async () => {
  const statistics = async () =>
    attributesOf(await client.send('GET', `${root}/${id}/contact-list/statistics`));
  expect(await statistics()).toEqual({ numberOfIdentifiers: 0, numberOfMatches: 0, matchRate: null });
  await client.amend(id, 'add', [sha, sha256('a'), sha256('b'), sha256('c')]);
  sandbox.setBehaviour({ matchRate: 0.5, matchRateScale: 100 });
  expect(await statistics()).toEqual({ numberOfIdentifiers: 4, numberOfMatches: 2, matchRate: 50 });
});

test('answers for a missing segment with 404 or 403, in the documented words', async () => {
  const reply = await client.amend('999999', 'add', [sha]);
  expect(reply.status).toBe(404);
  expect(reply.body.errors).toMatchObject([
    {
      type: 'validation',
      code: 'audience-invalid',
      title: 'Audience is invalid',
      detail: 'Audience is not found, please choose a valid audience',
      instance: `${root}/999999/contact-list`,
      traceId: expect.any(String),
    },
  ]);
  sandbox.setBehaviour({ missingSegmentStatus: 403 });
  expect((await client.amend('999999', 'add', [sha])).status).toBe(403);
});

test("refuses another account's segment, a read-only one, and one without a contact list", async () => {
  const theirs = sandbox.addSegment({ advertiserId: '777', name: 'theirs' });
  const readOnly = sandbox.addSegment({ advertiserId: '12345', name: 'fixed', readOnly: true });
  const lookalike = sandbox.addSegment({ advertiserId: '12345', name: 'alike', type: 'Lookalike' });
  const replies = [theirs, readOnly, lookalike].map((segment) => client.amend(segment.id, 'add', [sha]));
  expect((await Promise.all(replies)).map((reply) => [reply.status, ...codes(reply)])).toEqual([
    [403, 'insufficient-advertiser-permissions'],
    [403, 'contact-list-read-only'],
    [400, 'audience-invalid'],
  ]);
  expect((await client.send('DELETE', `${root}/${readOnly.id}/contact-list`)).status).toBe(403);
});

test('takes 50,000 identifiers in a call and not one more', async () => {
  const many = Array.from({ length: 50_001 }, (_, index) => sha256(`person${index}@example.com`));
  expect((await client.amend(id, 'add', many)).status).toBe(400);
  sandbox.setBehaviour({ tooManyIdentifiersStatus: 413 });
  expect((await client.amend(id, 'add', many)).status).toBe(413);
  expect(sandbox.segment(id)).toMatchObject({ numberOfIdentifiers: 0 });
  const fits = many.slice(1);
  expect(attributesOf(await client.amend(id, 'add', fits))).toMatchObject({ nbValidIdentifiers: 50_000 });
  expect(sandbox.segment(id)).toMatchObject({ numberOfIdentifiers: 50_000, digest: digestOf(fits) });
});

test('refuses a body of more than 10 MB with 413', async () => {
  const reply = await client.amend(id, 'add', ['a'.repeat(10 * 1024 * 1024)]);
  expect(reply.status).toBe(413);
});

test.each([
  ['madid', '38400000-8cf0-11bd-b23e-10b96e40000d', 'not-a-uuid'],
  ['phoneNumber', '+4712345678', 'call me'],
  ['identityLink', 'XY1000bIVBVah', 'with space'],
  ['gum', 'k-4oP', ''],
])('checks the syntax of %s', async (identifierType, good, bad) => {
  const reply = await client.amend(id, 'add', [good, bad], { identifierType });
  expect(attributesOf(reply)).toMatchObject({ nbValidIdentifiers: 1, nbInvalidIdentifiers: 1 });
});

test('takes a gumCallerId with the type gum only, and asks for a type', async () => {
  expect((await client.amend(id, 'add', ['k'], { identifierType: 'gum', gumCallerId: 1 })).status).toBe(200);
  expect((await client.amend(id, 'add', [sha], { gumCallerId: 1 })).status).toBe(400);
  expect((await client.amend(id, 'add', [sha], { identifierType: undefined })).status).toBe(400);
});
