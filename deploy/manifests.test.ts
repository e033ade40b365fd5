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

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

interface Deployment {
  spec: { template: { spec: { containers: { image: string; args: string[]; securityContext: object }[] } } };
}

describe('an installation', () => {
  test('brings both CRDs before everything else', () => {
    expect(all.slice(0, 2).map(({ metadata }) => metadata.name)).toEqual([
      'criteoconnections.segmentexport.io',
      'criteosegmentexports.segmentexport.io',
    ]);
  });

  test('gives the controller no rule on secrets, no wildcard and no way into pods', () => {
    const roles = [...ofKind<{ rules: Rule[] }>('ClusterRole'), ...ofKind<{ rules: Rule[] }>('Role')];
    const rules = roles.flatMap((role) => role.rules);
    expect(rules.length).toBeGreaterThan(5);
    const words = rules.flatMap((rule) => [...rule.apiGroups, ...rule.resources, ...rule.verbs]);
    for (const word of ['*', 'secrets', 'pods/exec', 'escalate', 'bind', 'impersonate']) {
      expect(words).not.toContain(word);
    }
  });

  test('lets the controller make claims for ledgers, and neither change nor delete one', () => {
    const rules = ofKind<{ rules: Rule[] }>('ClusterRole').flatMap((role) => role.rules);
    const verbs = rules.filter(({ resources }) => resources.includes('persistentvolumeclaims'));
    expect(verbs.flatMap((rule) => rule.verbs)).toEqual(['get', 'create']);
  });

  test('starts the controller with flags that it takes, and the one image for itself and its Jobs', () => {
    const container = ofKind<Deployment>('Deployment')[0]?.spec.template.spec.containers[0];
    expect(container?.image).toBe(image);
    expect(parseFlags(container?.args ?? [])).toMatchObject({
      settings: { image, allowedBaseUrls: ['https://criteo.example'] },
      healthHost: '0.0.0.0',
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
