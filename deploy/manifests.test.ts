import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseFlags } from '../controller/flags.ts';
import { manifests } from './manifests.ts';
import { defaultOptions, type Manifest } from './options.ts';
import { uninstallJob, uninstallSteps } from './uninstall.ts';

const image = 'registry.example/criteo-segment-export@sha256:0123';
const all = manifests({ ...defaultOptions, image, allowedBaseUrls: ['https://criteo.example'] });

function ofKind<T>(kind: string): T[] {
  return all.filter((manifest) => manifest.kind === kind) as T[];
}

/** Those of the roles that are bound to its service account. */
function rulesOfController(): Rule[] {
  const bindings = [...ofKind<Binding>('ClusterRoleBinding'), ...ofKind<Binding>('RoleBinding')];
  return bindings
    .filter(({ subjects }) => subjects.some(({ kind }) => kind === 'ServiceAccount'))
    .flatMap(({ roleRef }) =>
      ofKind<Manifest & { rules: Rule[] }>(roleRef.kind).filter(
        ({ metadata }) => metadata.name === roleRef.name,
      ),
    )
    .flatMap(({ rules }) => rules);
}

interface Binding {
  roleRef: { kind: string; name: string };
  subjects: { kind: string }[];
}

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

interface Deployment {
  spec: { template: { spec: { containers: { image: string; args: string[]; securityContext: object }[] } } };
}

interface Selecting {
  selector: { matchLabels: Record<string, string> };
}

function podLabels(): object | undefined {
  const [deployed] = ofKind<{ spec: { template: { metadata: { labels: object } } } }>('Deployment');
  return deployed?.spec.template.metadata.labels;
}

const nameOf = ({ kind, metadata }: Manifest): string =>
  `${kind} ${metadata.namespace ?? ''} ${metadata.name}`;

