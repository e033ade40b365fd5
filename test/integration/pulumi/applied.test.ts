import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { contract } from '../../../deploy/contents.ts';
import { appName } from '../../../deploy/options.ts';
import type { ControlPlane } from '../../cluster/control-plane.ts';
import { kubectl } from '../../cluster/kubectl.ts';
import { repositoryDirectory } from '../../cluster/paths.ts';
import { type Sandbox, startSandbox } from '../../sandbox/sandbox.ts';
import { ControllerProcess, exporterImage as image } from '../../support/controllerprocess.ts';
import { runProgram } from '../../support/pulumi/program.ts';
import { AppliedProgram } from '../../support/pulumi/provider.ts';
import type { KubernetesObject } from '../../support/pulumi/registrations.ts';
import { Shop } from '../controller/shop.ts';
import { startWorld, type World } from '../controller/world.ts';

/** What the programs register, applied to a real API server; the controller and the exporter run as processes. */
let world: World;
let sandbox: Sandbox;
let shop: Shop;
let controllerStack: AppliedProgram;
let exportsStack: AppliedProgram;

const examples = join(repositoryDirectory, 'examples/data');

beforeAll(async () => {
  sandbox = await startSandbox();
  world = await startWorld(installFromProgram);
  shop = await Shop.open(world, sandbox);
});
afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
  await sandbox?.close();
});

async function installFromProgram({ kubeconfigPath }: ControlPlane): Promise<string> {
  controllerStack = await collected(kubeconfigPath, 'controller', {
    image,
    allowedBaseUrls: [sandbox.url],
    dashboard: true,
  });
  await controllerStack.up();
  const { name, namespace = '' } = controllerStack.one('ServiceAccount').metadata;
  return (await kubectl(kubeconfigPath, ['create', 'token', name, '-n', namespace, '--duration=3h'])).trim();
}

async function collected(
  kubeconfigPath: string,
  program: string,
  config: Record<string, unknown>,
): Promise<AppliedProgram> {
  const secretKeys = ['clientId', 'clientSecret'];
  const { registrations, exitCode, printed } = await runProgram(program, { config, secretKeys });
  expect({ exitCode, printed }).toEqual({ exitCode: 0, printed: '' });
  return new AppliedProgram(kubeconfigPath, registrations);
}

/** The controller's container, as a process. */
async function startController(): Promise<ControllerProcess> {
  const { metadata, spec } = controllerStack.one('Deployment');
  const { containers } = (spec as { template: { spec: { containers: { args: string[] }[] } } }).template.spec;
  // A process has no pod's port, and no namespace of its own.
  const flags = containers.flatMap(({ args }) => args).filter((flag) => !flag.startsWith('--health-'));
  const controller = new ControllerProcess({
    program: world.controllerProgram,
    kubeconfig: world.controllerKubeconfig,
    flags: [...flags, '--leader-election-namespace', metadata.namespace ?? ''],
    environment: world.nodeEnvironment,
  });
  shop.controllers.push(controller);
  await controller.leads();
  return controller;
}

/** Fields of what was applied that the cluster's object does not have so. */
function drift(applied: unknown, live: unknown, path = ''): string[] {
  if (typeof applied !== 'object' || applied === null) return applied === live ? [] : [path];
  return Object.entries(applied).flatMap(([key, value]) =>
    drift(value, (live as Record<string, unknown> | undefined)?.[key], `${path}.${key}`),
  );
}

async function driftOf(stack: AppliedProgram): Promise<string[]> {
  const live = await stack.refresh();
  return stack.objects.flatMap(({ urn, inputs }) =>
    drift(withoutStringData(inputs), live.get(urn)).map((path) => `${inputs.kind}${path}`),
  );
}

// The API server keeps it as data, in base64.
function withoutStringData({ stringData, ...rest }: KubernetesObject): object {
  if (stringData === undefined) return rest;
  const entries = Object.entries(stringData as Record<string, string>);
  return {
    ...rest,
    data: Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
  };
}

