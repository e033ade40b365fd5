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

test('lists the advertisers of the account, and the application', async () => {
  const advertisers = await client.send('GET', '/2026-01/advertisers/me');
  expect(advertisers.body.data).toEqual([
    { type: 'advertiser', id: '12345', attributes: { advertiserName: 'Sandbox advertiser' } },
  ]);
  const me = await client.send('GET', '/2026-07/marketing-solutions/me');
  expect(me.body.data).toMatchObject({ attributes: { name: 'sandbox-client' } });
});

test('creates a contact list and finds it again', async () => {
  const created = await client.create('Lapsed', { description: 'ours' });
  expect(created.body).toMatchObject({
    data: [
      {
        id: expect.stringMatching(/^\d+$/),
        type: 'AudienceSegment',
        attributes: {
          advertiserId: '12345',
          name: 'Lapsed',
          description: 'ours',
          type: 'ContactList',
          contactList: { isReadOnly: false },
        },
      },
    ],
    errors: [],
    warnings: [],
  });
  const found = await client.search({ advertiserIds: ['12345'], audienceSegmentTypes: ['ContactList'] });
  expect(found.body.data).toEqual(created.body.data);
  expect(found.body.meta).toEqual({ totalItems: 1, limit: 50, offset: 0 });
});

test.each([
  ['badRequest', 400, { errors: ['name-must-be-unique'], warnings: [] }],
  ['errors', 200, { errors: ['name-must-be-unique'], warnings: [] }],
  ['warnings', 200, { errors: [], warnings: ['name-must-be-unique'] }],
  ['emptyData', 200, { errors: [], warnings: [] }],
] as const)('tells a duplicate name as %s when asked to', async (itemFailures, status, told) => {
  sandbox.setBehaviour({ itemFailures });
  await client.segment('ABCD');
  const reply = await client.create('ABCD');
  expect(reply.status).toBe(status);
  expect({ errors: codes(reply), warnings: codes(reply, 'warnings') }).toEqual(told);
  expect(sandbox.segments()).toHaveLength(1);
});

test('compares names exactly, or trimmed and case folded', async () => {
  await client.segment('ABCD');
  expect(codes(await client.create(' abcd'))).toEqual([]);
  sandbox.setBehaviour({ nameComparison: 'trimmedCaseFolded' });
  expect(codes(await client.create('AbcD '))).toEqual(['name-must-be-unique']);
});

test('creates what is right in a bulk call and tells the rest', async () => {
  const item = (name: string) => ({ attributes: { advertiserId: '12345', name, contactList: {} } });
  const untyped = { attributes: { advertiserId: '12345', name: 'no type' } };
  const data = [item('a'), item(' '), item('a'), untyped, item('b')];
  const reply = await client.send('POST', `${root}/create`, { data });
  expect(codes(reply)).toEqual(['name-must-not-be-empty', 'name-must-be-unique', 'required-field']);
  expect(sandbox.segments().map(({ name }) => name)).toEqual(['a', 'b']);
});

test('pages through a search', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) await client.segment(name);
  const names = async (query: string) => {
    const { body } = await client.search({}, query);
    return {
      names: (body.data as { attributes: { name: string } }[]).map((s) => s.attributes.name),
      meta: body.meta,
    };
  };
  expect(await names('?limit=2&offset=2')).toEqual({
    names: ['c', 'd'],
    meta: { totalItems: 5, limit: 2, offset: 2 },
  });
  expect((await names('?limit=0')).names).toEqual([]);
  expect((await names('?limit=100&offset=9')).names).toEqual([]);
  sandbox.setBehaviour({ pageLimit: 3 });
  expect((await names('?limit=100')).meta).toEqual({ totalItems: 5, limit: 3, offset: 0 });
});

test.each(['?limit=101', '?limit=-1', '?limit=ten', '?offset=-1', '?name=a'])(
  'refuses the search %s as against the contract',
  async (query) => {
    expect((await client.search({}, query)).status).toBe(400);
    expect(sandbox.violations()).toHaveLength(1);
  },
);

