import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { describe, expect, test } from 'vitest';
import { contract } from '../deploy/contents.ts';
import { manifests } from '../deploy/manifests.ts';
import { defaultOptions, type InstallOptions, type Manifest } from '../deploy/options.ts';
import { CriteoExportController } from './controller.ts';
import type { CriteoExportControllerArgs } from './controllerargs.ts';
import { type Registered, registered, secretMark, unknownMark } from './testkit/registered.ts';

const image = 'registry.example/criteo-segment-export@sha256:0123';
const furtherFlags = [
  '--log-level=debug',
  '--image-pull-secret=registry',
  '--job-https-proxy=http://proxy.example:3128',
  '--job-no-proxy=example.com',
  '--ca-bundle-configmap=ca',
  '--allowed-base-url=https://other.example',
  '--allowed-source-endpoint=https://store.example:9000',
  '--allowed-authority-host=https://login.example',
  '--allowed-job-label=team',
  '--allowed-priority-class=batch-low',
  '--allowed-toleration=batch',
  '--max-runs-per-connection=2',
  '--retire-deadline-seconds=60',
];

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

/** Where in the objects something is that Pulumi does not know yet, or keeps secret: `Deployment.metadata.name`. */
function marked(objects: readonly Registered[]): string[] {
  const placesIn = (value: unknown): string[] => {
    if (value === unknownMark) return [''];
    if (typeof value !== 'object' || value === null) return [];
    if (secretMark in value) return [''];
    return Object.entries(value).flatMap(([key, part]) =>
      placesIn(part).map((place) => `${Array.isArray(value) ? '[]' : `.${key}`}${place}`),
    );
  };
  return objects.flatMap(({ inputs }) => placesIn(inputs).map((place) => `${inputs.kind}${place}`)).sort();
}
const unknown = pulumi.output(pulumi.unknown as unknown as string);

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
        extraFlags: pulumi.output(furtherFlags),
        monitoring: {
          prometheusRule: true,
          dashboard: true,
          labels: { release: pulumi.output('prometheus') },
        },
      },
      {
        imagePullPolicy: 'Always',
        namespace: 'marketing',
        replicas: 1,
        resources: { limits: { memory: '1Gi' } },
        watchedNamespaces: ['shop', 'crm'],
        apiServerPorts: [6443],
        allowedBaseUrls: ['https://criteo.example'],
        extraFlags: furtherFlags,
        monitoring: {
          ...defaultOptions.monitoring,
          ...{ prometheusRule: true, dashboard: true, labels: { release: 'prometheus' } },
        },
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

  test('says of no object that it goes, so that retainOnDelete of the component keeps each', async () => {
    const objects = await objectsOf({ deleteCustomResourceDefinitions: true });
    expect(objects.filter(({ retainOnDelete }) => retainOnDelete !== undefined)).toEqual([]);
  });

  test('tells its namespace and service account, to the program and to the state', async () => {
    const outputs: unknown[] = [];
    const all = await registered(() => {
      const controller = new CriteoExportController('criteo', { image, namespace: 'marketing' });
      pulumi
        .all([controller.namespace, controller.serviceAccountName])
        .apply((values) => outputs.push(...values));
    });
    expect(outputs).toEqual(['marketing', 'criteo-segment-export']);
    const component = all.find(({ type }) => type === 'segmentexport:index:CriteoExportController');
    expect(component?.outputs).toEqual({
      namespace: 'marketing',
      serviceAccountName: 'criteo-segment-export',
    });
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

  // A name that is not known would be told as a replacement.
  test('shows in a preview all but the places of an image that is yet to be built', async () => {
    const objects = await objectsOf({ image: unknown }, { preview: true });
    expect(marked(objects)).toEqual([
      'Deployment.spec.template.spec.containers[].args',
      'Deployment.spec.template.spec.containers[].image',
      'ValidatingAdmissionPolicy.spec.validations[].expression',
      'ValidatingAdmissionPolicy.spec.validations[].message',
    ]);
    expect(objects).toHaveLength(manifests({ ...defaultOptions, image }).length);
  });

  const placesOfUrls = [
    'Deployment.spec.template.spec.containers[].args',
    'ValidatingAdmissionPolicy.spec.validations[].expression',
    'ValidatingAdmissionPolicy.spec.validations[].messageExpression',
  ];

  test('shows in a preview all but the places of a base URL that is not known', async () => {
    const allowedBaseUrls = ['https://criteo.example', unknown];
    expect(marked(await objectsOf({ allowedBaseUrls }, { preview: true }))).toEqual(placesOfUrls);
  });

  test('keeps no more secret than the places of an argument that is a secret', async () => {
    const allowedBaseUrls = [pulumi.secret('https://criteo.example')];
    expect(marked(await objectsOf({ allowedBaseUrls }))).toEqual(placesOfUrls);
  });

  test.each([
    [true, 1],
    [false, 0],
  ])('what lies in its namespace comes after that, where it makes it: %s', async (createNamespace, count) => {
    const all = await registered(() => {
      const controller = new CriteoExportController('criteo', { image, createNamespace });
      new k8s.core.v1.Secret('pull', { metadata: { name: 'pull', namespace: controller.namespace } });
    });
    const namespaces = ofKind(all, 'Namespace').map(({ urn }) => urn);
    expect(namespaces).toHaveLength(count);
    expect(all.find(({ name }) => name === 'pull')?.dependencies).toEqual(namespaces);
  });

  // As README shows it for an image of a private registry; of the two ways Pulumi's mocks know this one alone.
  test('lets a transformation add what has no argument to the pod, after what the component depends on', async () => {
    const all = await registered(() => {
      const pull = new k8s.core.v1.Secret('pull', { metadata: { name: 'registry', namespace: 'marketing' } });
      const addPullSecret: pulumi.ResourceTransformation = ({ type, props, opts }) => {
        if (type === 'kubernetes:apps/v1:Deployment') {
          props.spec.template.spec.imagePullSecrets = [{ name: 'registry' }];
        }
        return { props, opts };
      };
      const args = { image, namespace: pull.metadata.namespace, createNamespace: false };
      const options = { dependsOn: [pull], transformations: [addPullSecret] };
      new CriteoExportController('criteo', args, options);
    });
    const [deployment] = ofKind(all, 'Deployment');
    expect(deployment?.inputs).toMatchObject({
      spec: { template: { spec: { imagePullSecrets: [{ name: 'registry' }], containers: [{ image }] } } },
    });
    const secret = all.find(({ name }) => name === 'pull')?.urn;
    expect(all.find(({ urn }) => urn === deployment?.parent)?.dependencies).toEqual([secret]);
  });

  test('uses the provider that it is given, for each of its objects', async () => {
    const all = await registered(() => {
      const provider = new k8s.Provider('cluster', { kubeconfig: 'none' });
      new CriteoExportController('criteo', { image }, { provider });
    });
    const objects = all.filter(({ type }) => type.startsWith('kubernetes:'));
    expect(objects.length).toBeGreaterThan(30);
    for (const { provider } of objects) expect(provider).toMatch(/::pulumi:providers:kubernetes::cluster::/);
  });
});
