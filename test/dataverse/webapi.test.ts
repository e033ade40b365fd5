import { expect, test } from 'vitest';
import { errorOf, idsOf, memberships, profiles, rowsOf, start, TestClient } from './testclient.ts';

const people = [
  { id: 'a1', columns: { msdynci_email: 'one@example.com', msdynci_donotemail: false }, segments: ['Gold'] },
  { id: 'A2', columns: { msdynci_email: "o'two@example.com" }, segments: ['Gold', 'Male_under_40'] },
  { id: 'b3', columns: { msdynci_email: null }, segments: ['MaleXunder_40'] },
  { id: 'b4', segments: ['Golden'] },
  { id: 'c5' },
];

async function played(options = {}) {
  const sandbox = await start(options);
  sandbox.putPeople(people);
  return Object.assign(sandbox, { client: await TestClient.connect(sandbox.url) });
}

const named = (name: string) => ({ $filter: `contains(msdynci_segments,'${name}')` });

test('shows rows with the selected columns, the key and an etag', async () => {
  await using sandbox = await played();
  const reply = await sandbox.client.get(profiles, { $select: 'msdynci_customerid,msdynci_email' }, 2);
  expect(reply.status).toBe(200);
  expect(reply.headers.get('odata-version')).toBe('4.0');
  expect(reply.headers.get('preference-applied')).toBe('odata.maxpagesize=2');
  expect(reply.headers.get('content-type')).toContain('application/json');
  expect(rowsOf(reply)[0]).toEqual({
    '@odata.etag': expect.stringMatching(/^W\/"\d+"$/),
    msdynci_customerid: 'a1',
    msdynci_email: 'one@example.com',
    msdynci_customerprofileid: expect.stringMatching(/^[\da-f]{8}-/),
  });
  expect(reply.body['@odata.nextLink']).toContain(`${sandbox.url}/api/data/v9.2/${profiles}?$select=`);
  const { rows, pages } = await sandbox.client.scan(profiles, { $select: 'msdynci_customerid' }, 2);
  expect([idsOf(rows), pages]).toEqual([['a1', 'A2', 'b3', 'b4', 'c5'], 3]);
  expect(sandbox.violations()).toEqual([]);
});

test('tells memberships as JSON in a text, one row a provider, and not in the order of the profiles', async () => {
  await using sandbox = await played({ providers: ['CustomerInsights', 'Journeys'] });
  const select = { $select: 'msdynci_customerid,msdynci_segments,msdynci_segmentprovider' };
  const { rows } = await sandbox.client.scan(memberships, select, 3);
  expect(idsOf(rows)).toEqual(['b4', 'b4', 'b3', 'b3', 'A2', 'A2', 'a1', 'a1']);
  expect(rows[4]).toMatchObject({
    msdynci_segments: '{"Segments":["Gold","Male_under_40"]}',
    msdynci_segmentprovider: 'CustomerInsights',
  });
  const keys = new Set(rows.map((row) => row.msdynci_segmentmembershipid));
  expect(keys.size).toBe(8);
  sandbox.setBehaviour({ segmentsFormat: 'array', providers: ['X'] });
  const { rows: bare } = await sandbox.client.scan(memberships, select);
  expect(bare[0]).toMatchObject({ msdynci_segments: '["Golden"]', msdynci_segmentprovider: 'X' });
});

test('shows the rows of a customer as they were put in', async () => {
  await using sandbox = await start();
  const client = await TestClient.connect(sandbox.url);
  sandbox.putPeople([
    {
      id: 'x',
      profile: false,
      modifiedOn: '2026-01-02T03:04:05Z',
      memberships: [{ text: 'no JSON' }, { type: 'Contact', segments: ['Gold'] }, { text: null }],
    },
  ]);
  expect((await client.scan(profiles)).rows).toEqual([]);
  const { rows } = await client.scan(memberships);
  expect(rows.map((row) => [row.msdynci_segments, row.msdynci_segmentmembershiptype])).toEqual([
    ['no JSON', 'Customer'],
    ['{"Segments":["Gold"]}', 'Contact'],
    [null, 'Customer'],
  ]);
  expect(rows[0]).toMatchObject({
    modifiedon: '2026-01-02T03:04:05Z',
    _msdynci_lookupfield_customer_value: null,
  });
});

