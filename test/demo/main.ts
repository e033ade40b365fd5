import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parse, stringify } from 'yaml';
import { clusterStatus, downCluster } from '../cluster/cluster.ts';
import { localDirectory, repositoryDirectory } from '../cluster/paths.ts';
import { type Ground, installController, prepareGround, uninstallController } from '../support/stack.ts';
import { fillClaim } from '../support/volume.ts';
import { differences, type ExpectedSegment } from './compare.ts';
import { type DemoSandbox, receivedSegments, startDemoSandbox, stopDemoSandbox } from './sandbox.ts';
import { Screen } from './screen.ts';
import { isSourceKind, type SourceKind, sourceKinds, startSource, stopSource } from './source.ts';
import { allowances, type Served } from './sources/served.ts';

const usage = `Usage: npm run demo [-- [--source KIND] [--keep] | --down]

The whole way on a real cluster: CRDs, controller, a sandbox of Criteo's API, two
manifests, one run. Exits with 0 only if the sandbox received exactly the segments.

  --source KIND  where the list is read from: ${sourceKinds.join(', ')}; default: file, a volume.
                 The others have a server of their own, filled with the same list
  --keep         leave it running, and print how to look around
  --down         remove what an earlier --keep left`;

const namespace = 'demo';
const examples = join(repositoryDirectory, 'examples');

const { values } = parseArgs({
  options: {
    source: { type: 'string', default: 'file' },
    keep: { type: 'boolean', default: false },
    down: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});
if (values.help) console.log(usage);
else if (values.down) await down();
else if (isSourceKind(values.source)) process.exitCode = await demo(values.source, values.keep);
else {
  console.error(`--source: "${values.source}" is not one of ${sourceKinds.join(', ')}`);
  process.exitCode = 2;
}

async function demo(kind: SourceKind, keep: boolean): Promise<number> {
  const screen = new Screen(kind === 'file' ? 8 : 9);
  const { cluster: before } = await clusterStatus();
  const started: (() => Promise<unknown>)[] = [];
  if (!before) started.push(downCluster);
  const interrupted = (): void => {
    console.log('\nInterrupted; removing what was started');
    void removeAll(started).then(() => process.exit(130));
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    screen.step('A Kubernetes cluster, and the image in it (the first time takes up to fifteen minutes)');
    const ground = await prepareGround((line) => screen.line(line));
    if (before) started.push(() => uninstallController(ground));

    screen.step("A sandbox of Criteo's API");
    started.push(stopDemoSandbox);
    const sandbox = await startDemoSandbox(ground.hostAddress, keep);
    screen.line(`It listens on ${sandbox.url}, an address that the pods reach`);

    let served: Served | undefined;
    if (kind !== 'file') {
      screen.step(`A server with the list in it, for spec.source.${kind}`);
      started.push(stopSource);
      served = await startSource(kind, ground.hostAddress, keep, (line) => screen.line(line));
      screen.line(served.says);
    }

    screen.step('Installing the CRDs and the controller');
    const installed = await installController(ground, {
      allowedBaseUrls: [sandbox.url],
      extraFlags: allowances(served),
    });
    screen.command(`kubectl apply --server-side -f dist/install.yaml`, installed);

    screen.step('A namespace with the credentials, and the list');
    started.push(() => ground.kubectl(['delete', 'namespace', namespace, '--ignore-not-found']));
    await prepareNamespace(ground, sandbox, screen);
    if (served) await createSecrets(ground, served, screen);
    else await fillVolume(ground, screen);

    screen.step('Two manifests');
    await applyManifests(ground, sandbox, served, screen);

    screen.step('One run, on request');
    await requestRun(ground, screen);

    screen.step('The same list again: a plan, then a run that has nothing to send');
    await planAndRunAgain(ground, screen);

    screen.step('What Criteo received, against what the list was made from');
    const faults = await compare(sandbox, screen);
    if (keep) {
      started.length = 0;
      lookAround(sandbox);
    }
    return faults.length === 0 ? 0 : 1;
  } catch (error) {
    console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    await removeAll(started);
  }
}

async function prepareNamespace(ground: Ground, sandbox: DemoSandbox, screen: Screen): Promise<void> {
  await ground.kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--timeout=60s']);
  const object = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  };
  await ground.kubectl(['create', '-f', '-'], JSON.stringify(object));
  const secret = [
    ...['create', 'secret', 'generic', 'criteo-nordic', '--namespace', namespace],
    `--from-file=clientId=${sandbox.clientIdFile}`,
    `--from-file=clientSecret=${sandbox.clientSecretFile}`,
  ];
  const created = await ground.kubectl(secret);
  screen.command(
    'kubectl create secret generic criteo-nordic --from-file=clientId --from-file=clientSecret',
    created,
  );
}

