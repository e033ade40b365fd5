import { describe, expect, test } from 'vitest';
import { parseFlags } from '../controller/flags.ts';
import { manifests } from './manifests.ts';
import { defaultOptions, type Manifest } from './options.ts';

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