test.each([
  ['plain', '"Gold"', ['A2', 'a1']],
  ['plain', '\\"Gold\\"', []],
  ['escaped', '"Gold"', []],
  ['escaped', '\\"Gold\\"', ['A2', 'a1']],
  ['either', '"Gold"', ['A2', 'a1']],
  ['either', '\\"Gold\\"', ['A2', 'a1']],
] as const)('where quotes are %s, %s finds %j', async (segmentQuotes, name, ids) => {
  await using sandbox = await played({ segmentQuotes });
  expect(idsOf((await sandbox.client.scan(memberships, named(name))).rows)).toEqual(ids);
  sandbox.setBehaviour({ otherQuotes: 'badRequest' });
  expect((await sandbox.client.get(memberships, named(name))).status).toBe(ids.length === 0 ? 400 : 200);
});

test('compares texts without case and with wildcards, unless it is told otherwise', async () => {
  await using sandbox = await played();
  const find = async (query: Record<string, string>) =>
    idsOf((await sandbox.client.scan(memberships, query)).rows);
  expect(await find(named('"gOLD"'))).toEqual(['A2', 'a1']);
  expect(await find(named('"Male_under_40"'))).toEqual(['b3', 'A2']);
  expect(await find(named('"Go%n"'))).toEqual(['b4']);
  expect(await find(named('"Male[X-Z]under'))).toEqual(['b3']);
  expect(await find({ $filter: "startswith(msdynci_customerid,'a')" })).toEqual(['A2', 'a1']);
  sandbox.setBehaviour({ wildcards: false, caseSensitive: true });
  expect(await find(named('"Male_under_40"'))).toEqual(['A2']);
  expect(await find(named('"gOLD"'))).toEqual([]);
  expect(await find({ $filter: "startswith(msdynci_customerid,'a')" })).toEqual(['a1']);
});

test.each([
  ['Microsoft.Dynamics.CRM.In(PropertyName=\'msdynci_customerid\',PropertyValues=["a1","c5"])', ['a1', 'c5']],
  ["Microsoft.Dynamics.CRM.In(PropertyName='msdynci_customerid',PropertyValues=['b3', 'nobody'])", ['b3']],
  ["msdynci_customerid eq 'a1' or msdynci_customerid eq 'b4'", ['a1', 'b4']],
  ["not startswith(msdynci_customerid,'a') and (msdynci_email eq null)", ['b3', 'b4', 'c5']],
  ["msdynci_email eq 'o''two@example.com'", ['A2']],
  ['msdynci_donotemail eq false', ['a1']],
  ['modifiedon gt 2000-01-01T00:00:00Z and modifiedon lt 2001-01-01', []],
  ["endswith(msdynci_email,'ONE@example.com')", ['a1']],
])('understands the filter %s', async ($filter, ids) => {
  await using sandbox = await played();
  expect(idsOf((await sandbox.client.scan(profiles, { $filter }, 2)).rows)).toEqual(ids);
  expect(sandbox.violations()).toEqual([]);
});

test('takes the values of In from parameter aliases', async () => {
  await using sandbox = await played();
  const { rows } = await sandbox.client.scan(profiles, {
    $filter: 'Microsoft.Dynamics.CRM.In(PropertyName=@p1,PropertyValues=@p2)',
    '@p1': "'msdynci_customerid'",
    '@p2': '["a1","b4"]',
  });
  expect(idsOf(rows)).toEqual(['a1', 'b4']);
});

test.each([
  [profiles, { $select: 'msdynci_mail' }, 'msdynci_mail'],
  [profiles, { $filter: "msdynci_mail eq 'x'" }, 'msdynci_mail'],
  [memberships, { $select: 'msdynci_lookupfield_customer' }, 'msdynci_lookupfield_customer'],
])('names a wrong column of %s in a 400', async (resource, query, column) => {
  await using sandbox = await played();
  const reply = await sandbox.client.get(resource, query);
  expect(reply.status).toBe(400);
  expect(errorOf(reply)).toEqual({
    code: '0x80060888',
    message: expect.stringContaining(
      `Could not find a property named '${column}' on type 'Microsoft.Dynamics.CRM.`,
    ),
  });
  expect(sandbox.violations()).toEqual([]);
});

