import { describe, expect, test } from 'vitest';
import { fakeClock, never, type Scripted, scripted, silentLog } from '../testkit.ts';
import { Client } from './client.ts';
import { SegmentDirectory } from './directory.ts';
import { describe as descriptionOf } from './marker.ts';
import type { Segment } from './segments.ts';
import { Transport } from './transport.ts';

const owner = { namespace: 'shop', name: 'newsletter', uid: 'ours' };
const ours = descriptionOf('', owner);
const theirs = descriptionOf('', { ...owner, name: 'other', uid: 'theirs' });
const limits = { callTimeoutMs: 1000, retryBudgetMs: 60_000, throttleBudgetMs: 60_000 };

interface Listed {
  id: string;
  name: string;
  description?: string;
  readOnly?: boolean;
}
const item = ({ id, name, description, readOnly = false }: Listed) => ({
  id,
  attributes: { name, description: description ?? null, contactList: { isReadOnly: readOnly } },
});
const list = (...segments: Listed[]): Scripted => ({
  json: { data: segments.map(item), meta: { totalItems: segments.length } },
});
const created = (id: string): Scripted => ({ json: { data: [item({ id, name: 'Readers' })], errors: [] } });
const refused = (code: string, status = 400): Scripted => ({
  status,
  json: { errors: [{ type: 'validation', code }] },
});

async function ask<T>(question: (directory: SegmentDirectory) => Promise<T>, ...replies: Scripted[]) {
  const exchange = scripted({ json: { access_token: 't', expires_in: 900 } }, ...replies);
  const clock = fakeClock();
  const transport = new Transport(exchange, limits, clock, silentLog, never);
  const api = { baseUrl: 'https://criteo.example', version: '2026-07' };
  const client = new Client(transport, api, { clientId: 'i', clientSecret: 's' }, clock);
  client.permitWrites(async () => undefined);
  const directory = new SegmentDirectory(client, '12345', owner.uid);
  const outcome = await question(directory).catch((error) => error);
  const paths = exchange.requests.slice(1).map(({ url }) => url.replace(/.*audience-segments\/|\?.*/g, ''));
  return { outcome, paths, requests: exchange.requests };
}

const create = (...replies: Scripted[]) =>
  ask((directory) => directory.create('Readers', 'Text'), ...replies);
const idByName = async (...replies: Scripted[]) => {
  const { outcome, requests } = await ask((directory) => directory.byName('Readers'), ...replies);
  return { id: (outcome as Segment | undefined)?.id, requests };
};

describe('byName', () => {
  test.each([
    ['its name in another case and with spaces', [{ id: '7', name: ' READERS ' }], '7'],
    [
      'the one with our marker, of two with the same name',
      [
        { id: '6', name: 'Readers' },
        { id: '7', name: 'readers', description: ours },
      ],
      '7',
    ],
    ['nothing of another name', [{ id: '7', name: 'Reader' }], undefined],
  ])('finds %s', async (_, segments, id) => {
    expect((await idByName(list(...segments))).id).toBe(id);
  });

  test('reads every page, also where a page is shorter than was asked for', async () => {
    const page = (id: string, name: string): Scripted => ({
      json: { data: [item({ id, name, description: ours })], meta: { totalItems: 3 } },
    });
    const { id, requests } = await idByName(page('1', 'a'), page('2', 'b'), page('3', 'Readers'));
    expect(id).toBe('3');
    expect(requests.slice(1).map(({ url }) => new URL(url).search)).toEqual([
      '?limit=100&offset=0',
      '?limit=100&offset=1',
      '?limit=100&offset=2',
    ]);
  });
});

describe('byId', () => {
  const statistics: Scripted = { json: { data: { attributes: { numberOfIdentifiers: 42 } } } };

  test('a segment that the list does not show is gone only where its list is gone too', async () => {
    const byId = (...replies: Scripted[]) => ask((directory) => directory.byId('7'), ...replies);
    expect((await byId(list({ id: '7', name: 'x' }))).outcome).toMatchObject({ id: '7' });
    expect((await byId(list(), statistics)).outcome).toBe('Unlisted');
    for (const status of [403, 404]) {
      expect((await byId(list(), refused('audience-invalid', status))).outcome).toBeUndefined();
    }
  });

  test('a count that Criteo does not tell is none', async () => {
    const count = (...replies: Scripted[]) => ask((directory) => directory.count('7'), ...replies);
    expect((await count(statistics)).outcome).toBe(42);
    expect((await count({ status: 403 })).outcome).toBeUndefined();
  });
});

test('a call that writes is not made before it is permitted', async () => {
  const transport = new Transport(scripted(), limits, fakeClock(), silentLog, never);
  const client = new Client(
    transport,
    { baseUrl: '', version: '' },
    { clientId: '', clientSecret: '' },
    fakeClock(),
  );
  await expect(client.call({ method: 'POST', path: '/x', writes: true })).rejects.toThrow('not permitted');
});

describe('a create whose outcome is not clear is followed by a search', () => {
  const found = list({ id: '7', name: 'Readers', description: ours });

  test.each([
    ['no answer', 'Timeout'],
    ['a 500', { status: 500 }],
    ['a name that is taken (400)', refused('name-must-be-unique')],
    ['a name that is taken (errors)', refused('name-must-be-unique', 200)],
    ['a name that is taken (warnings)', { json: { data: [], warnings: [{ code: 'name-must-be-unique' }] } }],
    ['an empty 200', { json: { data: [], errors: [], warnings: [] } }],
  ] as [string, Scripted][])('%s', async (_, reply) => {
    const { outcome, paths } = await create(reply, found);
    expect(outcome).toBe('7');
    expect(paths).toEqual(['create', 'search']);
  });

  test('and made again only where the search finds nothing', async () => {
    const { outcome, paths } = await create('Timeout', list(), created('8'));
    expect(outcome).toBe('8');
    expect(paths).toEqual(['create', 'search', 'create']);
  });

  test('a name that is taken by what no search shows is refused in the end', async () => {
    const taken = refused('name-must-be-unique');
    const { outcome } = await create(taken, list(), taken, list(), taken);
    expect(outcome).toMatchObject({ reason: 'SegmentNameRefused', details: { code: 'name-must-be-unique' } });
  });

  test('one that another export made meanwhile is handed back', async () => {
    const { outcome } = await create('Timeout', list({ id: '7', name: 'Readers', description: theirs }));
    expect(outcome).toMatchObject({ id: '7', description: theirs });
  });

  test('Criteo\u2019s other words on a name, or on anything else, are the segment\u2019s end', async () => {
    const name = await create(refused('name-must-not-be-empty', 200));
    expect(name.outcome).toMatchObject({
      reason: 'SegmentNameRefused',
      details: { code: 'name-must-not-be-empty' },
    });
    const other = await create(refused('too-many-segments'));
    expect(other.outcome).toMatchObject({ status: 400 });
  });

  test('a warning of deprecation is no failure', async () => {
    const reply = {
      json: { data: [item({ id: '9', name: 'Readers' })], warnings: [{ type: 'deprecation' }] },
    };
    expect((await create(reply)).outcome).toBe('9');
  });
});