describe('an installation', () => {
  test('brings both CRDs before everything else', () => {
    expect(all.slice(0, 2).map(({ metadata }) => metadata.name)).toEqual([
      'criteoconnections.segmentexport.io',
      'criteosegmentexports.segmentexport.io',
    ]);
  });

  test('brings the admission policies, each bound; what lets pass what it cannot judge is a comparison with other objects', () => {
    const policies = ofKind<Manifest & { spec: { failurePolicy: string; paramKind?: object } }>(
      'ValidatingAdmissionPolicy',
    );
    const bindings = ofKind<{ spec: { policyName: string; validationActions: string[] } }>(
      'ValidatingAdmissionPolicyBinding',
    );
    expect(policies.map(({ metadata }) => metadata.name)).toContain('serviceaccounts.segmentexport.io');
    for (const { metadata, spec } of policies) {
      if (!spec.paramKind) expect(spec.failurePolicy, metadata.name).toBe('Fail');
      const bound = bindings.filter((binding) => binding.spec.policyName === metadata.name);
      expect(bound.map((binding) => binding.spec.validationActions)).toEqual([['Deny']]);
    }
  });

  test('gives the controller no rule on secrets, no wildcard and no way into pods', () => {
    const rules = rulesOfController();
    expect(rules.length).toBeGreaterThan(5);
    const words = rules.flatMap((rule) => [...rule.apiGroups, ...rule.resources, ...rule.verbs]);
    for (const word of ['*', 'secrets', 'pods/exec', 'escalate', 'bind', 'impersonate']) {
      expect(words).not.toContain(word);
    }
  });

  test('lets the controller make claims for ledgers, and neither change nor delete one', () => {
    const rules = rulesOfController();
    const verbs = rules.filter(({ resources }) => resources.includes('persistentvolumeclaims'));
    expect(verbs.flatMap((rule) => rule.verbs)).toEqual(['get', 'create']);
  });

  test('lets the controller see whether a service account exists, and no more of any', () => {
    const rules = rulesOfController();
    const verbs = rules.filter(({ resources }) =>
      resources.some((name) => name.startsWith('serviceaccounts')),
    );
    expect(verbs).toEqual([{ apiGroups: [''], resources: ['serviceaccounts'], verbs: ['get'] }]);
  });

  test('starts the controller with flags that it takes, and the one image for itself and its Jobs', () => {
    const container = ofKind<Deployment>('Deployment')[0]?.spec.template.spec.containers[0];
    expect(container?.image).toBe(image);
    expect(parseFlags(container?.args ?? [])).toMatchObject({
      settings: { image, allowedBaseUrls: ['https://criteo.example'] },
      healthHost: '0.0.0.0',
    });
  });

  test('lets its pods reach the API server, and nothing else', () => {
    const [policy] = ofKind<{
      spec: { podSelector: { matchLabels: object }; policyTypes: string[]; ingress: object; egress: object };
    }>('NetworkPolicy');
    expect(policy?.spec.policyTypes).toEqual(['Ingress', 'Egress']);
    expect(policy?.spec.egress).toEqual([
      {
        ports: [
          { protocol: 'TCP', port: 443 },
          { protocol: 'TCP', port: 6443 },
        ],
      },
    ]);
    expect(policy?.spec.ingress).toEqual([{ ports: [{ protocol: 'TCP', port: 8081 }] }]);
    for (const object of [...ofKind('Deployment'), uninstallJob({ ...defaultOptions, image })]) {
      const { labels } = (object as { spec: { template: { metadata: { labels: object } } } }).spec.template
        .metadata;
      expect(labels).toMatchObject(policy?.spec.podSelector.matchLabels ?? { not: 'there' });
    }
  });

  test('takes an old pod away when a new one is ready, and one at a time when a node is drained', () => {
    const [deployed] = ofKind<Manifest & { spec: { replicas: number; strategy: object } }>('Deployment');
    expect(deployed?.spec).toMatchObject({
      replicas: 2,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    });
    const [budget] = ofKind<Manifest & { spec: Selecting }>('PodDisruptionBudget');
    expect(budget?.spec).toMatchObject({ maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' });
    expect(podLabels()).toMatchObject(budget?.spec.selector.matchLabels ?? { not: 'there' });
  });

  test('has a Service whose addresses are those of each replica, for whoever gathers metrics', () => {
    const [service] = ofKind<Manifest & { spec: { selector: Record<string, string> } }>('Service');
    expect(service?.spec).toMatchObject({ clusterIP: 'None', ports: [{ port: 8081, targetPort: 'health' }] });
    expect(podLabels()).toMatchObject(service?.spec.selector ?? { not: 'there' });
  });

  test('leaves out what others have prepared', () => {
    const options = { ...defaultOptions, image, createNamespace: false, installDefinitions: false };
    const objects = manifests(options);
    const left = all.filter((object) => !objects.some((other) => nameOf(other) === nameOf(object)));
    expect(new Set(left.map(({ kind }) => kind))).toEqual(
      new Set([
        'CustomResourceDefinition',
        'ValidatingAdmissionPolicy',
        'ValidatingAdmissionPolicyBinding',
        'Namespace',
        'ClusterRole',
      ]),
    );
    // What it is held to is its own, and stays.
    const kept = objects.filter(({ kind }) => kind === 'ValidatingAdmissionPolicy');
    expect(kept.map(({ metadata }) => metadata.name.split('.')[0])).toEqual([
      'controller-jobs',
      'controller-claims',
      'controller-exports',
      'baseurls',
    ]);
  });

  test('gives the container the resources that were chosen', () => {
    const resources = { requests: { cpu: '1' }, limits: { memory: '2Gi' } };
    const objects = manifests({ ...defaultOptions, image, resources });
    expect(objects.find(({ kind }) => kind === 'Deployment')).toMatchObject({
      spec: { template: { spec: { containers: [{ resources }] } } },
    });
  });

  test('puts everything into the namespace that was chosen', () => {
    const elsewhere = manifests({ ...defaultOptions, image, namespace: 'elsewhere' });
    const namespaces = elsewhere
      .map((manifest: Manifest) => manifest.metadata.namespace)
      .filter((name) => name);
    expect(new Set(namespaces)).toEqual(new Set(['elsewhere']));
    expect(JSON.stringify(elsewhere)).not.toContain(`"namespace":"${defaultOptions.namespace}"`);
  });
});

describe('an installation for a list of namespaces', () => {
  const listed = { ...defaultOptions, image, watchedNamespaces: ['shop', 'crm', defaultOptions.namespace] };
  const objects = manifests(listed);
  const ofThese = <T>(kind: string): T[] => objects.filter((object) => object.kind === kind) as T[];

  test('has a Role in each, and no right in the whole cluster', () => {
    expect(objects.filter(({ kind }) => kind === 'ClusterRoleBinding')).toEqual([]);
    const roles = ofThese<Manifest & { rules: Rule[] }>('Role');
    const places = roles.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    expect(new Set(places).size).toBe(4);
    for (const namespace of listed.watchedNamespaces) {
      expect(places).toContain(`${namespace}/criteo-segment-export-exports`);
    }
    const bindings = ofThese<Manifest & { subjects: object[] }>('RoleBinding');
    expect(bindings.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)).toEqual(places);
    for (const { subjects } of bindings) {
      expect(subjects).toEqual([
        {
          kind: 'ServiceAccount',
          name: 'criteo-segment-export',
          namespace: defaultOptions.namespace,
        },
      ]);
    }
  });

  test('tells the controller, and whoever goes, which', () => {
    const args = ofThese<Deployment>('Deployment')[0]?.spec.template.spec.containers[0]?.args ?? [];
    expect(parseFlags(args)).toMatchObject({ namespaces: listed.watchedNamespaces });
    const job = uninstallJob(listed) as unknown as Deployment;
    const flags = job.spec.template.spec.containers[0]?.args ?? [];
    expect(parseFlags(flags)).toMatchObject({ namespaces: listed.watchedNamespaces });
  });
});

describe('an uninstallation', () => {
  const job = uninstallJob({ ...defaultOptions, image }) as unknown as Deployment & {
    metadata: { labels: Record<string, string> };
  };

  test('lets go of every export with flags that the controller takes, as the restricted profile allows', () => {
    const { containers, ...pod } = job.spec.template.spec;
    expect(parseFlags(containers[0]?.args ?? [])).toMatchObject({ releaseFinalizers: true });
    expect(containers[0]?.image).toBe(image);
    const deployed = ofKind<Deployment>('Deployment')[0]?.spec.template.spec;
    expect(containers[0]?.securityContext).toEqual(deployed?.containers[0]?.securityContext);
    expect(pod).toMatchObject({ restartPolicy: 'Never', serviceAccountName: 'criteo-segment-export' });
  });

  test('tells the steps, in the namespace that was chosen, as comments', () => {
    const steps = uninstallSteps({ ...defaultOptions, image, namespace: 'elsewhere' });
    for (const line of steps.trimEnd().split('\n')) expect(line).toMatch(/^#/);
    expect(steps).toContain('kubectl logs job/criteo-segment-export-uninstall --namespace elsewhere');
    expect(parse(`${steps}kind: Job`)).toEqual({ kind: 'Job' });
  });
});
