import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { namespaceFlags } from '../../../deploy/deployment.ts';
import { defaultOptions } from '../../../deploy/options.ts';
import { controllerRules } from '../../../deploy/rbac.ts';
import { ApiServer } from '../../support/apiserver.ts';
import { exporterImage } from '../../support/controllerprocess.ts';
import { complaintsOf } from '../controller/complaints.ts';
import { digestOf, people, type Shop, withLedger } from '../controller/shop.ts';
import { installIdentity, startWorld, type World, writeTokenKubeconfig } from '../controller/world.ts';

/** An installation for a list of namespaces: Roles there, and no right anywhere else. */

const home = 'tenant-operator';

let world: World;
let listed: [Shop, Shop];
let elsewhere: Shop;
let kubeconfig: string;
let identity: ApiServer;
let flags: string[];

beforeAll(async () => {
  world = await startWorld();
  listed = [await world.shop(), await world.shop()];
  elsewhere = await world.shop();
  const options = {
    ...defaultOptions,
    image: exporterImage,
    namespace: home,
    watchedNamespaces: listed.map(({ namespace }) => namespace),
  };
  const token = await installIdentity(world.controlPlane.kubeconfigPath, options);
  kubeconfig = join(world.directory, 'listed.kubeconfig');
  await writeTokenKubeconfig(kubeconfig, world.controlPlane, token);
  identity = new ApiServer(world.controlPlane, token);
  flags = [...namespaceFlags(options), '--leader-election-namespace', home];
});
afterAll(async () => {
  await identity?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
});

/** Whether the identity has a right; in all namespaces, or in one. */
async function may(verb: string, group: string, path: string, namespace?: string): Promise<boolean> {
  const [resource, subresource] = path.split('/');
  const { body } = await identity.call('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
    method: 'POST',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb, group, resource, subresource, namespace } },
    },
  });
  return (body.status as { allowed: boolean }).allowed;
}

const everyRight = controllerRules.flatMap(({ apiGroups, resources, verbs }) =>
  apiGroups.flatMap((group) => resources.flatMap((path) => verbs.map((verb) => ({ verb, group, path })))),
);

test.each(everyRight)('$verb $group $path: there, and nowhere else', async ({ verb, group, path }) => {
  for (const { namespace } of listed) {
    await expect.poll(() => may(verb, group, path, namespace), { timeout: 60_000 }).toBe(true);
  }
  expect(await may(verb, group, path, elsewhere.namespace)).toBe(false);
  expect(await may(verb, group, path, home)).toBe(false);
  expect(await may(verb, group, path)).toBe(false);
});

test('it runs the exports of these namespaces, leads by its own Lease, and sees no others', async () => {
  const [first, second] = listed;
  const controller = first.launchController({
    kubeconfig,
    flags: [...flags, '--allowed-base-url', second.sandbox.url, '--allowed-base-url', elsewhere.sandbox.url],
  });
  await controller.leads();
  await elsewhere.prepare();
  await elsewhere.apply(elsewhere.connection());
  await elsewhere.apply(elsewhere.segmentExport());
  for (const shop of listed) {
    await shop.settle({ connection: withLedger, export: { deletionPolicy: 'Empty' } });
    const { status } = await shop.runOnce();
    expect(status?.lastRun?.outcome).toBe('Succeeded');
    expect(shop.sandbox.segments().map(({ digest }) => digest)).toEqual([digestOf(people)]);
  }
  await first.delete('CriteoSegmentExport', 'newsletter');
  await first.untilGone('CriteoSegmentExport', 'newsletter');
  expect(first.sandbox.segments().map(({ digest }) => digest)).toEqual([digestOf([])]);

  // What a new object has, and nobody's word on it.
  const untouched = { observedGeneration: -1 };
  expect((await elsewhere.getConnection()).status).toEqual(untouched);
  expect((await elsewhere.getExport()).status).toEqual(untouched);
  expect(elsewhere.sandbox.requests()).toEqual([]);
  const outOfBounds = controller.output
    .split('\n')
    .filter((line) => line.includes('forbidden') || line.includes(elsewhere.namespace));
  expect([...outOfBounds, ...complaintsOf(controller.output, ['warn', 'error'])]).toEqual([]);
});

test('it says so where a namespace is listed in which it has no rights', async () => {
  const [first] = listed;
  const controller = first.launchController({
    kubeconfig,
    flags: [...flags, '--namespace', elsewhere.namespace, '--leader-elect=false'],
  });
  await controller.said(new RegExp(`cannot list resource .*in the namespace \\\\"${elsewhere.namespace}`));
});