test.each([
  [{ $filter: "contains(msdynci_email,'canary" }, 'cannot be parsed'],
  [{ $filter: "msdynci_email is 'canary'" }, 'cannot be parsed'],
  [{ $filter: "like(msdynci_email,'canary')" }, 'not known'],
  [{ $skip: '2' }, '$skip'],
  [{ $selct: 'msdynci_email' }, 'not one of OData'],
  [{ $top: 'all' }, '$top'],
])('refuses the query %j and remembers it without its values', async (query, words) => {
  await using sandbox = await played();
  expect((await sandbox.client.get(profiles, query as Record<string, string>)).status).toBe(400);
  expect(sandbox.violations()).toMatchObject([{ detail: expect.stringContaining(words) }]);
  expect(JSON.stringify([sandbox.violations(), sandbox.requests()])).not.toContain('canary');
});

test('ends a page where it was asked to, and ignores a page size above its limit', async () => {
  await using sandbox = await played({ defaultPageSize: 3, maxPageSize: 4 });
  const sizes = async (size?: number) => rowsOf(await sandbox.client.get(profiles, {}, size)).length;
  expect([await sizes(), await sizes(4), await sizes(5)]).toEqual([3, 4, 3]);
  const { rows } = await sandbox.client.scan(profiles, { $top: '4' });
  expect(rows).toHaveLength(4);
});

test('remembers a changed link, another page size on the way, and $top beside a page size', async () => {
  await using sandbox = await played();
  const link = String((await sandbox.client.get(profiles, {}, 2)).body['@odata.nextLink']);
  expect((await sandbox.client.follow(link, { prefer: 'odata.maxpagesize=3' })).status).toBe(200);
  expect((await sandbox.client.follow(`${link}&$select=msdynci_email`)).status).toBe(400);
  expect((await sandbox.client.follow(decodeURIComponent(link))).status).toBe(400);
  await sandbox.client.get(profiles, { $top: '1' }, 2);
  expect(sandbox.violations().map(({ detail }) => detail)).toEqual([
    expect.stringContaining('another odata.maxpagesize'),
    expect.stringContaining('of another query'),
    expect.stringContaining('cannot be read'),
    expect.stringContaining('$top is ignored'),
  ]);
});

test('remembers missing headers and other methods, without a word of the row', async () => {
  await using sandbox = await played();
  const path = `${sandbox.url}/api/data/v9.2/${profiles}(canary)`;
  const headers = { accept: 'text/html', 'odata-version': '' };
  expect((await sandbox.client.follow(`${sandbox.url}/api/data/v9.2/${profiles}`, headers)).status).toBe(200);
  expect((await sandbox.client.follow(path, {}, 'DELETE')).status).toBe(405);
  expect((await sandbox.client.follow(path)).status).toBe(501);
  expect(sandbox.violations().map(({ detail }) => detail)).toEqual([
    expect.stringContaining('OData-Version'),
    expect.stringContaining('Accept'),
    expect.stringContaining('only GET'),
  ]);
  expect(JSON.stringify([sandbox.violations(), sandbox.requests()])).not.toContain('canary');
});

test('sorts, takes the first and counts', async () => {
  await using sandbox = await played();
  sandbox.putPeople([{ id: 'new', modifiedOn: '2099-01-01T00:00:00Z', segments: ['Gold'] }]);
  const newest = { $select: 'modifiedon', $orderby: 'modifiedon desc', $top: '1' };
  expect(rowsOf(await sandbox.client.get(memberships, newest))).toMatchObject([
    { modifiedon: '2099-01-01T00:00:00Z' },
  ]);
  const sorted = await sandbox.client.scan(profiles, { $orderby: 'msdynci_customerid desc' }, 2);
  expect(idsOf(sorted.rows)).toEqual(['new', 'c5', 'b4', 'b3', 'a1', 'A2']);
  const counted = await sandbox.client.get(profiles, { $count: 'true' }, 1);
  expect(counted.body['@odata.count']).toBe(6);
});

test('ends a query silently at the limit of a virtual table', async () => {
  await using sandbox = await played({ rowLimit: 3, tableType: 'Virtual' });
  const { rows, pages } = await sandbox.client.scan(profiles, {}, 2);
  expect([rows.length, pages]).toEqual([3, 2]);
});

