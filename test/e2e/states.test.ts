import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deletions } from '../integration/states/deletions.ts';
import { pooled } from '../integration/states/pool.ts';
import { rowsOf, Teller } from '../integration/states/teller.ts';
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts';
import { documentTable } from '../support/documenttable.ts';
import { type Ground, installController, prepareGround } from '../support/stack.ts';
import { toldOnNode } from '../support/states/nodelevel.ts';
import { type KubectlProxy, startKubectlProxy } from './kubectlproxy.ts';
import { NodeShop } from './nodeshop.ts';
import { windowOf } from './window.ts';

/**
 * The rows of docs/states.md that need a pod, on a real node, by the stories of test/integration/states.
 * test/support/states/nodelevel.ts says which, and where the others are.
 */

const rows = rowsOf(toldOnNode);
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

describe.each(toldOnNode)('docs/states.md, %s', (heading, _, stories) => {
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
