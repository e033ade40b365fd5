import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { KubeClient } from '../../controller/runtime/client.ts';
import { Informer } from '../../controller/runtime/informer.ts';
import { loadKubeConfig } from '../../controller/runtime/kubeconfig.ts';
import { defineResource, type KubeObject } from '../../controller/runtime/resource.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { FAULTS, type FaultProxy, startFaultProxy } from '../support/faultproxy.ts';

interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}
const CONFIG_MAPS = defineResource<ConfigMap>({
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
});
const NAMESPACES = defineResource({
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
});

let controlPlane: ControlPlane;
let proxy: FaultProxy;
let directory: string;
/** Straight to the API server, and through the proxy. */
let direct: KubeClient;
let proxied: KubeClient;

beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: false });
  proxy = await startFaultProxy(controlPlane);
  directory = await mkdtemp(join(tmpdir(), 'faultproxy-'));
  const kubeconfig = join(directory, 'kubeconfig');
  await writeFile(kubeconfig, proxy.kubeconfig());
  const clientFor = (path: string) =>
    new KubeClient({ loadConfig: () => loadKubeConfig({ kubeconfig: path }), fieldManager: 'runtime-test' });
  direct = clientFor(controlPlane.kubeconfigPath);
  proxied = clientFor(kubeconfig);
});
afterAll(async () => {
  await proxied?.close();
  await direct?.close();
  await proxy?.close();
  await controlPlane?.stop();
  if (directory) await rm(directory, { recursive: true });
});

test.each(FAULTS)('%s: the cache is right again after its end', async (fault) => {
  const namespace = `fault-${fault}`;
  const put = (name: string, value: string) =>
    direct.apply(CONFIG_MAPS, { metadata: { namespace, name }, data: { value } } as ConfigMap);
  await direct.create(NAMESPACES, { metadata: { name: namespace } });
  await put('changes', 'old');
  await put('goes', 'old');

  // Short, because a black hole is only known by its silence.
  const informer = new Informer({
    client: proxied,
    resource: CONFIG_MAPS,
    namespaces: [namespace],
    stallTimeoutMs: 3_000,
  });
  const deleted: (string | undefined)[] = [];
  const seen: string[] = [];
  informer.addHandler((old, now) => {
    if (!now) deleted.push(old?.metadata.name);
    if (now?.metadata.name === 'changes') seen.push(now.data?.value ?? '');
  });
  informer.start();
  await informer.waitForSync(AbortSignal.timeout(30_000));
  await vi.waitFor(() => expect(proxy.watches()).toBe(1), { timeout: 30_000 });

  const end = proxy.play(fault);
  await put('changes', 'during');
  await put('comes', 'new');
  await direct.delete(CONFIG_MAPS, { namespace, name: 'goes' });
  await put('changes', 'last');
  // Long enough that it came back and met the fault again; behind silence nothing comes back.
  const times = ['silence', 'black-hole', 'duplicates'].includes(fault) ? 1 : 4;
  await vi.waitFor(() => expect(proxy.met()).toBeGreaterThanOrEqual(times), { timeout: 30_000 });
  end();

  const values = () =>
    Object.fromEntries(informer.store.list().map(({ metadata, data }) => [metadata.name, data?.value]));
  await vi.waitFor(() => expect(values()).toEqual({ changes: 'last', comes: 'new' }), {
    timeout: 30_000,
    interval: 50,
  });
  expect(deleted).toEqual(['goes']);
  // Never back to an older state, nor the same twice.
  expect(seen).toEqual(['old', 'during', 'last'].filter((value) => seen.includes(value)));
  await informer.stop();
  await vi.waitFor(() => expect(proxy.watches()).toBe(0), { timeout: 30_000 });
});