test('lacks the tables, rights and functions that it is told to', async () => {
  await using sandbox = await played({
    absentTables: ['msdynci_segmentmembership'],
    missingRights: ['msdynci_customerprofile'],
    entitySetNames: { mscipriv_segmentmetadata: 'mscipriv_segmentmetadataset' },
  });
  const absent = await sandbox.client.get(memberships);
  expect([absent.status, errorOf(absent)]).toEqual([
    404,
    { code: '0x80060888', message: `Resource not found for the segment '${memberships}'.` },
  ]);
  const forbidden = await sandbox.client.get(profiles);
  expect([forbidden.status, errorOf(forbidden)]).toEqual([
    403,
    { code: '0x80040220', message: expect.stringContaining('prvReadmsdynci_customerprofile') },
  ]);
  expect((await sandbox.client.get('mscipriv_segmentmetadatas')).status).toBe(404);
  sandbox.setBehaviour({ missingRights: [], unsupportedFunctions: ['In', 'startswith'] });
  for (const $filter of [
    "startswith(msdynci_customerid,'a')",
    'Microsoft.Dynamics.CRM.In(PropertyName=\'msdynci_customerid\',PropertyValues=["a"])',
  ]) {
    expect((await sandbox.client.get(profiles, { $filter })).status).toBe(400);
  }
});

test('lists the segments that it knows', async () => {
  await using sandbox = await played();
  sandbox.putSegment({ name: 'Old', isDeleted: true, modifiedOn: '2025-01-01T00:00:00Z' });
  const { rows } = await sandbox.client.scan('mscipriv_segmentmetadatas', {
    $select: 'msdyn_name,msdyn_isdeleted,modifiedon',
    $filter: "msdyn_name eq 'Old' or msdyn_name eq 'Gold'",
  });
  expect(rows).toMatchObject([
    { msdyn_name: 'Gold', msdyn_isdeleted: false },
    { msdyn_name: 'Old', msdyn_isdeleted: true, modifiedon: '2025-01-01T00:00:00Z' },
  ]);
});

test('tells the metadata that a preflight asks for', async () => {
  await using sandbox = await played({ entitySetNames: { msdynci_customerprofile: 'profiles' } });
  const about = "EntityDefinitions(LogicalName='msdynci_customerprofile')";
  const $select = 'TableType,EntitySetName,ChangeTrackingEnabled';
  expect((await sandbox.client.get(about, { $select })).body).toEqual({
    '@odata.context': expect.any(String),
    TableType: 'Elastic',
    EntitySetName: 'profiles',
    ChangeTrackingEnabled: true,
    MetadataId: expect.any(String),
  });
  const attributes = await sandbox.client.get(`${about}/Attributes`, { $select: 'LogicalName' });
  const names = rowsOf(attributes).map((row) => row.LogicalName);
  expect(names).toEqual(
    expect.arrayContaining(['msdynci_customerid', 'msdynci_email', 'msdynci_donotemail']),
  );
  const one = { $select: 'AttributeType', $filter: "LogicalName eq 'msdynci_donotemail'" };
  expect(rowsOf(await sandbox.client.get(`${about}/Attributes`, one))).toMatchObject([
    { AttributeType: 'Boolean' },
  ]);
  expect((await sandbox.client.get(about, { $select: 'Nothing' })).status).toBe(400);
  expect((await sandbox.client.get("EntityDefinitions(LogicalName='none')")).status).toBe(404);
  sandbox.setBehaviour({ missingRights: ['EntityDefinitions'] });
  expect((await sandbox.client.get(about)).status).toBe(403);
});

test('says what it does not play, and what is not there', async () => {
  await using sandbox = await played();
  for (const query of [{ $apply: 'aggregate($count as n)' }, { $expand: 'x' }, { fetchXml: '<fetch/>' }]) {
    const reply = await sandbox.client.get(profiles, query as Record<string, string>);
    expect([reply.status, errorOf(reply).code]).toEqual([501, 'sandbox-not-played']);
  }
  expect((await sandbox.client.follow(`${sandbox.url}/api/data/v9.0/${profiles}`)).status).toBe(501);
  expect((await sandbox.client.follow(`${sandbox.url}/elsewhere`)).status).toBe(404);
});

test('takes a URL of 32 KB and no longer one', async () => {
  await using sandbox = await played();
  const filter = (count: number) =>
    `Microsoft.Dynamics.CRM.In(PropertyName='msdynci_customerid',PropertyValues=[${Array(count).fill('"a1"').join(',')}])`;
  expect((await sandbox.client.get(profiles, { $filter: filter(2500) })).status).toBe(200);
  expect((await sandbox.client.get(profiles, { $filter: filter(4000) })).status).toBe(400);
});
