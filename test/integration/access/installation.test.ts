import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { defaultSettings } from '../../../controller/plan/settings.ts';
import { deployment } from '../../../deploy/deployment.ts';
import { manifests } from '../../../deploy/manifests.ts';
import { defaultOptions } from '../../../deploy/options.ts';
import { uninstallJob } from '../../../deploy/uninstall.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { kubectl } from '../../cluster/kubectl.ts';
import { repositoryDirectory } from '../../cluster/paths.ts';
import { waitFor } from '../../cluster/wait.ts';
import { ApiServer } from '../../support/apiserver.ts';
import { jobShapes } from './jobshapes.ts';

const image = 'registry.example/criteo-segment-export@sha256:0123';
const options = { ...defaultOptions, image };
const shapes = jobShapes({ ...defaultSettings, image, caBundleConfigMap: 'authorities' });
const pods = '/api/v1/namespaces/default/pods';

let controlPlane: ControlPlane;
let server: ApiServer;
beforeAll(async () => {
  controlPlane = await startControlPlane();
  server = new ApiServer(controlPlane);
  const label = { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } };
  const labelled = await server.call('/api/v1/namespaces/default', {
    method: 'PATCH',
    contentType: 'application/merge-patch+json',
    body: label,
  });
  expect(labelled.status).toBe(200);
  const account = { apiVersion: 'v1', kind: 'ServiceAccount' };
  for (const name of ['crm-exports', 'criteo-segment-export']) {
    const path = '/api/v1/namespaces/default/serviceaccounts';
    await server.call(path, { method: 'POST', body: { ...account, metadata: { name } } });
  }
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await controlPlane?.stop();
});

test("an installation's pods are in a namespace that enforces `restricted`", async () => {
  const apply = (objects: object[]): Promise<string> =>
    kubectl(
      controlPlane.kubeconfigPath,
      ['apply', '--server-side', '-f', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
    );
  await apply(manifests(options));
  const { body } = await server.call(`/api/v1/namespaces/${options.namespace}`);
  expect((body.metadata as { labels: object }).labels).toMatchObject({
    'pod-security.kubernetes.io/enforce': 'restricted',
  });
  await waitFor('the pods of the controller', 30_000, async () => {
    const list = await server.call(`/api/v1/namespaces/${options.namespace}/pods`);
    return (list.body.items as object[]).length === options.replicas ? true : undefined;
  });
});

describe('the example of a network policy', () => {
  const policy = parse(readFileSync(join(repositoryDirectory, 'examples', 'networkpolicy.yaml'), 'utf8')) as {
    spec: { podSelector: { matchLabels: Record<string, string> } };
  };

  test('is one', async () => {
    const path = '/apis/networking.k8s.io/v1/namespaces/default/networkpolicies';
    const { status, body } = await server.dryRunCreate(path, policy);
    expect(body.message).toBeUndefined();
    expect(status).toBe(201);
  });

  test.each(Object.entries(shapes))('is for %s', (_, { spec }) => {
    expect(spec.template.metadata?.labels).toMatchObject(policy.spec.podSelector.matchLabels);
  });
});

interface Template {
  metadata?: object;
  spec: Record<string, unknown>;
}

const templateOf = (object: object): Template => (object as { spec: { template: Template } }).spec.template;

const templates: [string, Template][] = [
  ['the controller', templateOf(deployment(options))],
  ['the one that lets go of exports', templateOf(uninstallJob(options))],
  ...Object.entries(shapes).map(([name, { spec }]): [string, Template] => [name, spec.template]),
];

function podOf({ metadata, spec }: Template): object {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'pod' }, spec };
}

describe('a restricted namespace takes the pod of', () => {
  test.each(templates)('%s', async (_, template) => {
    const { status, body } = await server.dryRunCreate(pods, podOf(template));
    expect(body.message).toBeUndefined();
    expect(status).toBe(201);
    for (const container of template.spec.containers as Record<string, object>[]) {
      // More than the standard asks for.
      expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true });
      expect(container.resources).toMatchObject({
        requests: { cpu: expect.anything(), memory: expect.anything() },
        limits: { memory: expect.anything() },
      });
    }
  });

  test('none that may become root', async () => {
    const [, template = { spec: {} }] = templates[0] ?? [];
    const spec = { ...template.spec, securityContext: { runAsUser: 0 } };
    const { status, body } = await server.dryRunCreate(pods, podOf({ ...template, spec }));
    expect(status).toBe(403);
    expect(body.message).toContain('violates PodSecurity "restricted:latest"');
  });
});
