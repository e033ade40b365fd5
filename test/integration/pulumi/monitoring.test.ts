import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { kubectl } from '../../cluster/kubectl.ts';
import { untilEstablished } from '../../support/apiserver.ts';
import { exporterImage as image } from '../../support/controllerprocess.ts';
import { operatorCrdNames, operatorCrds } from '../../support/operatorcrds.ts';
import { runProgram } from '../../support/pulumi/program.ts';
import { AppliedProgram } from '../../support/pulumi/provider.ts';
import type { KubernetesObject } from '../../support/pulumi/registrations.ts';
import { foreignManifests } from '../manifests/allmanifests.ts';

/** What is there only where it is asked for, applied to an API server that knows the kinds of Prometheus Operator. */
let controlPlane: ControlPlane;
let controllerStack: AppliedProgram;

const run = (args: readonly string[], input = ''): Promise<string> =>
  kubectl(controlPlane.kubeconfigPath, args, input);

beforeAll(async () => {
  const crds = await operatorCrds();
  controlPlane = await startControlPlane();
  // A client's apply would write each CRD into an annotation, and they are too large for one.
  await run(['apply', '--server-side', '-f', '-'], crds.join('\n---\n'));
  await untilEstablished(run, operatorCrdNames);
  const { registrations, printed } = await runProgram('controller', {
    config: {
      image,
      serviceMonitor: true,
      prometheusRule: true,
      dashboard: true,
      prometheusRelease: 'prometheus',
    },
  });
  expect(printed).toBe('');
  controllerStack = new AppliedProgram(controlPlane.kubeconfigPath, registrations);
  await controllerStack.up();
}, 300_000);
afterAll(() => controlPlane?.stop());

test('the API server takes ServiceMonitor, PrometheusRule and dashboard, with the labels by which they are found', async () => {
  const kinds = 'servicemonitors,prometheusrules,configmaps';
  const selector = '--selector=release=prometheus';
  const found = await run(['get', kinds, '-n', 'criteo-segment-export', selector, '--output=name']);
  expect(found.trim().split('\n').sort()).toEqual([
    'configmap/criteo-segment-export-dashboard',
    'prometheusrule.monitoring.coreos.com/criteo-segment-export',
    'servicemonitor.monitoring.coreos.com/criteo-segment-export',
  ]);
});

describe('by the schemas of the operator', () => {
  const strictly = (object: object): Promise<string> =>
    run(
      ['apply', '--server-side', '--validate=strict', '--dry-run=server', '-f', '-'],
      JSON.stringify(object),
    );

  test('each manifest for it in examples/ is valid', async () => {
    const manifests = foreignManifests().filter(({ object }) =>
      object.apiVersion.startsWith('monitoring.coreos.com/'),
    );
    expect(manifests.map(({ from }) => from)).toContain('examples/monitoring/podmonitor.yaml');
    for (const { object } of manifests) expect(await strictly(object)).toContain('serverside-applied');
  });

  test.each<[string, (object: KubernetesObject) => unknown]>([
    ['ServiceMonitor', ({ spec }) => Object.assign(spec as object, { endpoint: [] })],
    ['PrometheusRule', ({ spec }) => Object.assign(spec as object, { groups: [{ name: 'a', rule: [] }] })],
  ])('a field that a %s does not have is refused', async (kind, plant) => {
    const planted = structuredClone(controllerStack.one(kind));
    plant(planted);
    await expect(strictly(planted)).rejects.toThrow(/unknown field|field not declared in schema/);
  });
});

test('all of it goes with the controller', async () => {
  await controllerStack.destroy();
  const kinds = 'servicemonitors,prometheusrules,configmaps';
  const selector = '--selector=app.kubernetes.io/part-of=criteo-segment-export';
  expect(await run(['get', kinds, '--all-namespaces', selector, '--output=name'])).toBe('');
});
