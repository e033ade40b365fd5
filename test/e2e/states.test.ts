import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connections } from '../integration/states/connections.ts';
import { deletions } from '../integration/states/deletions.ts';
import { pooled } from '../integration/states/pool.ts';
import { runs } from '../integration/states/runs.ts';
import type { Story } from '../integration/states/story.ts';
import { rowsOf, type StoryTable, Teller } from '../integration/states/teller.ts';
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts';
import { documentTable } from '../support/documenttable.ts';
import { type Ground, installController, prepareGround } from '../support/stack.ts';
import { type KubectlProxy, startKubectlProxy } from './kubectlproxy.ts';
import { NodeShop } from './nodeshop.ts';
import { windowOf } from './window.ts';

/**
 * The rows of docs/states.md that need a pod, on a real node, by the stories of test/integration/states. Those of "Bad
 * times" need a node for what befalls them: see badtimes.test.ts.
 */

/** What needs no pod, or is not to be had here. */
const others = [
  // Each of a run's four pods gives Criteo three minutes to be well again; the integration tests make that seconds.
  'the last run failed by what passes',
  // It needs pods that leave no report: see badtimes.test.ts.
  'three runs in a row failed by what passes',
  // Where the controller is installed as a whole its policy refuses such a connection when it is applied.
  'its base URL is not allowed',
];
const withPods = (stories: Record<string, Story>): Record<string, Story> =>
  Object.fromEntries(
    Object.entries(stories).filter(([name, { without }]) => without === undefined && !others.includes(name)),
  );
const tables: StoryTable[] = [
  ['Runs', 'CriteoSegmentExport', withPods(runs)],
  ['Connections', 'CriteoConnection', withPods(connections)],
];
const rows = rowsOf(tables);
const names = [...rows.map(({ key }) => key), ...Object.keys(deletions)];
const namespaceOf = (name: string): string => `e2e-states-${names.indexOf(name)}`;

let ground: Ground;
let proxy: KubectlProxy;
const sandboxes = new Map<string, Sandbox>();
const shops = new Map<string, NodeShop>();
const seen = new Map<string, Promise<string[]>>();

beforeAll(async () => {
  ground = await prepareGround(() => {});
  await removeShops();
  const options = new Map(rows.map(({ key, story }) => [key, story.sandbox]));
  for (const name of names) {
    sandboxes.set(name, await startSandbox({ ...options.get(name), host: ground.hostAddress }));
  }
  await installController(ground, { allowedBaseUrls: [...sandboxes.values()].map(({ url }) => url) });
  proxy = await startKubectlProxy(ground.cluster.kubeconfigPath);
  for (const [name, sandbox] of sandboxes) {
    shops.set(name, await NodeShop.openOnNode(ground, proxy, { namespace: namespaceOf(name), sandbox }));
  }
  const teller = new Teller(windowOf(ground), shops);
  const waiting = rows.filter(({ story }) => story.waits);
  const busy = rows.filter(({ story }) => !story.waits);
  const told = [
    ...pooled(waiting, 4, (row) => teller.told(row)),
    ...pooled(busy, 4, (row) => teller.told(row)),
  ];
  for (const [row, result] of told) seen.set(row.key, result);
  for (const [name, result] of pooled(Object.keys(deletions), 2, (name) => teller.deleted(name))) {
    seen.set(name, result);
  }
}, 300_000);

afterAll(async () => {
  await Promise.allSettled(seen.values());
  for (const shop of shops.values()) await shop[Symbol.asyncDispose]();
  await removeShops();
  for (const sandbox of sandboxes.values()) await sandbox.close();
  proxy?.[Symbol.dispose]();
}, 300_000);

async function removeShops(): Promise<void> {
  const namespaces = names.map(namespaceOf);
  // Somebody else's finalizer, which a row sets.
  for (const namespace of namespaces) {
    const object = ['criteoconnection', 'nordic', '--namespace', namespace];
    const patch = ['--type=merge', '--patch', '{"metadata":{"finalizers":null}}'];
    await ground.kubectl(['patch', ...object, ...patch]).catch(() => undefined);
  }
  await ground.kubectl(['delete', 'namespace', ...namespaces, '--ignore-not-found', '--timeout=240s']);
}

describe.each(tables)('docs/states.md, %s', (heading, _, stories) => {
  const { rows: document } = documentTable('docs/states.md', heading);

  test.each(Object.keys(stories))('%s', { timeout: 580_000 }, async (name) => {
    expect(await seen.get(`${heading}: ${name}`)).toEqual(document.get(name));
  });
});

describe('docs/states.md, When it is deleted', () => {
  const { rows: document } = documentTable('docs/states.md', 'When it is deleted');

  test.each(Object.keys(deletions))('%s', { timeout: 580_000 }, async (name) => {
    expect(await seen.get(name)).toEqual(document.get(name));
  });
});
