import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stack } from '@pulumi/pulumi/automation/index.js';
import { repositoryDirectory } from '../cluster/paths.ts';
import { waitFor } from '../cluster/wait.ts';
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts';
import { type Changes, describeChanges, differencesOf, type Expected } from '../support/pulumi/changes.ts';
import { holdsInPlain } from '../support/pulumi/plaintext.ts';
import { type Ground, prepareGround, uninstallController } from '../support/stack.ts';
import { newStack } from './stack.ts';

const namespace = 'pulumi-local';

/** Resolves with 0 where every step did what it should, else with 1; removes everything that it made. */
export async function runSteps(): Promise<number> {
  const temporary = await mkdtemp(join(tmpdir(), 'test-pulumi-'));
  const cleanUps: (() => Promise<unknown>)[] = [() => rm(temporary, { recursive: true, force: true })];
  try {
    const ground = await prepareGround((line) => console.log(`     ${line}`));
    // What kubectl has applied would be in conflict with what Pulumi applies; so would what a killed run left.
    await emptyCluster(ground);
    // What destroy keeps.
    cleanUps.push(() => emptyCluster(ground));
    const clientSecret = randomBytes(24).toString('base64url');
    const sandbox = await startSandbox({
      host: ground.hostAddress,
      clients: [
        {
          clientId: 'sandbox-client',
          clientSecret,
          advertisers: [{ id: '12345', name: 'Sandbox advertiser' }],
        },
      ],
    });
    cleanUps.push(() => sandbox.close());
    const state = join(temporary, 'state');
    await mkdir(state);
    const configuration = {
      image: { value: ground.image },
      criteoUrl: { value: sandbox.url },
      namespace: { value: namespace },
      // By default it may fire while the steps are done.
      schedule: { value: '0 4 1 1 *' },
      clientSecret: { value: clientSecret, secret: true },
    };
    const directories = { state, home: join(temporary, 'home') };
    const nowhere = join(temporary, 'kubeconfig');
    await writeFile(nowhere, JSON.stringify(unreachable));
    const lost = await newStack({ ...directories, kubeconfigPath: nowhere }, cleanUps);
    await lost.setAllConfig(configuration);
    await expectUnreachable(lost);
    const { kubeconfigPath } = ground.cluster;
    const stack = await newStack({ ...directories, kubeconfigPath }, cleanUps);
    await stack.setAllConfig(configuration);
    await steps(stack, { ground, sandbox, state, clientSecret });
    console.log('\nAll steps did what they should');
    return 0;
  } catch (error) {
    console.error(`\nnpm run test:pulumi failed: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    for (const cleanUp of cleanUps.reverse()) await cleanUp().catch((error: unknown) => console.error(error));
  }
}

/** The controller goes first, and each export before it: one with a finalizer would hold the namespace up. */
async function emptyCluster(ground: Ground): Promise<void> {
  await uninstallController(ground);
  await ground.kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--timeout=180s']);
}

/** A kubeconfig of a cluster that is not there: nothing listens at this port. */
const unreachable = {
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'gone', cluster: { server: 'https://127.0.0.1:1' } }],
  // Without credentials the provider would ask for a user name on its standard input, and wait for ever.
  users: [{ name: 'nobody', user: { token: 'none' } }],
  contexts: [{ name: 'gone', context: { cluster: 'gone', user: 'nobody' } }],
  'current-context': 'gone',
};

async function expectUnreachable(stack: Stack): Promise<void> {
  const said = await stack.up().then(
    () => 'nothing',
    (error: unknown) => String(error),
  );
  const words = 'configured Kubernetes cluster is unreachable';
  expect(said.includes(words), 'up says of a cluster that does not answer that it is unreachable');
}

interface Ran {
  ground: Ground;
  sandbox: Sandbox;
  /** Directory of the backend. */
  state: string;
  clientSecret: string;
}

async function steps(stack: Stack, { ground, sandbox, state, clientSecret }: Ran): Promise<void> {
  const { changeSummary } = await stack.preview();
  report('preview', changeSummary, { create: 'some' });
  const before = await ground.kubectl(['get', 'namespaces', '--output=name']);
  expect(!before.includes(namespace), 'preview makes nothing in the cluster');

  const expectHidden = async (when: string, secret = clientSecret): Promise<void> =>
    expect(!(await holdsInPlain(state, secret)), `the state does not hold the secret in plain, ${when}`);

  report('up', (await stack.up()).summary.resourceChanges, { create: 'some' });
  await expectHidden('after up');
  await runOfExport(ground, sandbox);

  report('a second up', (await stack.up()).summary.resourceChanges, { same: 'some' });
  report('refresh', (await stack.refresh()).summary.resourceChanges, { same: 'some' });
  await expectHidden('after refresh');
  report('preview after refresh', (await stack.preview()).changeSummary, { same: 'some' });

  await stack.setConfig('schedule', { value: '30 4 1 1 *' });
  report('a changed schedule', (await stack.up()).summary.resourceChanges, { update: 1, same: 'some' });
  await expectHidden('after a changed schedule');

  // Not a replacement, which would leave a moment without the Secret.
  const rotated = randomBytes(24).toString('base64url');
  await stack.setConfig('clientSecret', { value: rotated, secret: true });
  report('a new secret', (await stack.up()).summary.resourceChanges, { update: 1, same: 'some' });
  await expectHidden('after a new secret', rotated);

  report('destroy', (await stack.destroy()).summary.resourceChanges, { delete: 'some' });
  const left = await ground.kubectl([
    'get',
    'namespaces,deployments,crd',
    '--all-namespaces',
    '--output=name',
  ]);
  expect(!left.includes(namespace), 'destroy removes the namespace of the exports');
  expect(!left.includes('deployment.apps/criteo-segment-export'), 'destroy removes the controller');
  expect(left.includes('criteosegmentexports.segmentexport.io'), 'destroy keeps the CRDs');
}

async function runOfExport(ground: Ground, sandbox: Sandbox): Promise<void> {
  const inNamespace = (...args: string[]): Promise<string> =>
    ground.kubectl([...args, '--namespace', namespace]);
  const both = ['criteoconnection/nordic', 'criteosegmentexport/newsletter'];
  await inNamespace('wait', '--for=condition=Ready', ...both, '--timeout=120s');
  const requestedAt = new Date().toISOString();
  const annotation = `segmentexport.io/requestedAt=${requestedAt}`;
  await inNamespace('annotate', 'criteosegmentexport', 'newsletter', annotation);
  const outcome = await waitFor('the end of the run', 180_000, async () => {
    const path = '--output=jsonpath={.status.lastRun.requestedAt} {.status.lastRun.outcome}';
    const [answered, result] = (await inNamespace('get', 'criteosegmentexport', 'newsletter', path)).split(
      ' ',
    );
    return answered === requestedAt ? result : undefined;
  });
  expect(outcome === 'Succeeded', `the run succeeds (${outcome})`);
  const file = join(repositoryDirectory, 'examples/data/expected.json');
  const expected = JSON.parse(await readFile(file, 'utf8')) as { digest: string }[];
  const received = sandbox.segments().map(({ digest }) => digest);
  expect(received.join() === expected.map(({ digest }) => digest).join(), 'exactly the segments arrive');
}

/** @throws Error with what differs */
function report(step: string, changes: Changes | undefined, expected: Expected): void {
  const differences = differencesOf(changes ?? {}, expected);
  if (differences.length > 0) throw new Error(`${step}: ${differences.join('; ')}`);
  console.log(`ok   ${step}: ${describeChanges(changes ?? {})}`);
}

function expect(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(`not so: ${what}`);
  console.log(`ok   ${what}`);
}
