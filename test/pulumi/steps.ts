import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalWorkspace, type Stack } from '@pulumi/pulumi/automation/index.js';
import { repositoryDirectory } from '../cluster/paths.ts';
import { waitFor } from '../cluster/wait.ts';
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts';
import { type Changes, describeChanges, differencesOf, type Expected } from '../support/pulumi/changes.ts';
import { type Ground, prepareGround, uninstallController } from '../support/stack.ts';

const workDir = join(repositoryDirectory, 'pulumi/stacks/local');
const namespace = 'pulumi-local';

/** Resolves with 0 where every step did what it should, else with 1; removes everything that it made. */
export async function runSteps(): Promise<number> {
  const temporary = await mkdtemp(join(tmpdir(), 'test-pulumi-'));
  const cleanUps: (() => Promise<unknown>)[] = [() => rm(temporary, { recursive: true, force: true })];
  try {
    const ground = await prepareGround((line) => console.log(`     ${line}`));
    // What kubectl has applied would be in conflict with what Pulumi applies.
    await uninstallController(ground);
    // What destroy keeps.
    cleanUps.push(() => uninstallController(ground));
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
    const stack = await newStack(ground, { state, home: join(temporary, 'home') }, cleanUps);
    await stack.setAllConfig({
      image: { value: ground.image },
      criteoUrl: { value: sandbox.url },
      namespace: { value: namespace },
      clientSecret: { value: clientSecret, secret: true },
    });
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

async function newStack(
  ground: Ground,
  directories: { state: string; home: string },
  cleanUps: (() => Promise<unknown>)[],
): Promise<Stack> {
  const stackName = `test-${randomBytes(4).toString('hex')}`;
  // Plugins on PATH are taken, whatever version the program asks for.
  delete process.env.PULUMI_IGNORE_AMBIENT_PLUGINS;
  // The CLI writes it beside Pulumi.yaml.
  cleanUps.push(() => rm(join(workDir, `Pulumi.${stackName}.yaml`), { force: true }));
  const stack = await LocalWorkspace.createStack(
    { stackName, workDir },
    {
      pulumiHome: directories.home,
      envVars: {
        KUBECONFIG: ground.cluster.kubeconfigPath,
        PULUMI_BACKEND_URL: `file://${directories.state}`,
        PULUMI_CONFIG_PASSPHRASE: randomBytes(24).toString('base64url'),
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
        PULUMI_SKIP_UPDATE_CHECK: 'true',
      },
    },
  );
  // Once more, for a step that fails; a stack with nothing in it is destroyed at once.
  cleanUps.push(() => stack.destroy());
  return stack;
}

interface Surroundings {
  ground: Ground;
  sandbox: Sandbox;
  /** Directory of the backend. */
  state: string;
  clientSecret: string;
}

async function steps(stack: Stack, { ground, sandbox, state, clientSecret }: Surroundings): Promise<void> {
  const { changeSummary } = await stack.preview();
  report('preview', changeSummary, { create: 'some' });
  const before = await ground.kubectl(['get', 'namespaces', '--output=name']);
  expect(!before.includes(namespace), 'preview makes nothing in the cluster');

  report('up', (await stack.up()).summary.resourceChanges, { create: 'some' });
  expect(!(await holds(state, clientSecret)), 'the state does not hold the secret in plain');
  await runOfExport(ground, sandbox);

  report('a second up', (await stack.up()).summary.resourceChanges, { same: 'some' });
  report('refresh', (await stack.refresh()).summary.resourceChanges, { same: 'some' });
  report('preview after refresh', (await stack.preview()).changeSummary, { same: 'some' });

  await stack.setConfig('schedule', { value: '30 5 * * *' });
  report('a changed schedule', (await stack.up()).summary.resourceChanges, { update: 1, same: 'some' });

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

/** Whether any file in the directory holds the text. Pulumi's own export of a state shows the secrets. */
async function holds(directory: string, text: string): Promise<boolean> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  if (files.length === 0) throw new Error(`no state in ${directory}`);
  const contents = await Promise.all(
    files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'utf8')),
  );
  return contents.some((content) => content.includes(text));
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
