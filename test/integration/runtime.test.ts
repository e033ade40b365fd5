import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { KubeClient } from '../../controller/runtime/client.ts';
import { runController } from '../../controller/runtime/controller.ts';
import * as errors from '../../controller/runtime/errors.ts';
import { EVENTS, EventRecorder, referenceTo } from '../../controller/runtime/events.ts';
import { Informer } from '../../controller/runtime/informer.ts';
import { loadKubeConfig } from '../../controller/runtime/kubeconfig.ts';
import { LEASES, LeaderElector } from '../../controller/runtime/leaderelection.ts';
import { WorkQueue } from '../../controller/runtime/queue.ts';
import { defineResource, type KubeObject, objectKey } from '../../controller/runtime/resource.ts';
import { atLeast } from '../../controller/runtime/version.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';

interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}
interface Namespace extends KubeObject {
  status?: { phase?: string; conditions?: { type: string; status: string; lastTransitionTime: string }[] };
}
const CONFIG_MAPS = defineResource<ConfigMap>({
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
});
const NAMESPACES = defineResource<Namespace>({
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
});
const AWAIT = { timeout: 30_000, interval: 50 };

let controlPlane: ControlPlane;
let client: KubeClient;
const cleanUp: (() => unknown)[] = [];

beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: false });
  client = newClient();
});
afterEach(async () => {
  for (const end of cleanUp.splice(0)) await end();
});
afterAll(async () => {
  await client?.close();
  await controlPlane?.stop();
});

function newClient(fieldManager = 'runtime-test') {
  return new KubeClient({
    loadConfig: () => loadKubeConfig({ kubeconfig: controlPlane.kubeconfigPath }),
    fieldManager,
  });
}

/** A client whose kubeconfig says something else about the cluster. */
function clientWith(cluster: object): KubeClient {
  const loadConfig = () => {
    const content = JSON.parse(readFileSync(controlPlane.kubeconfigPath, 'utf8'));
    Object.assign(content.clusters[0].cluster, cluster);
    const config = new KubeConfig();
    config.loadFromString(JSON.stringify(content));
    return config;
  };
  const other = new KubeClient({ loadConfig, fieldManager: 'runtime-test', maxRetries: 0 });
  cleanUp.push(() => other.close());
  return other;
}

let namespaces = 0;
async function newNamespace(): Promise<string> {
  const name = `runtime-${++namespaces}`;
  await client.create(NAMESPACES, { metadata: { name } });
  return name;
}

const configMap = (namespace: string, name: string, value = '1'): ConfigMap => ({
  metadata: { namespace, name },
  data: { value },
});