async function createSecrets(ground: Ground, { secrets }: Served, screen: Screen): Promise<void> {
  for (const [name, stringData] of Object.entries(secrets)) {
    const object = { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData };
    const created = await ground.kubectl(
      ['create', '--namespace', namespace, '-f', '-'],
      JSON.stringify(object),
    );
    const keys = Object.keys(stringData).map((key) => `--from-file=${key}`);
    screen.command(`kubectl create secret generic ${name} ${keys.join(' ')}`, created);
  }
}

async function fillVolume(ground: Ground, screen: Screen): Promise<void> {
  const claim = await readFile(join(examples, 'claim.yaml'), 'utf8');
  screen.command(
    'kubectl apply -f examples/claim.yaml',
    await ground.kubectl(['apply', '--namespace', namespace, '-f', '-'], claim),
  );
  const people = await readFile(join(examples, 'data', 'people.csv.gz'));
  await fillClaim(ground, namespace, 'people', { 'people.csv.gz': people });
  screen.line('The claim holds people.csv.gz: 20,000 rows with the dirt that real lists have');
}

async function applyManifests(
  ground: Ground,
  sandbox: DemoSandbox,
  served: Served | undefined,
  screen: Screen,
): Promise<void> {
  const connection = parse(await readFile(join(examples, 'connection.yaml'), 'utf8')) as {
    spec: { api?: { baseUrl: string } };
  };
  // The one change to the examples: Criteo's address is the sandbox's.
  connection.spec.api = { baseUrl: sandbox.url };
  const inNamespace = ['--namespace', namespace];
  screen.command(
    'kubectl apply -f examples/connection.yaml   # with spec.api.baseUrl: the sandbox',
    await ground.kubectl(['apply', ...inNamespace, '-f', '-'], stringify(connection)),
  );
  const definition = parse(await readFile(join(examples, 'export.yaml'), 'utf8')) as { spec: object };
  Object.assign(definition.spec, served?.spec);
  const comment = served ? `   # with\n${stringify(served.spec).trimEnd()}` : '';
  screen.command(
    `kubectl apply -f examples/export.yaml${comment}`,
    await ground.kubectl(['apply', ...inNamespace, '-f', '-'], stringify(definition)),
  );
  const wait = ['--for=condition=Ready', 'criteoconnection/nordic', 'criteosegmentexport/newsletter'];
  screen.command(
    `kubectl wait ${wait.join(' ')}`,
    await ground.kubectl(['wait', ...wait, ...inNamespace, '--timeout=120s']),
  );
  screen.command(
    'kubectl get criteo,cronjobs',
    await ground.kubectl(['get', 'criteo,cronjobs', ...inNamespace]),
  );
}

/** Asks with an annotation, and waits until status tells what came of it. */
async function ask(
  ground: Ground,
  screen: Screen,
  annotation: 'requestedAt' | 'planRequestedAt',
  answer: '.status.lastRun.requestedAt' | '.status.plan.requestedAt',
): Promise<void> {
  const inNamespace = ['--namespace', namespace];
  const now = `${new Date().toISOString().slice(0, 19)}Z`;
  const setting = `segmentexport.io/${annotation}=${now}`;
  const annotate = ['annotate', 'criteosegmentexport', 'newsletter', '--overwrite', setting];
  screen.command(`kubectl ${annotate.join(' ')}`, await ground.kubectl([...annotate, ...inNamespace]));
  await ground.kubectl([
    ...['wait', `--for=jsonpath={${answer}}=${now}`, 'criteosegmentexport/newsletter'],
    ...inNamespace,
    '--timeout=180s',
  ]);
}