test('joins the filters of a search with "and"', async () => {
  const id = await client.segment('a');
  await client.segment('b');
  sandbox.addSegment({ advertiserId: '12345', name: 'c', type: 'Lookalike' });
  const total = async (filter: object) =>
    ((await client.search({ ...filter })).body.meta as { totalItems: number }).totalItems;
  expect(await total({ audienceSegmentTypes: ['ContactList'] })).toBe(2);
  expect(await total({ audienceSegmentTypes: ['ContactList'], audienceSegmentIds: [id] })).toBe(1);
  expect(await total({ audienceSegmentTypes: ['Lookalike'], audienceSegmentIds: [id] })).toBe(0);
});

test('renames, changes and clears the description in its wrapper', async () => {
  const id = await client.segment('old');
  const update = (attributes: object) =>
    client.send('PATCH', root, { data: [{ id, type: 'AudienceSegment', attributes }] });
  await update({ name: 'new', description: { value: 'words' } });
  expect(sandbox.segment(id)).toMatchObject({ name: 'new', description: 'words' });
  await update({ name: 'new' });
  expect(sandbox.segment(id)).toMatchObject({ name: 'new', description: 'words' });
  await update({ description: { value: null } });
  expect(sandbox.segment(id)).toMatchObject({ name: 'new', description: null });
  expect((await update({ description: 'bare' })).status).toBe(400);
});

test('refuses to rename to a name that is taken, and an unknown id', async () => {
  const id = await client.segment('a');
  await client.segment('b');
  const data = [
    { id, attributes: { name: 'b' } },
    { id: '999999', attributes: { name: 'c' } },
  ];
  expect(codes(await client.send('PATCH', root, { data }))).toEqual([
    'name-must-be-unique',
    'segment-not-found',
  ]);
  expect(sandbox.segments().map(({ name }) => name)).toEqual(['a', 'b']);
});

test('deletes a segment, which frees its name', async () => {
  const id = await client.segment('a');
  const data = [{ id, type: 'AudienceSegment' }];
  expect((await client.send('POST', `${root}/delete`, { data })).body.data).toEqual(data);
  expect(codes(await client.send('POST', `${root}/delete`, { data }))).toEqual(['segment-not-found']);
  expect(codes(await client.create('a'))).toEqual([]);
});

test('computes the sizes of contact lists only', async () => {
  const id = sandbox.addSegment({ advertiserId: '12345', name: 'a', identifiers: ['user@example.com'] }).id;
  const other = sandbox.addSegment({ advertiserId: '12345', name: 'b', type: 'Lookalike' }).id;
  const reply = await client.send('POST', `${root}/compute-sizes`, { data: [{ id }, { id: other }] });
  expect(reply.body.data).toMatchObject([{ id, attributes: { size: 1 } }]);
  expect(codes(reply)).toEqual(['segment-type-not-supported']);
});

test('forbids the advertisers of others, or answers with empty data', async () => {
  sandbox.addSegment({ advertiserId: '777', name: 'theirs' });
  const create = () => client.create('mine', { advertiserId: '777' });
  const search = () => client.search({ advertiserIds: ['777'] });
  expect([(await create()).status, (await search()).status]).toEqual([403, 403]);
  sandbox.setBehaviour({ foreignAdvertiser: 'emptyData' });
  expect([(await create()).body.data, (await search()).body.data, (await client.search()).body.data]).toEqual(
    [[], [], []],
  );
  expect(sandbox.segments().map(({ name }) => name)).toEqual(['theirs']);
});

test('holds a client to its permissions', async () => {
  const reader = { clientId: 'reader', clientSecret: 's', advertisers: [] };
  sandbox.putClient({ ...reader, permissions: ['MarketingSolutions_Audience_Read'] });
  const limited = await TestClient.connect(sandbox.url, { client_id: 'reader', client_secret: 's' });
  expect((await limited.search()).status).toBe(200);
  expect((await limited.create('a')).status).toBe(403);
  sandbox.putClient({ ...reader, permissions: [] });
  expect((await limited.search()).status).toBe(403);
  expect((await limited.send('GET', '/2026-07/advertisers/me')).status).toBe(200);
});
