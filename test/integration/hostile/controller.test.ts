import { afterAll, beforeAll, expect, test } from 'vitest';
import { annotations } from '../../../api/names.ts';
import { waitFor } from '../../cluster/wait.ts';
import { storeUnderAnotherCrd } from '../../support/anothercrd.ts';
import { complaintsOf } from '../controller/complaints.ts';
import {
  conditionOf,
  connectionName,
  exportName,
  goodCredentials,
  hasReason,
  type Shop,
} from '../controller/shop.ts';
import { startWorld, type World } from '../controller/world.ts';

/** A real controller, and a tenant who writes whatever the API server lets them. */

let world: World;
let shop: Shop;

interface Broken {
  spec: object;
  says: string;
  /** The API server checks the whole object when its status is written, and refuses to by a rule that cannot be evaluated. */
  eventOnly?: true;
}

const brokenExports: Record<string, Broken> = {
  'without-spec': {
    spec: {},
    says: 'spec.connectionRef is missing, but required, and 3 more',
    eventOnly: true,
  },
  'of-another-shape': {
    spec: { connectionRef: 'nordic', match: [], source: 7, segments: { name: 'x' } },
    says: 'spec.connectionRef must be an object, but is a string, and 3 more',
    eventOnly: true,
  },
  'with-a-broken-connection': {
    spec: { connectionRef: { name: 'broken' } },
    says: 'spec.connectionRef: the connection "broken" has spec.dataPrivacy is missing',
  },
};

beforeAll(async () => {
  world = await startWorld();
  shop = await world.shop();
  await storeBroken();
  await shop.prepare({ 'people.csv': 'email,segment\nanna@example.com,readers\n' });
  await shop.startController({ flags: ['--leader-elect=false'] });
  await shop.apply(shop.connection());
  await shop.apply(shop.segmentExport());
  await shop.ready();
});
afterAll(() => world?.[Symbol.asyncDispose]());

async function storeBroken(): Promise<void> {
  const connection = shop.connection({ api: 'https://api.criteo.com', dataPrivacy: null }, 'broken');
  const exports = Object.entries(brokenExports).map(([name, { spec }]) => ({
    ...shop.segmentExport({}, name),
    spec: name === 'with-a-broken-connection' ? { ...specOf(shop.segmentExport()), ...spec } : spec,
  }));
  const stored = ([connection, ...exports] as { kind: string }[]).map((object) => ({
    path: shop.path(object.kind),
    object,
  }));
  await storeUnderAnotherCrd(world, stored, { path: shop.path('CriteoConnection'), object: connection });
}

function specOf(object: object): object {
  return (object as { spec: object }).spec;
}

test('what another version of the CRD has stored is told by its field, and hurts nobody else', async () => {
  const unreadable = hasReason('Ready', 'DefinitionUnreadable');
  const connection = await waitFor('the word on the connection', 60_000, async () => {
    const object = await shop.getConnection('broken');
    return unreadable(object) ? object : undefined;
  });
  expect(conditionOf(connection, 'Ready')?.message).toContain(
    'spec.dataPrivacy is missing, but required, and 1 more',
  );
  for (const [name, { says, eventOnly }] of Object.entries(brokenExports)) {
    const event = await shop.untilEvent('DefinitionUnreadable', name);
    expect(event).toMatchObject({ type: 'Warning', note: expect.stringContaining(says) });
    if (eventOnly) continue;
    const object = await shop.untilExport('DefinitionUnreadable', unreadable, name);
    expect(conditionOf(object, 'Ready')?.message).toContain(says);
    expect(conditionOf(object, 'Stalled')?.status).toBe('True');
  }
  const { status } = await shop.runOnce();
  expect(status?.lastRun?.outcome).toBe('Succeeded');
  // Mended, it is one as any other.
  await shop.patch('CriteoSegmentExport', 'with-a-broken-connection', {
    spec: { connectionRef: { name: connectionName } },
  });
  await shop.ready('with-a-broken-connection');
  for (const name of Object.keys(brokenExports)) {
    await shop.delete('CriteoSegmentExport', name);
    await shop.untilGone('CriteoSegmentExport', name);
  }
  expect(complaintsOf(shop.logs, ['error'])).toEqual([]);
});

const names = [
  '\u202efdp.stsil',
  'high\u200bvalue',
  '\u2066readers\u2069',
  `z${'\u0335'.repeat(150)}`,
  'a\u0301',
  '\u00e1',
  '\ufeffmarked',
  '👩‍👩‍👧‍👦',
  '\u{10ffff}',
  '../../etc/passwd',
  '$(NAME) $$ `id`',
  '__proto__',
  'constructor',
  '"; DROP TABLE people; --',
  '名'.repeat(200),
];