async function planAndRunAgain(ground: Ground, screen: Screen): Promise<void> {
  const show = async (path: string): Promise<void> => {
    const get = ['get', 'criteosegmentexport', 'newsletter', `--output=jsonpath={${path}}`];
    const printed = await ground.kubectl([...get, '--namespace', namespace]);
    screen.command(`kubectl get criteosegmentexport newsletter -o jsonpath='{${path}}'`, printed);
  };
  await ask(ground, screen, 'planRequestedAt', '.status.plan.requestedAt');
  await show('.status.plan.message');
  await ask(ground, screen, 'requestedAt', '.status.lastRun.requestedAt');
  await show('.status.lastRun.message');
}

async function requestRun(ground: Ground, screen: Screen): Promise<void> {
  const inNamespace = ['--namespace', namespace];
  await ask(ground, screen, 'requestedAt', '.status.lastRun.requestedAt');
  const job = await ground.kubectl([
    ...['get', 'criteosegmentexport', 'newsletter', ...inNamespace],
    '--output=jsonpath={.status.lastRun.jobName}',
  ]);
  const logs = ['logs', `job/${job}`];
  screen.command(`kubectl ${logs.join(' ')}`, await ground.kubectl([...logs, ...inNamespace]));
  screen.command('kubectl get criteo', await ground.kubectl(['get', 'criteo', ...inNamespace]));
  const columns =
    'NAME:.name,AT CRITEO:.criteoName,READ:.read,EMPTY:.empty,INVALID:.invalid,DUPLICATE:.duplicate,UPLOADED:.uploaded';
  const segments = await ground.kubectl([
    ...['get', 'criteosegmentexport', 'newsletter', ...inNamespace],
    `--output=jsonpath={range .status.segments[*]}${columns
      .split(',')
      .map((column) => `{${column.split(':')[1]}}{"\\t"}`)
      .join('')}{"\\n"}{end}`,
  ]);
  const heads = columns.split(',').map((column) => column.split(':')[0]);
  screen.command(
    'kubectl get criteosegmentexport newsletter -o yaml   # status.segments',
    table([
      heads,
      ...segments
        .trim()
        .split('\n')
        .map((line) => line.split('\t')),
    ]),
  );
  screen.command(
    'kubectl get events',
    await ground.kubectl([
      ...['get', 'events', ...inNamespace, '--sort-by=.metadata.creationTimestamp'],
      ...['--field-selector=reportingComponent=segmentexport.io/controller'],
    ]),
  );
}

async function compare(sandbox: DemoSandbox, screen: Screen): Promise<string[]> {
  const fixture = await readFile(join(examples, 'data', 'expected.json'), 'utf8');
  const expected = JSON.parse(fixture) as ExpectedSegment[];
  const criteoNames = new Map([
    ['high-value', 'high-value'],
    ['lapsed', 'Lapsed 2026'],
  ]);
  const received = await receivedSegments(sandbox);
  for (const segment of received) {
    screen.line(
      `"${segment.name}": ${segment.numberOfIdentifiers} identifiers, digest ${segment.digest.slice(0, 16)}...`,
    );
  }
  const faults = differences(expected, received, criteoNames);
  for (const fault of faults) screen.line(`WRONG: ${fault}`);
  if (faults.length === 0)
    screen.line('Exactly the segments: both digests equal examples/data/expected.json');
  return faults;
}

function lookAround(sandbox: DemoSandbox): void {
  console.log(`
Left running. To look around:
  export KUBECONFIG=${join(localDirectory, 'kubeconfig')} PATH=${join(localDirectory, 'bin')}:$PATH
  kubectl get criteo --namespace ${namespace}
  kubectl explain criteosegmentexport.spec --recursive
  curl ${sandbox.url}/sandbox/segments
To remove it all:
  npm run demo -- --down`);
}

async function down(): Promise<void> {
  if (await stopDemoSandbox()) console.log('Removed the sandbox');
  if (await stopSource()) console.log('Removed the server of the source');
  for (const line of await downCluster()) console.log(`Removed ${line}`);
}

/** Last first; each is tried, whatever became of the others. */
async function removeAll(started: (() => Promise<unknown>)[]): Promise<void> {
  for (const remove of started.splice(0).reverse()) {
    await remove().catch((error: unknown) => console.error(error instanceof Error ? error.message : error));
  }
}

function table(rows: readonly (readonly (string | undefined)[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => row.map((cell, column) => (cell ?? '').padEnd(widths[column] ?? 0)).join('   '))
    .join('\n');
}
