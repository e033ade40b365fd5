import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pauseKubelet } from '../cluster/node/kubelet.ts';
import { chooseProvider } from '../cluster/provider.ts';
import { waitFor } from '../cluster/wait.ts';
import { documentTable } from '../support/documenttable.ts';
import { type Hardship, hardships } from '../support/states/nodelevel.ts';
import { rowOf } from '../support/states/row.ts';
import { look, type Seen, type Sight, type Subject, type Window } from '../support/states/sight.ts';
import { openShop, type Shop, secret, segmentExport } from './shop.ts';
import { windowOf } from './window.ts';

/**
 * Rows of docs/states.md, most of them of "Bad times", on a real node: each is what test/integration/states has reached
 * without one. test/support/states/nodelevel.ts has the list.
 */

const namespace = 'e2e-states';
const people =
  'email,segment\nanna@example.com,readers\nberit@example.com,readers\nchris@example.com,readers\n';
const rows = new Map(
  Object.entries(hardships).flatMap(([heading, names]) => {
    const table = documentTable('docs/states.md', heading).rows;
    return names.map((name): [Hardship, string[] | undefined] => [name, table.get(name)]);
  }),
);
/** Rows that no test of this file has come to yet. */
const ahead = new Set(rows.keys());
/** Only a node of our own can be lost and found again. */
const isOurNode = (await chooseProvider()) === 'node';

let shop: Shop;
let window: Window;

beforeAll(async () => {
  shop = await openShop(namespace, { 'people.csv': people });
  window = windowOf(shop.ground);
  await shop.apply(secret());
  await shop.apply({
    apiVersion: 'segmentexport.io/v1alpha1',
    kind: 'CriteoConnection',
    metadata: { name: 'nordic' },
    spec: {
      credentialsSecretRef: { name: 'criteo-nordic' },
      advertiserId: '12345',
      dataPrivacy: { agreed: true, agreedBy: 'Head of marketing', agreedOn: '2026-11-22' },
      api: { baseUrl: shop.sandbox.url },
    },
  });
  await shop.kubectl('wait', '--for=condition=Ready', '--timeout=120s', 'criteoconnection/nordic');
});
afterAll(() => shop?.[Symbol.asyncDispose]());

const subjectOf = (name: string): Subject => ({ kind: 'CriteoSegmentExport', namespace, name });

/** What was seen of an export when it waited for its first run. */
async function awaitingRun(name: string, spec: Record<string, unknown> = {}): Promise<Sight> {
  const object = segmentExport({ segments: [{ name: 'readers', criteoName: name }], ...spec });
  await shop.apply({ ...object, metadata: { name } });
  return await waitFor(`${name} waits for its first run`, 60_000, async () => {
    const sight = await look(window, subjectOf(name));
    return sight.events.some(({ reason }) => reason === 'AwaitingRun') ? sight : undefined;
  });
}

async function request(name: string): Promise<void> {
  const annotation = `segmentexport.io/requestedAt=${new Date().toISOString()}`;
  await shop.kubectl('annotate', 'criteosegmentexport', name, '--overwrite', annotation);
}

type Export = Seen & {
  status?: { activeRun?: { jobName: string }; history?: { jobName: string }[] };
};

async function untilEnded(name: string): Promise<void> {
  await waitFor(`the end of the run of ${name}`, 240_000, async () => {
    const { status } = await shop.get<Export>('criteosegmentexport', name);
    return (status?.history?.length ?? 0) > 0 && !status?.activeRun ? true : undefined;
  });
}

/** The `count`-th run, of which each pod that Kubernetes makes goes without a chance to say how it ended. */
async function runWithoutReport(name: string, count = 1): Promise<void> {
  await request(name);
  await waitFor(`the end of run ${count} of ${name}, without a report`, 240_000, async () => {
    const { status } = await shop.get<Export>('criteosegmentexport', name);
    if ((status?.history?.length ?? 0) === count) return true;
    const pods = await runningPods(status?.activeRun?.jobName);
    if (pods.length > 0)
      await shop.kubectl('delete', 'pod', ...pods, '--grace-period=0', '--force', '--ignore-not-found');
    return undefined;
  });
}

async function untilReady(name: string, reason: string): Promise<void> {
  await waitFor(`Ready of ${name} with the reason ${reason}`, 120_000, async () => {
    const { status } = await shop.get<Export>('criteosegmentexport', name);
    return status?.conditions?.some((condition) => condition.reason === reason) ? true : undefined;
  });
}

/** The pod of the run that is at work, once it runs. */
async function runningPod(name: string): Promise<string> {
  return await waitFor(`a running pod of ${name}`, 120_000, async () => {
    const { status } = await shop.get<Export>('criteosegmentexport', name);
    return (await runningPods(status?.activeRun?.jobName))[0];
  });
}

async function runningPods(jobName = 'none'): Promise<string[]> {
  const names = await shop.kubectl(
    'get',
    'pods',
    `--selector=batch.kubernetes.io/job-name=${jobName}`,
    '--field-selector=status.phase=Running',
    '--output=jsonpath={.items[*].metadata.name}',
  );
  return names.split(' ').filter((name) => name !== '');
}

/** A run of which Criteo has heard and that waits for its answer, and what was seen then. */
async function atWork(name: string, spec?: Record<string, unknown>): Promise<Sight> {
  await awaitingRun(name, spec);
  await request(name);
  await waitFor(`${name} is at Criteo`, 120_000, () =>
    shop.sandbox.segments().some((segment) => segment.name === name) ? true : undefined,
  );
  return await waitFor(`the start of the run of ${name} is told`, 60_000, async () => {
    const sight = await look(window, subjectOf(name));
    return sight.events.some(({ reason }) => reason === 'RunStarted') ? sight : undefined;
  });
}

