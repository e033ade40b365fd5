import * as pulumi from '@pulumi/pulumi';
import { describe, expect, test } from 'vitest';
import { contract } from '../deploy/contents.ts';
import { manifests } from '../deploy/manifests.ts';
import { defaultOptions, type InstallOptions, type Manifest } from '../deploy/options.ts';
import { CriteoExportController } from './controller.ts';
import type { CriteoExportControllerArgs } from './controllerargs.ts';
import { type Registered, registered, unknownMark } from './testkit/registered.ts';

const image = 'registry.example/criteo-segment-export@sha256:0123';

/** What is registered for the cluster, without the component itself. */
async function objectsOf(
  args: Partial<CriteoExportControllerArgs> = {},
  options: { preview?: boolean } = {},
): Promise<Registered[]> {
  const all = await registered(() => new CriteoExportController('criteo', { image, ...args }), options);
  return all.filter(({ type }) => type.startsWith('kubernetes:'));
}

function byIdentity(objects: readonly object[]): object[] {
  const identity = ({ kind, metadata }: Manifest): string =>
    `${kind} ${metadata.namespace ?? ''} ${metadata.name}`;
  return (objects as Manifest[]).toSorted((a, b) => identity(a).localeCompare(identity(b)));
}

const inputsOf = (resources: readonly Registered[]): object[] => resources.map(({ inputs }) => inputs);
const ofKind = (resources: readonly Registered[], kind: string): Registered[] =>
  resources.filter(({ inputs }) => inputs.kind === kind);

// The mocks take CRDs apart and put them together again; on a busy machine that takes its time.
describe('the controller as a component', { timeout: 60_000 }, () => {
  test.each<[string, Partial<CriteoExportControllerArgs>, Partial<InstallOptions>]>([
    ['with defaults', {}, {}],
    [
      'with everything chosen',
      {
        imagePullPolicy: pulumi.output('Always' as const),
        namespace: pulumi.output('marketing'),
        replicas: pulumi.output(1),
        resources: { limits: { memory: '1Gi' } },
        watchedNamespaces: ['shop', 'crm'],
        apiServerPorts: [6443],
        allowedBaseUrls: [pulumi.output('https://criteo.example')],
        extraFlags: ['--log-level=debug'],
      },
      {
        imagePullPolicy: 'Always',
        namespace: 'marketing',
        replicas: 1,
        resources: { limits: { memory: '1Gi' } },
        watchedNamespaces: ['shop', 'crm'],
        apiServerPorts: [6443],
        allowedBaseUrls: ['https://criteo.example'],
        extraFlags: ['--log-level=debug'],
      },
    ],
    [
      'in a namespace and a cluster that others prepared',
      { createNamespace: false, installDefinitions: false },
      { createNamespace: false, installDefinitions: false },
    ],
  ])('%s is what dist/install.yaml is made of, object by object', async (_, args, options) => {
    const objects = await objectsOf(args);
    const expected = manifests({ ...defaultOptions, image, ...options });
    expect(byIdentity(inputsOf(objects))).toEqual(byIdentity(expected));
    expect(new Set(objects.map(({ urn }) => urn)).size).toBe(expected.length);
  });

  test('is the parent of all of it', async () => {
    for (const { parent } of await objectsOf()) {
      expect(parent).toMatch(/::segmentexport:index:CriteoExportController::criteo$/);
    }
  });

  test('comes in the order that a cluster needs: CRDs and namespace, rights and rules, the Deployment', async () => {
    const objects = await objectsOf();
    const [deployment] = ofKind(objects, 'Deployment');
    const crds = ofKind(objects, 'CustomResourceDefinition').map(({ urn }) => urn);
    const namespaces = ofKind(objects, 'Namespace').map(({ urn }) => urn);
    expect([crds.length, namespaces.length]).toEqual([2, 1]);
    for (const { urn, inputs, dependencies } of objects) {
      const { kind, metadata } = inputs as unknown as Manifest;
      if (!crds.includes(urn) && !namespaces.includes(urn)) {
        expect(dependencies, kind).toEqual(expect.arrayContaining(crds));
      }
      if (metadata.namespace) expect(dependencies, kind).toEqual(expect.arrayContaining(namespaces));
    }
    const rights = objects.filter(({ inputs }) =>
      /Role|Policy|ServiceAccount|CustomResource/.test(`${inputs.kind}`),
    );
    expect(deployment?.dependencies).toEqual(expect.arrayContaining(rights.map(({ urn }) => urn)));
    // A Service without an endpoint would be waited for, and it has none before the Deployment.
    for (const { urn } of ofKind(objects, 'Service')) expect(deployment?.dependencies).not.toContain(urn);
  });

  test('leaves the CRDs and their admission policies when it goes, and takes them along where that is asked for', async () => {
    const kept = (objects: readonly Registered[]): object[] =>
      inputsOf(objects.filter(({ retainOnDelete }) => retainOnDelete));
    expect(byIdentity(kept(await objectsOf()))).toEqual(byIdentity(contract()));
    expect(kept(await objectsOf({ deleteCustomResourceDefinitions: true }))).toEqual([]);
  });

  test('tells its namespace and service account', async () => {
    const outputs: unknown[] = [];
    await registered(() => {
      const controller = new CriteoExportController('criteo', { image, namespace: 'marketing' });
      pulumi
        .all([controller.namespace, controller.serviceAccountName])
        .apply((values) => outputs.push(...values));
    });
    expect(outputs).toEqual(['marketing', 'criteo-segment-export']);
  });

  test('names a part the same in every namespace, so that none is taken for another one', async () => {
    const names = async (args: Partial<CriteoExportControllerArgs>): Promise<string[]> =>
      (await objectsOf(args)).map(({ urn }) => urn).sort();
    expect(await names({ namespace: 'marketing' })).toEqual(await names({}));
  });

  test('two of them in one program do not get in each other’s way', async () => {
    const all = await registered(() => {
      new CriteoExportController('one', { image });
      new CriteoExportController('two', { image, namespace: 'two', installDefinitions: false });
    });
    expect(new Set(all.map(({ urn }) => urn)).size).toBe(all.length);
  });

  test('shows in a preview all that does not name an image that is yet to be built', async () => {
    const unbuilt = pulumi.output(pulumi.unknown as unknown as string);
    const objects = await objectsOf({ image: unbuilt }, { preview: true });
    const unknown = objects.filter(({ inputs }) => inputs.spec === unknownMark);
    expect(unknown.map(({ inputs }) => inputs.kind).sort()).toEqual([
      'Deployment',
      'ValidatingAdmissionPolicy',
    ]);
    expect(objects).toHaveLength(manifests({ ...defaultOptions, image }).length);
  });
});