/**
 * Everything that a client reads of them, but for the version: the API server gives a ValidatingAdmissionPolicy a new
 * one each time it is applied, though nothing in it changes.
 */
async function contents(...stacks: AppliedProgram[]): Promise<object[]> {
  const live = await Promise.all(stacks.map((stack) => stack.refresh()));
  return live.flatMap((objects) =>
    [...objects.values()].map(({ metadata, ...rest }) => {
      const { resourceVersion, managedFields, ...own } = metadata as Record<string, unknown>;
      return { ...rest, metadata: own };
    }),
  );
}

test('applied in an order of its own, which dependencies allow, the controller comes up, and a run of the export sends exactly the segments', async () => {
  await startController();
  await shop.putClaim();
  const claim = join(world.directory, 'claims', shop.namespace, 'data');
  await mkdir(claim, { recursive: true });
  await copyFile(join(examples, 'people.csv.gz'), join(claim, 'people.csv.gz'));
  exportsStack = await collected(world.controlPlane.kubeconfigPath, 'exports', {
    namespace: shop.namespace,
    advertiserId: '12345',
    agreedBy: 'Data protection office',
    agreedOn: '2026-11-22',
    claim: 'data',
    schedule: '0 4 1 1 *',
    deletionPolicy: 'Empty',
    criteoUrl: sandbox.url,
    clientId: 'sandbox-client',
    clientSecret: 'sandbox-secret',
  });
  await exportsStack.up();
  await shop.ready('newsletter');
  expect(sandbox.segments()).toEqual([]);

  const { status } = await shop.runOnce('newsletter');

  expect(status?.lastRun).toMatchObject({ outcome: 'Succeeded' });
  const expected = JSON.parse(await readFile(join(examples, 'expected.json'), 'utf8')) as {
    digest: string;
  }[];
  expect(sandbox.segments().map(({ digest }) => digest)).toEqual(expected.map(({ digest }) => digest));
  expect(sandbox.violations()).toEqual([]);
});

test('after the controller has written status and the API server its defaults, nothing has drifted', async () => {
  expect(await driftOf(controllerStack)).toEqual([]);
  expect(await driftOf(exportsStack)).toEqual([]);
});

test('applying both once more changes no object', async () => {
  const before = await contents(controllerStack, exportsStack);
  await controllerStack.up();
  await exportsStack.up();
  expect(await contents(controllerStack, exportsStack)).toEqual(before);
});

test('the exports are destroyed while the controller runs: it takes back what was sent, and no finalizer hangs', async () => {
  await exportsStack.destroy();
  await shop.untilGone('CriteoSegmentExport', 'newsletter');
  await shop.untilGone('CriteoConnection', 'nordic');
  expect(sandbox.segments().map(({ numberOfIdentifiers }) => numberOfIdentifiers)).toEqual([0, 0]);
});

test('the controller is destroyed: all of it goes but the CRDs and the policies on them', async () => {
  for (const controller of shop.controllers) expect(await controller.stop()).toBe(0);
  await controllerStack.destroy();
  const { kubeconfigPath } = world.controlPlane;
  const kinds = [...new Set(controllerStack.objects.map(({ inputs }) => resourceOf(inputs)))];
  const selector = ['--selector', `app.kubernetes.io/part-of=${appName}`];
  const left = await kubectl(kubeconfigPath, [
    'get',
    kinds.join(),
    ...selector,
    '--all-namespaces',
    '--output=name',
  ]);
  expect(left.trim().split('\n').sort()).toEqual(
    contract()
      .map((object) => `${resourceOf(object)}/${object.metadata.name}`.toLowerCase())
      .sort(),
  );
});

function resourceOf({ apiVersion, kind }: Pick<KubernetesObject, 'apiVersion' | 'kind'>): string {
  const [group] = apiVersion.includes('/') ? apiVersion.split('/') : [];
  return group === undefined ? kind : `${kind}.${group}`;
}