async function expectRow(row: Hardship, name: string, before: Sight): Promise<void> {
  ahead.delete(row);
  const wanted = rows.get(row);
  expect(await rowOf(window, subjectOf(name), { before, wanted }), row).toEqual(wanted);
}

describe('docs/states.md, Bad times, while Criteo does not answer', () => {
  beforeAll(() => {
    // Once the first pod of a run has had its segment made, the next one sends at once.
    for (const path of ['/create$', '/contact-list$']) {
      shop.sandbox.addFault({ kind: 'delay', milliseconds: 250_000, path, times: 'always' });
    }
  });
  afterAll(() => shop?.sandbox.clearFaults());

  test.concurrent("the run's pod does not start", async () => {
    const before = await awaitingRun('no-node', { job: { nodeSelector: { 'example.com/none': 'yes' } } });
    await request('no-node');
    await untilReady('no-node', 'PodNotStarted');
    await expectRow("the run's pod does not start", 'no-node', before);
  });

  test.concurrent('its pod ran out of memory', async () => {
    const memory = '24Mi';
    const resources = { requests: { memory }, limits: { memory } };
    const before = await awaitingRun('no-memory', { job: { resources } });
    await request('no-memory');
    await untilEnded('no-memory');
    await expectRow('its pod ran out of memory', 'no-memory', before);
  });

  test.concurrent('its Job was deleted by hand in mid-run', async () => {
    const before = await atWork('deleted-job');
    const { status } = await shop.get<Export>('criteosegmentexport', 'deleted-job');
    await shop.kubectl('delete', 'job', status?.activeRun?.jobName ?? '');
    await untilEnded('deleted-job');
    await expectRow('its Job was deleted by hand in mid-run', 'deleted-job', before);
  });

  test.concurrent('its pod left no report', async () => {
    const before = await awaitingRun('no-report');
    await runWithoutReport('no-report');
    await expectRow('its pod left no report', 'no-report', before);
  });

  // Kubernetes waits longer and longer before each of a run's four pods: more than a minute a run.
  test.concurrent('three runs in a row left no report', { timeout: 580_000 }, async () => {
    const before = await awaitingRun('three-in-a-row');
    for (let count = 1; count <= 3; count++) await runWithoutReport('three-in-a-row', count);
    await expectRow('three runs in a row failed by what passes', 'three-in-a-row', before);
  });

  test.concurrent('it took longer than activeDeadlineSeconds', async () => {
    const before = await atWork('deadline', { job: { activeDeadlineSeconds: 60 } });
    await untilEnded('deadline');
    await expectRow('it took longer than activeDeadlineSeconds', 'deadline', before);
  });
});

test('docs/states.md, Bad times: its pod was evicted, and another took its place', async () => {
  shop.sandbox.addFault({ kind: 'delay', milliseconds: 250_000, path: '/create$' });
  const before = await atWork('evicted');
  const metadata = { name: await runningPod('evicted'), namespace };
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata };
  const path = `/api/v1/namespaces/${namespace}/pods/${metadata.name}/eviction`;
  await shop.ground.kubectl(['create', '--raw', path, '-f', '-'], JSON.stringify(eviction));
  await untilEnded('evicted');
  await expectRow('its pod was evicted: another took its place', 'evicted', before);
});

test('docs/states.md, Bad times: its node is lost, and then given up', async ({ skip }) => {
  if (!isOurNode) {
    for (const row of ['its node is lost', 'its node was given up: another pod took its place'] as const)
      ahead.delete(row);
    const why = 'A node of this cluster may not be lost: the rows are reached where the tests make the node.';
    console.warn(why);
    skip(why);
  }
  shop.sandbox.addFault({ kind: 'delay', milliseconds: 250_000, path: '/create$' });
  const before = await atWork('lost-node');
  const pod = await runningPod('lost-node');
  const node = await shop.kubectl('get', 'pod', pod, '--output=jsonpath={.spec.nodeName}');
  const taint = 'node.kubernetes.io/out-of-service';
  const goOn = pauseKubelet();
  try {
    // Kubernetes does the same five minutes after the node was last heard of.
    await shop.kubectl('delete', 'pod', pod, '--grace-period=1', '--wait=false');
    await untilReady('lost-node', 'PodNotEnded');
    await expectRow('its node is lost', 'lost-node', before);

    const lost = await look(window, subjectOf('lost-node'));
    await shop.kubectl('wait', '--for=condition=Ready=Unknown', '--timeout=120s', `node/${node}`);
    await shop.kubectl('taint', 'node', node, `${taint}=nodeshutdown:NoExecute`);
    await shop.kubectl('wait', '--for=delete', '--timeout=90s', `pod/${pod}`);
    goOn();
    await shop.kubectl('taint', 'node', node, `${taint}-`);
    await untilEnded('lost-node');
    await expectRow('its node was given up: another pod took its place', 'lost-node', lost);
  } finally {
    goOn();
    await shop.kubectl('taint', 'node', node, `${taint}-`).catch(() => undefined);
    await shop.kubectl('wait', '--for=condition=Ready', '--timeout=120s', `node/${node}`);
  }
});

test('every row that docs/states.md leaves to this file was reached', () => {
  expect([...ahead]).toEqual([]);
});
