import { describe, expect, test } from 'vitest';
import type { RunSegment } from '../../api/rundocument.ts';
import { fakeClock, never, type Scripted, scripted, silentLog } from '../testkit.ts';
import { Client } from './client.ts';
import { SegmentDirectory } from './directory.ts';
import { describe as descriptionOf } from './marker.ts';
import { Transport } from './transport.ts';

const owner = { namespace: 'shop', name: 'newsletter', uid: 'ours' };
const ours = descriptionOf('', owner);
const theirs = descriptionOf('', { ...owner, name: 'other', uid: 'theirs' });
const namesakes = descriptionOf('', { ...owner, uid: 'before' });
const readers: RunSegment = { name: 'r', criteoName: 'Readers', existing: 'Refuse' };
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

async function open(segment: RunSegment, ...replies: Scripted[]) {
  const exchange = scripted({ json: { access_token: 't', expires_in: 900 } }, ...replies);
  const clock = fakeClock();
  const transport = new Transport(exchange, limits, clock, silentLog, never);
  const api = { baseUrl: 'https://criteo.example', version: '2026-07' };
  const client = new Client(transport, api, { clientId: 'i', clientSecret: 's' }, clock);
  const outcome = await new SegmentDirectory(client, '12345', owner, 'Text')
    .open(segment)
    .catch((error) => error);
  const paths = exchange.requests.slice(1).map(({ url }) => url.replace(/.*audience-segments\/|\?.*/g, ''));
  return { outcome, paths, requests: exchange.requests };
}

describe('open', () => {
  test('creates one segment, with the owner marker', async () => {
    const { outcome, requests } = await open(readers, list(), created('7'));
    expect(outcome).toBe('7');
    expect(JSON.parse(String(requests[2]?.body))).toEqual({
      data: [
        {
          type: 'AudienceSegment',
          attributes: {
            advertiserId: '12345',
            name: 'Readers',
            description: 'Text [segmentexport.io/v1 owner=shop/newsletter uid=ours]',
            contactList: {},
          },
        },
      ],
    });
  });

  test.each([
    ['its name in another case and with spaces', [{ id: '7', name: ' READERS ', description: ours }], '7'],
    [
      'the one with our marker, of two with the same name',
      [
        { id: '6', name: 'Readers' },
        { id: '7', name: 'readers', description: ours },
      ],
      '7',
    ],
  ])('finds %s', async (_, segments, id) => {
    expect((await open(readers, list(...segments))).outcome).toBe(id);
  });

  test.each([
    [{ description: theirs }, 'Refuse', 'SegmentOwnedByAnother', { owner: 'shop/other' }],
    [{ description: theirs }, 'Keep', 'SegmentOwnedByAnother', { owner: 'shop/other' }],
    [{ description: namesakes }, 'Refuse', 'SegmentOwnedByAnother', { owner: 'shop/newsletter' }],
    [{ readOnly: true }, 'Keep', 'SegmentReadOnly', undefined],
    [{ readOnly: true, description: ours }, 'Refuse', 'SegmentReadOnly', undefined],
  ] as const)('%j with existing %s is %s', async (listed, existing, reason, details) => {
    const { outcome } = await open({ ...readers, existing }, list({ id: '7', name: 'Readers', ...listed }));
    expect(outcome).toMatchObject({ reason });
    expect(outcome.details).toEqual(details);
  });

  test('one of an export of this name that was deleted and made anew is added to where Keep says so', async () => {
    const listed = list({ id: '7', name: 'Readers', description: namesakes });
    expect((await open({ ...readers, existing: 'Keep' }, listed)).outcome).toBe('7');
  });

  test('an unmarked one is refused with Criteo\u2019s count, or kept where that is asked for', async () => {
    const unmarked = list({ id: '7', name: 'Readers', description: 'by hand' });
    const statistics = { json: { data: { attributes: { numberOfIdentifiers: 42 } } } };
    expect((await open(readers, unmarked, statistics)).outcome).toMatchObject({
      reason: 'SegmentNotOurs',
      details: { count: 42 },
    });
    expect((await open({ ...readers, existing: 'Keep' }, unmarked)).outcome).toBe('7');
  });

  test('a count that Criteo does not tell changes nothing', async () => {
    const { outcome } = await open(readers, list({ id: '7', name: 'Readers' }), { status: 403 });
    expect(outcome).toMatchObject({ reason: 'SegmentNotOurs', details: undefined });
  });

  test('reads every page, also where a page is shorter than was asked for', async () => {
    const page = (id: string, name: string): Scripted => ({
      json: { data: [item({ id, name, description: ours })], meta: { totalItems: 3 } },
    });
    const { outcome, requests } = await open(readers, page('1', 'a'), page('2', 'b'), page('3', 'Readers'));
    expect(outcome).toBe('3');
    expect(requests.slice(1).map(({ url }) => new URL(url).search)).toEqual([
      '?limit=100&offset=0',
      '?limit=100&offset=1',
      '?limit=100&offset=2',
    ]);
  });
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
    const { outcome, paths } = await open(readers, list(), reply, found);
    expect(outcome).toBe('7');
    expect(paths).toEqual(['search', 'create', 'search']);
  });

  test('and made again only where the search finds nothing', async () => {
    const { outcome, paths } = await open(readers, list(), 'Timeout', list(), created('8'));
    expect(outcome).toBe('8');
    expect(paths).toEqual(['search', 'create', 'search', 'create']);
  });

  test('a name that is taken by what no search shows is refused in the end', async () => {
    const taken = refused('name-must-be-unique');
    const { outcome } = await open(readers, list(), taken, list(), taken, list(), taken);
    expect(outcome).toMatchObject({ reason: 'SegmentNameRefused', details: { code: 'name-must-be-unique' } });
  });

  test('Criteo\u2019s other words on a name, or on anything else, are the segment\u2019s end', async () => {
    const name = await open(readers, list(), refused('name-must-not-be-empty', 200));
    expect(name.outcome).toMatchObject({
      reason: 'SegmentNameRefused',
      details: { code: 'name-must-not-be-empty' },
    });
    const other = await open(readers, list(), refused('too-many-segments'));
    expect(other.outcome).toMatchObject({ status: 400 });
  });

  test('a warning of deprecation is no failure', async () => {
    const reply = {
      json: { data: [item({ id: '9', name: 'Readers' })], warnings: [{ type: 'deprecation' }] },
    };
    expect((await open(readers, list(), reply)).outcome).toBe('9');
  });
});