describe('client', () => {
  test('knows the version of the server', async () => {
    expect(atLeast(await client.version(), 1, 31)).toBe(true);
  });

  test('apply creates, changes its own fields, and asks before it takes those of others', async () => {
    const namespace = await newNamespace();
    const other = newClient('somebody-else');
    cleanUp.push(() => other.close());
    expect((await client.apply(CONFIG_MAPS, configMap(namespace, 'a'))).data).toEqual({ value: '1' });
    expect((await client.apply(CONFIG_MAPS, configMap(namespace, 'a', '2'))).data).toEqual({ value: '2' });
    const refused = await other.apply(CONFIG_MAPS, configMap(namespace, 'a', '3')).catch((error) => error);
    expect(errors.isConflict(refused)).toBe(true);
    expect(refused.message).toContain('runtime-test');
    expect((await other.apply(CONFIG_MAPS, configMap(namespace, 'a', '3'), { force: true })).data).toEqual({
      value: '3',
    });
  });

  test('applying the same again changes nothing, not even the version', async () => {
    const namespace = await newNamespace();
    const first = await client.apply(CONFIG_MAPS, configMap(namespace, 'a'));
    const second = await client.apply(CONFIG_MAPS, configMap(namespace, 'a'));
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  });

  test('patches: merge, JSON, and of the status alone', async () => {
    const namespace = await newNamespace();
    const ref = { namespace, name: 'a' };
    await client.create(CONFIG_MAPS, configMap(namespace, 'a'));
    expect((await client.patch(CONFIG_MAPS, ref, { data: { more: 'x' } })).data).toEqual({
      value: '1',
      more: 'x',
    });
    const patched = await client.patch(CONFIG_MAPS, ref, [{ op: 'remove', path: '/data/more' }]);
    expect(patched.data).toEqual({ value: '1' });
    const status = {
      conditions: [
        {
          type: 'Tested',
          status: 'True',
          lastTransitionTime: '2026-01-01T00:00:00Z',
          reason: 'Yes',
          message: '',
        },
      ],
    };
    const unchanged = await client.patch(NAMESPACES, { name: namespace }, { status });
    expect(unchanged.status).not.toHaveProperty('conditions');
    const changed = await client.patchStatus(NAMESPACES, { name: namespace }, { status });
    expect(changed.status?.conditions?.map(({ type }) => type)).toEqual(['Tested']);
  });

  test('a write on an old version is a conflict; a name that is taken, a missing object and a bad one are told apart', async () => {
    const namespace = await newNamespace();
    const old = await client.create(CONFIG_MAPS, configMap(namespace, 'a'));
    await client.patch(CONFIG_MAPS, { namespace, name: 'a' }, { data: { value: '2' } });
    await expect(client.update(CONFIG_MAPS, old)).rejects.toSatisfy(errors.isConflict);
    await expect(client.create(CONFIG_MAPS, configMap(namespace, 'a'))).rejects.toSatisfy(
      errors.isAlreadyExists,
    );
    await expect(client.get(CONFIG_MAPS, { namespace, name: 'b' })).rejects.toSatisfy(errors.isNotFound);
    await expect(client.create(CONFIG_MAPS, configMap(namespace, 'Not A Name'))).rejects.toSatisfy(
      errors.isInvalid,
    );
  });

  test('delete is bound to the object that was seen', async () => {
    const namespace = await newNamespace();
    const ref = { namespace, name: 'a' };
    const { metadata } = await client.create(CONFIG_MAPS, configMap(namespace, 'a'));
    await expect(client.delete(CONFIG_MAPS, ref, { uid: 'another' })).rejects.toSatisfy(errors.isConflict);
    await expect(client.delete(CONFIG_MAPS, ref, { resourceVersion: '1' })).rejects.toSatisfy(
      errors.isConflict,
    );
    await client.delete(CONFIG_MAPS, ref, {
      ...(metadata.uid && { uid: metadata.uid }),
      propagationPolicy: 'Background',
    });
    await expect(client.get(CONFIG_MAPS, ref)).rejects.toSatisfy(errors.isNotFound);
  });

  test.each([
    ['a CA and a client certificate', {}, undefined],
    ['a server name of its own', { 'tls-server-name': 'kubernetes' }, undefined],
    [
      'a server name that the certificate does not have',
      { 'tls-server-name': 'elsewhere.example' },
      "not in the cert's altnames",
    ],
    ['a CA that is another', { 'certificate-authority-data': '' }, 'certificate'],
  ])('TLS with %s', async (_, cluster, refusal) => {
    const call = clientWith(cluster).version();
    if (refusal) await expect(call).rejects.toThrow(refusal);
    else expect((await call).major).toBe(1);
  });

  test("through the kubeconfig's proxy", async () => {
    const targets: string[] = [];
    const proxy = createServer().on('connect', (request, caller) => {
      targets.push(request.url ?? '');
      const { port, hostname } = new URL(`http://${request.url}`);
      const target = connect(Number(port), hostname, () => caller.write('HTTP/1.1 200 OK\r\n\r\n'));
      target.pipe(caller).pipe(target);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    cleanUp.push(() => proxy.close());
    const { port } = proxy.address() as AddressInfo;
    expect((await clientWith({ 'proxy-url': `http://127.0.0.1:${port}` }).version()).major).toBe(1);
    expect(targets).toEqual([new URL(controlPlane.server).host]);
  });

  test('a dry run stores nothing', async () => {
    const namespace = await newNamespace();
    await client.create(CONFIG_MAPS, configMap(namespace, 'a'), { dryRun: true });
    expect((await client.list(CONFIG_MAPS, { namespace })).items).toEqual([]);
  });

  test('lists page by page, by label', async () => {
    const namespace = await newNamespace();
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      const labels = { even: String(name === 'b' || name === 'd') };
      await client.create(CONFIG_MAPS, {
        ...configMap(namespace, name),
        metadata: { namespace, name, labels },
      });
    }
    const { items } = await client.list(CONFIG_MAPS, { namespace, labelSelector: 'even=false', pageSize: 2 });
    expect(items.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      'ConfigMap a',
      'ConfigMap c',
      'ConfigMap e',
    ]);
    expect(items[0]?.metadata).not.toHaveProperty('managedFields');
  });
});

function startInformer(namespace: string) {
  const informer = new Informer({ client, resource: CONFIG_MAPS, namespaces: [namespace] });
  const changes: string[] = [];
  informer.addHandler((old, now) => changes.push(`${old?.data?.value} -> ${now?.data?.value}`));
  informer.start();
  cleanUp.push(() => informer.stop());
  return { informer, changes };
}