test('segments of any Unicode are filled, each under its own name, and told as they are', async () => {
  const name = 'unicode';
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  const rows = names.map((segment, index) => `person${index}@example.com,${quoted(segment)}\n`);
  await shop.putFiles({ 'unicode.csv': `email,segment\n${rows.join('')}` });
  const source = {
    file: { persistentVolumeClaim: { claimName: 'data' }, path: 'unicode.csv', segmentField: 'segment' },
  };
  await shop.apply(
    shop.segmentExport({ source, segments: names.map((segment) => ({ name: segment })) }, name),
  );
  await shop.ready(name);
  const { status } = await shop.runOnce(name);
  expect(status?.segments?.map((segment) => [segment.name, segment.outcome, segment.uploaded])).toEqual(
    names.map((segment) => [segment, 'Succeeded', 1]),
  );
  const atCriteo = shop.sandbox.segments().map((segment) => segment.name);
  for (const segment of names) expect(atCriteo).toContain(segment);
  expect(complaintsOf(shop.logs, ['error'])).toEqual([]);
});

test('half a character of JSON is a whole one when it comes from the API server', async () => {
  const { status, body } = await world.api.dryRunCreate(
    shop.path('CriteoSegmentExport'),
    shop.segmentExport({ name: '\ud800', segments: [{ name: '\udc00x\ud83d' }] }, 'halves'),
  );
  expect(status, body.message).toBe(201);
  expect(JSON.stringify(body.spec).isWellFormed()).toBe(true);
  expect(body.spec).toMatchObject({ name: '\ufffd', segments: [{ name: '\ufffdx\ufffd' }] });
});

test('annotations of a quarter of a megabyte, or that are no times, start nothing and are told in short', async () => {
  const before = shop.exporters().length;
  const large = 'x'.repeat(200_000);
  for (const [annotation, value, reason] of [
    [annotations.requestedAt, large, 'RequestIgnored'],
    [annotations.planRequestedAt, `\u202e\u2066${'2026-11-22T04:00:00Z'.repeat(100)}`, 'RequestIgnored'],
    [annotations.approvedRun, `newsletter-1\n${large.slice(0, 1000)}`, 'ApprovalRefused'],
  ] as const) {
    await shop.annotate(annotation, value);
    const { note } = await shop.untilEvent(reason, exportName);
    expect(note.length).toBeLessThanOrEqual(1024);
  }
  const { status } = await shop.nudge();
  expect(JSON.stringify(status).length).toBeLessThan(20_000);
  expect(shop.exporters()).toHaveLength(before);
  await shop.patch('CriteoSegmentExport', exportName, {
    metadata: { annotations: Object.fromEntries(Object.values(annotations).map((key) => [key, null])) },
  });
  const run = await shop.runOnce();
  expect(run.status?.lastRun?.outcome).toBe('Succeeded');
  expect(complaintsOf(shop.logs, ['error'])).toEqual([]);
});

test('a manifest of a megabyte and a half is refused by its field, or stored without what is no field', async () => {
  const path = shop.path('CriteoSegmentExport');
  const large = 'x'.repeat(1_500_000);
  const refused = await world.api.dryRunCreate(path, shop.segmentExport({ name: large }, 'large'));
  expect(refused.status).toBe(422);
  expect(refused.body.details?.causes?.map(({ field }) => field)).toContain('spec.name');
  const segments = Array.from({ length: 40_000 }, (_, index) => ({ name: `segment-${index}` }));
  const many = await world.api.dryRunCreate(path, shop.segmentExport({ segments }, 'large'));
  expect(many.status).toBe(422);
  expect(many.body.details?.causes?.map(({ field }) => field)).toContain('spec.segments');
  // As an older client sends it: what is unknown is dropped.
  await shop.create(path, shop.segmentExport({ extra: large }, 'large'));
  const stored = await shop.ready('large');
  expect(JSON.stringify(stored).length).toBeLessThan(10_000);
});

test('names of 253 characters, dots included, run as short ones do', async () => {
  const long = `${'a'.repeat(63)}.`.repeat(3) + 'b'.repeat(61);
  await shop.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: long },
    stringData: goodCredentials,
  });
  await shop.apply(shop.connection({ credentialsSecretRef: { name: long } }, long));
  const segments = [{ name: 'readers', criteoName: 'Long' }];
  await shop.apply(shop.segmentExport({ connectionRef: { name: long }, segments }, long));
  await shop.ready(long);
  const { status } = await shop.runOnce(long);
  expect(status?.lastRun).toMatchObject({ outcome: 'Succeeded' });
});
