import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { contract } from '../../deploy/contents.ts';
import { repositoryDirectory } from '../cluster/paths.ts';
import { waitFor } from '../cluster/wait.ts';
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts';
import { runProgram } from '../support/pulumi/program.ts';
import { AppliedProgram } from '../support/pulumi/provider.ts';
import { type Ground, prepareGround } from '../support/stack.ts';
import type { ExportStatus } from './shop.ts';

const namespace = 'pulumi-local';

let ground: Ground;
let sandbox: Sandbox;
let stack: AppliedProgram;

beforeAll(async () => {
  ground = await prepareGround(() => {});
  sandbox = await startSandbox({ host: ground.hostAddress });
});
afterAll(async () => {
  await stack?.destroy();
  await sandbox?.close();
});

const inNamespace = (...args: string[]): Promise<string> =>
  ground.kubectl([...args, '--namespace', namespace]);

async function collected(config: Record<string, unknown> = {}): Promise<AppliedProgram> {
  const { registrations, exitCode, printed } = await runProgram('local', {
    config: {
      image: ground.image,
      criteoUrl: sandbox.url,
      clientSecret: 'sandbox-secret',
      namespace,
      // By default it may fire while the tests run.
      schedule: '0 4 1 1 *',
      ...config,
    },
    secretKeys: ['clientSecret'],
  });
  expect({ exitCode, printed }).toEqual({ exitCode: 0, printed: '' });
  return new AppliedProgram(ground.cluster.kubeconfigPath, registrations, true);
}

interface Lease {
  spec: { holderIdentity: string; renewTime: string; leaseDurationSeconds: number };
}

interface Pods {
  items: { metadata: { name: string; deletionTimestamp?: string } }[];
}

const inController = (...args: string[]): Promise<string> =>
  ground.kubectl([...args, '--namespace', 'criteo-segment-export']);

async function readLease(): Promise<Lease['spec']> {
  const printed = await inController('get', 'lease', 'leader.segmentexport.io', '--output=json');
  return (JSON.parse(printed) as Lease).spec;
}

/** A rolled-out Deployment does not wait for its old pods to end: the leader may be one of them. */
async function untilNewPodLeads(): Promise<void> {
  const newest = '--selector=app.kubernetes.io/component=controller';
  await waitFor('a leader among the new pods', 60_000, async () => {
    const { holderIdentity } = await readLease();
    const pods = JSON.parse(await inController('get', 'pods', newest, '--output=json')) as Pods;
    const staying = pods.items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    return staying.some(({ metadata }) => holderIdentity.startsWith(`${metadata.name}_`)) || undefined;
  });
}

/** Reads the controller's Lease again and again until `work` ends. */
async function leasesWhile(work: Promise<void>): Promise<Lease['spec'][]> {
  let ended = false;
  const read = async (): Promise<Lease['spec'][]> => {
    const leases: Lease['spec'][] = [];
    while (!ended) leases.push(await readLease());
    // The last one was asked for before the end.
    leases.push(await readLease());
    return leases;
  };
  const end = work.finally(() => {
    ended = true;
  });
  const [leases] = await Promise.all([read(), end]);
  return leases;
}

test('what the program local registers comes up on a node, and its export sends exactly the segments', async () => {
  stack = await collected();
  // Other tests have applied the controller's objects by kubectl.
  await stack.up({ upsertExistingObjects: true, enablePatchForce: true });
  await inNamespace(
    ...['wait', '--for=condition=Ready', 'criteoconnection/nordic', 'criteosegmentexport/newsletter'],
    '--timeout=120s',
  );
  expect(sandbox.segments()).toEqual([]);

  const requestedAt = new Date().toISOString();
  const annotation = `segmentexport.io/requestedAt=${requestedAt}`;
  await inNamespace('annotate', 'criteosegmentexport', 'newsletter', annotation);
  const lastRun = await waitFor('the end of the run', 180_000, async () => {
    const printedStatus = await inNamespace(
      ...['get', 'criteosegmentexport', 'newsletter', '--output=jsonpath={.status}'],
    );
    const status = JSON.parse(printedStatus) as ExportStatus;
    return status.lastRun?.requestedAt === requestedAt ? status.lastRun : undefined;
  });
  expect(lastRun).toMatchObject({ outcome: 'Succeeded' });

  const file = join(repositoryDirectory, 'examples/data/expected.json');
  const expected = JSON.parse(await readFile(file, 'utf8')) as { digest: string }[];
  expect(sandbox.segments().map(({ digest }) => digest)).toEqual(expected.map(({ digest }) => digest));
});

test('an update rolls the controller out, and a leader is never missing for longer than the lease', async () => {
  stack = await collected({ controllerFlags: ['--log-level=debug'] });
  const leases = await leasesWhile(stack.up({ upsertExistingObjects: true }).then(untilNewPodLeads));
  const held = leases.filter(({ holderIdentity }) => holderIdentity !== '');
  expect(new Set(held.map(({ holderIdentity }) => holderIdentity)).size).toBeGreaterThan(1);
  const duration = Math.max(...held.map(({ leaseDurationSeconds }) => leaseDurationSeconds)) * 1000;
  const renewals = held.map(({ renewTime }) => Date.parse(renewTime));
  const gaps = renewals.slice(1).map((renewal, index) => renewal - (renewals[index] ?? renewal));
  expect(Math.max(...gaps)).toBeLessThan(duration);
  await inNamespace('wait', '--for=condition=Ready', 'criteosegmentexport/newsletter', '--timeout=120s');
});

test('destroyed, it leaves the CRDs and their policies, and no controller', async () => {
  await stack.destroy();
  const kinds = 'namespaces,deployments,clusterroles';
  const left = await ground.kubectl(['get', kinds, '--all-namespaces', '--output=name']);
  expect(left).not.toContain(namespace);
  expect(left).not.toContain('criteo-segment-export');
  const selector = '--selector=app.kubernetes.io/part-of=criteo-segment-export';
  const definitions = 'crd,validatingadmissionpolicy,validatingadmissionpolicybinding';
  const kept = await ground.kubectl(['get', definitions, selector, '--output=name']);
  const expected = contract().map(({ apiVersion, kind, metadata }) =>
    `${kind}.${apiVersion.split('/')[0]}/${metadata.name}`.toLowerCase(),
  );
  expect(kept.trim().split('\n').sort()).toEqual(expected.sort());
});
