import { expect, test } from 'vitest';
import { apiVersion } from '../../../api/names.ts';
import { defaultOptions } from '../../../deploy/options.ts';
import { exampleManifests, foreignManifests } from '../manifests/allmanifests.ts';

/** No schema of these kinds is to be had here: their fields are looked at one by one. */
interface Foreign {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
  spec: {
    path?: string;
    prune?: boolean;
    wait?: boolean;
    dependsOn?: { name: string }[];
    sourceRef?: { kind: string; name: string };
    healthChecks?: { apiVersion: string; kind: string; name: string; namespace: string }[];
    serviceAccountName?: string;
    targetNamespace?: string;
    providerRef?: { name: string };
    eventSources?: { kind: string; name: string }[];
    destination?: { namespace: string };
    syncPolicy?: { automated?: { prune: boolean }; syncOptions: string[]; retry?: object };
  };
}

const all = foreignManifests().map(({ from, object }) => ({ from, ...(object as unknown as Foreign) }));
const kinds = (directory: string): string[] =>
  all.filter(({ from }) => from.startsWith(directory)).map(({ apiVersion, kind }) => `${apiVersion} ${kind}`);
const named = (kind: string, name: string): Foreign | undefined =>
  all.find((object) => object.kind === kind && object.metadata.name === name);

test('the manifests for GitOps tools are of these kinds and versions', () => {
  expect(kinds('examples/flux/')).toEqual([
    'notification.toolkit.fluxcd.io/v1beta3 Provider',
    'notification.toolkit.fluxcd.io/v1beta3 Alert',
    'source.toolkit.fluxcd.io/v1 GitRepository',
    ...Array.from({ length: 3 }, () => 'kustomize.toolkit.fluxcd.io/v1 Kustomization'),
  ]);
  expect(kinds('examples/argocd/')).toEqual([
    'argoproj.io/v1alpha1 Application',
    'argoproj.io/v1alpha1 Application',
  ]);
});

test('Flux applies kinds and controller, then connections, then exports', () => {
  const steps = ['criteo-controller', 'criteo-connections', 'criteo-exports'];
  for (const [index, step] of steps.entries()) {
    const { spec } = named('Kustomization', step) ?? {};
    // With the controller's Kustomization the CRDs would go, and every export with them.
    const prune = step !== 'criteo-controller';
    expect(spec).toMatchObject({ sourceRef: { kind: 'GitRepository', name: 'platform' }, prune });
    expect(spec?.dependsOn).toEqual(index === 0 ? undefined : [{ name: steps[index - 1] }]);
    // With wait, the list of health checks is not looked at.
    expect(spec?.wait === true).toBe(spec?.healthChecks === undefined);
  }
});

test('the health checks name what the examples make', () => {
  const checks = all.flatMap(({ spec }) => spec.healthChecks ?? []);
  expect(checks.map(({ kind }) => kind)).toEqual(['CriteoConnection', 'CriteoSegmentExport']);
  for (const { kind, name, ...check } of checks) {
    expect(check).toEqual({ apiVersion, namespace: 'shop' });
    expect(
      exampleManifests().some(({ object }) => object.kind === kind && object.metadata.name === name),
    ).toBe(true);
  }
});

test('the alert is about these Kustomizations, by its provider', () => {
  const { spec } = named('Alert', 'criteo-exports') ?? {};
  expect(named('Provider', spec?.providerRef?.name ?? '')).toBeDefined();
  for (const { kind, name } of spec?.eventSources ?? []) expect(named(kind, name), name).toBeDefined();
});

test("Argo CD's first application goes where the installation is, its second waits for the kinds", () => {
  const [controller, exports] = [
    named('Application', 'criteo-controller'),
    named('Application', 'criteo-exports'),
  ];
  expect(controller?.spec.destination?.namespace).toBe(defaultOptions.namespace);
  expect(controller?.spec.syncPolicy?.automated?.prune).toBe(false);
  expect(exports?.spec.syncPolicy?.syncOptions).toContain('SkipDryRunOnMissingResource=true');
  expect(exports?.spec.syncPolicy?.retry).toBeDefined();
});
