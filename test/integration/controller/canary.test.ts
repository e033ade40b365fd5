import { hash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../../cluster/wait.ts';
import type { ApiServer } from '../../support/apiserver.ts';
import {
  conditionOf,
  connectionName,
  csvOf,
  exportName,
  goodCredentials,
  type Shop,
  secretName,
  withLedger,
} from './shop.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

const address = 'canary.bird@private.example';
const digest = hash('sha256', address);
const secret = 'canary-secret-9f31';
const brokenAddress = 'canary.broken@@private.example';

/** What may be seen nowhere: of the addresses a part is enough, however it is written. */
const canaries: Record<string, string> = {
  address,
  'part of an address': 'canary.b',
  digest,
  'digest in base64': Buffer.from(digest, 'hex').toString('base64'),
  secret,
  'secret in base64': Buffer.from(secret).toString('base64').replace(/=+$/, ''),
};

/** The canaries in a text, by name. */
function found(text: string): string[] {
  const lower = text.toLowerCase();
  return Object.entries(canaries).flatMap(([name, canary]) =>
    lower.includes(canary.toLowerCase()) ? [name] : [],
  );
}

interface ApiResource {
  name: string;
  verbs: string[];
}

/** Every object of every kind that the API server lists in a namespace, as text; Secrets are where secrets belong. */
async function everything(api: ApiServer, namespace: string): Promise<Map<string, string>> {
  const { body } = await api.call('/apis');
  const groups = body.groups as { preferredVersion: { groupVersion: string } }[];
  const roots = [
    '/api/v1',
    ...groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`),
  ];
  const texts = new Map<string, string>();
  for (const root of roots) {
    const { body: listed } = await api.call(root);
    for (const { name, verbs } of listed.resources as (ApiResource & { namespaced: boolean })[]) {
      if (!verbs.includes('list') || name === 'secrets') continue;
      const path = `${root}/namespaces/${namespace}/${name}`;
      const { status, body: objects } = await api.call(path);
      if (status === 200) texts.set(path, JSON.stringify(objects));
    }
  }
  return texts;
}

/** Where canaries are: in objects of the namespace, and in what controller and exporters wrote and show. */
async function hunt(shop: Shop): Promise<string[]> {
  const texts = await everything(world.api, shop.namespace);
  expect(texts.size).toBeGreaterThan(20);
  texts.set('the logs', shop.logs);
  for (const controller of shop.controllers) texts.set('the metrics', await controller.metrics());
  return [...texts].flatMap(([place, text]) => found(text).map((name) => `${name} in ${place}`));
}

async function shopWithCanaries(
  content = csvOf(['good@example.com', address, brokenAddress]),
): Promise<Shop> {
  const shop = await world.shop({
    clients: [
      {
        clientId: goodCredentials.clientId,
        clientSecret: secret,
        advertisers: [{ id: '12345', name: 'Sandbox advertiser' }],
      },
    ],
  });
  await shop.startController({ flags: ['--leader-elect=false', '--log-level=debug'] });
  await shop.putClaim();
  await shop.putFiles({ 'people.csv': content });
  await shop.putSecret({ ...goodCredentials, clientSecret: secret });
  await shop.apply(shop.connection(withLedger));
  await shop.apply(shop.segmentExport());
  await shop.ready();
  return shop;
}

test('the hunt finds what is planted for it, in objects and in logs', async () => {
  const shop = await world.shop();
  expect(await hunt(shop)).toEqual([]);
  await shop.create(`/api/v1/namespaces/${shop.namespace}/configmaps`, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'planted', annotations: { note: `Mail to ${address.toUpperCase()}` } },
    data: { [`hash-${digest}`]: '' },
  });
  await shop.create(`/apis/events.k8s.io/v1/namespaces/${shop.namespace}/events`, {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: 'planted' },
    eventTime: '2026-11-22T04:00:00.000000Z',
    reportingController: 'test',
    reportingInstance: 'test',
    type: 'Warning',
    reason: 'Planted',
    action: 'Plant',
    note: `refused: ${secret}`,
    regarding: { kind: 'ConfigMap', name: 'planted', namespace: shop.namespace },
  });
  const configMaps = `/api/v1/namespaces/${shop.namespace}/configmaps`;
  const places = await hunt(shop);
  for (const name of ['address', 'part of an address', 'digest'])
    expect(places).toContain(`${name} in ${configMaps}`);
  expect(places).toContain(`secret in /apis/events.k8s.io/v1/namespaces/${shop.namespace}/events`);
  expect(found(`{"msg":"sent ${canaries['digest in base64']}"}`)).toEqual(['digest in base64']);
});

interface Trouble {
  name: string;
  /** Of the file; default: a good one with the canary in it. */
  content?: string;
  /** Reason of the run's end. */
  reason: string;
  /** Its first pod fails and is tried again; then nothing is wrong any more. */
  passes?: true;
  before?: (shop: Shop) => Promise<void> | void;
}

const raw = JSON.stringify({
  errors: [{ type: 'x', code: address, title: digest, detail: `${address} ${secret}` }],
});

const troubles: Trouble[] = [
  { name: 'a success', reason: 'Succeeded' },
  {
    name: 'a file without a line of column names',
    content: `${address},readers\n${address},readers\n`,
    reason: 'FieldNotFound',
  },
  {
    name: 'a file with a quote that never ends',
    content: `email,segment\n"${address},readers\n`,
    reason: 'SourceNotCsv',
  },
  {
    name: 'a file that is no text',
    content: `email,segment\n${address}\u0000\u0001,readers\n`,
    reason: 'SourceNotCsv',
  },
  { name: 'broken addresses only', content: csvOf([brokenAddress]), reason: 'TooManyRowFaults' },
  {
    name: 'addresses as the segment',
    content: `email,segment\nreaders,${address}\n`,
    reason: 'SegmentsFailed',
  },
  {
    name: 'a segment that is not ours, with the canary in it',
    reason: 'SegmentsFailed',
    before: ({ sandbox }) => {
      sandbox.addSegment({
        advertiserId: '12345',
        name: 'readers',
        readOnly: false,
        description: address,
        identifiers: [address],
      });
    },
  },
  {
    name: 'credentials that are refused',
    reason: 'CredentialsRefused',
    before: (shop) => shop.putSecret({ ...goodCredentials, clientSecret: `${secret}-of-last-year` }),
  },
  {
    name: 'an id that cannot be sent in a header',
    reason: 'CredentialsRefused',
    before: (shop) => shop.putSecret({ clientId: `${secret}\n\u{1f424}`, clientSecret: `${secret}\u0000` }),
  },
  {
    name: 'a refusal of Criteo that quotes what was sent',
    reason: 'SegmentsFailed',
    before: ({ sandbox }) => {
      sandbox.addFault({ kind: 'raw', operation: 'add', status: 400, body: raw, times: 'always' });
    },
  },
  {
    name: 'a failure of Criteo that quotes what was sent, as HTML',
    reason: 'Succeeded',
    passes: true,
    before: ({ sandbox }) => {
      sandbox.addFault({
        kind: 'raw',
        path: 'contact-list',
        status: 500,
        contentType: 'text/html',
        body: `<p>${raw}</p>`,
        times: 'always',
      });
    },
  },
  {
    name: 'a reply of Criteo that is no JSON',
    reason: 'Succeeded',
    passes: true,
    before: ({ sandbox }) => {
      sandbox.addFault({
        kind: 'raw',
        operation: 'add',
        status: 200,
        body: `{"data": "${address}`,
        times: 'always',
      });
    },
  },
  {
    name: 'a token endpoint that quotes the secret',
    reason: 'CredentialsRefused',
    before: ({ sandbox }) => {
      const body = JSON.stringify({ error: 'invalid_client', error_description: `not ${secret}` });
      sandbox.addFault({ kind: 'raw', path: '^/oauth2/token$', status: 401, body, times: 'always' });
    },
  },
];

describe.concurrent('no canary is left by', () => {
  test.each(troubles)('$name', async ({ content, reason, passes, before }) => {
    const shop = await shopWithCanaries(content);
    await before?.(shop);
    // What a plan tells is as public as what a run does.
    if (!passes) await shop.planOnce();
    const planned = shop.exporters().length;
    await shop.request();
    if (passes) {
      await waitFor('the first pod failed', 60_000, () => shop.exporters()[0]?.exitCode ?? undefined);
      shop.sandbox.clearFaults();
    }
    const { status } = await shop.untilRuns(1);
    expect(shop.exporters()).toHaveLength(planned + (passes ? 2 : 1));
    const fault = conditionOf(await shop.getExport(), 'LastRunSucceeded');
    expect(status?.lastRun?.reason, fault?.message).toBe(reason);
    await shop.untilEvent(reason === 'Succeeded' ? 'RunSucceeded' : reason, exportName);
    expect(await hunt(shop)).toEqual([]);
    // It hunted where there was something to find.
    expect(shop.logs).toContain('run ends');
    expect((await shop.events(connectionName)).length).toBeGreaterThan(0);
    expect(await shop.kubectl(['get', 'secret', secretName, '-o', 'name'])).toContain(secretName);
  });
});