describe('informer', () => {
  test('sees what is there, what comes, changes and goes', async () => {
    const namespace = await newNamespace();
    await client.create(CONFIG_MAPS, configMap(namespace, 'a'));
    const { informer, changes } = startInformer(namespace);
    await informer.waitForSync(AbortSignal.timeout(30_000));
    await client.create(CONFIG_MAPS, configMap(namespace, 'b', '5'));
    await client.patch(CONFIG_MAPS, { namespace, name: 'a' }, { data: { value: '2' } });
    await client.delete(CONFIG_MAPS, { namespace, name: 'b' });
    await vi.waitFor(
      () => expect(changes).toEqual(['undefined -> 1', 'undefined -> 5', '1 -> 2', '5 -> undefined']),
      AWAIT,
    );
    expect(informer.store.list().map(objectKey)).toEqual([`${namespace}/a`]);
  });

  test('is right again when the API server is back', async () => {
    const namespace = await newNamespace();
    await client.create(CONFIG_MAPS, configMap(namespace, 'stays'));
    const { informer } = startInformer(namespace);
    await informer.waitForSync(AbortSignal.timeout(30_000));
    await controlPlane.stopApiServer();
    await vi.waitFor(() => expect(informer.lastError()).toMatchObject({ reason: 'Network' }), AWAIT);
    await controlPlane.startApiServer();
    const fresh = newClient();
    cleanUp.push(() => fresh.close());
    await fresh.create(CONFIG_MAPS, configMap(namespace, 'new'));
    await vi.waitFor(
      () => expect(informer.store.keys().sort()).toEqual([`${namespace}/new`, `${namespace}/stays`]),
      AWAIT,
    );
    expect(informer.lastError()).toBeUndefined();
  });

  test('with a queue and a controller: the world follows the objects', async () => {
    const namespace = await newNamespace();
    const { informer } = startInformer(namespace);
    const queue = new WorkQueue({ name: 'copies' });
    informer.addHandler((old, now) => {
      const object = now ?? old;
      if (object && !object.metadata.name?.endsWith('-copy')) queue.add(objectKey(object));
    });
    const controller = runController({
      name: 'copies',
      queue,
      workers: 3,
      async reconcile(key, signal) {
        const source = informer.store.getByKey(key);
        const name = `${key.split('/')[1]}-copy`;
        if (source)
          await client.apply(CONFIG_MAPS, { ...configMap(namespace, name, source.data?.value) }, { signal });
        else await client.delete(CONFIG_MAPS, { namespace, name }, { signal });
      },
    });
    cleanUp.push(() => controller.stop());
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => client.create(CONFIG_MAPS, configMap(namespace, `m${n}`, 'x'))),
    );
    await client.patch(CONFIG_MAPS, { namespace, name: 'm3' }, { data: { value: 'y' } });
    await vi.waitFor(
      () => expect(informer.store.getByKey(`${namespace}/m3-copy`)?.data).toEqual({ value: 'y' }),
      AWAIT,
    );
    await vi.waitFor(() => expect(informer.store.size).toBe(40), AWAIT);
    await client.delete(CONFIG_MAPS, { namespace, name: 'm3' });
    await vi.waitFor(() => {
      expect(informer.store.getByKey(`${namespace}/m3-copy`)).toBeUndefined();
      expect(informer.store.size).toBe(38);
    }, AWAIT);
  });
});

describe('leader election on a real Lease', () => {
  test('one of two leads, and the other follows at once when it stops', async () => {
    const namespace = await newNamespace();
    const leading: string[] = [];
    const start = (identity: string) => {
      const stop = new AbortController();
      const elector = new LeaderElector({
        client,
        namespace,
        name: 'controller',
        identity,
        leaseDurationMs: 6_000,
        renewDeadlineMs: 4_000,
        retryPeriodMs: 1_000,
      });
      const done = elector.run(async (signal) => {
        leading.push(identity);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      }, stop.signal);
      cleanUp.push(() => stop.abort());
      return { elector, done, stop };
    };
    const one = start('one');
    await vi.waitFor(() => expect(one.elector.isLeader()).toBe(true), AWAIT);
    const two = start('two');
    const before = (await client.get(LEASES, { namespace, name: 'controller' })).spec?.renewTime;
    await vi.waitFor(async () => {
      expect((await client.get(LEASES, { namespace, name: 'controller' })).spec?.renewTime).not.toBe(before);
    }, AWAIT);
    expect(leading).toEqual(['one']);
    one.stop.abort();
    expect(await one.done).toBe('stopped');
    await vi.waitFor(() => expect(two.elector.isLeader()).toBe(true), AWAIT);
    expect(leading).toEqual(['one', 'two']);
    two.stop.abort();
    expect(await two.done).toBe('stopped');
    expect((await client.get(LEASES, { namespace, name: 'controller' })).spec?.holderIdentity).toBe('');
  });
});

test('events are taken by the API server, and repetitions counted on one', async () => {
  const namespace = await newNamespace();
  const object = await client.create(CONFIG_MAPS, configMap(namespace, 'a'));
  const recorder = new EventRecorder({
    client,
    reportingController: 'example.com/runtime-test',
    reportingInstance: 'replica-1',
  });
  const event = {
    regarding: referenceTo(CONFIG_MAPS, object),
    type: 'Warning',
    reason: 'Refused',
    action: 'Check',
  } as const;
  for (let time = 0; time < 3; time++) recorder.event({ ...event, note: 'x'.repeat(3_000) });
  recorder.event({ ...event, note: 'another' });
  await recorder.flush(30_000);
  const { items } = await client.list(EVENTS, { namespace });
  expect(items.map(({ series, note }) => [note.length, series?.count]).sort()).toEqual([
    [1_024, 3],
    [7, undefined],
  ]);
});
