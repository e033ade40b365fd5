import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { repositoryDirectory } from '../cluster/paths.ts';
import { waitFor } from '../cluster/wait.ts';
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts';
import { type Ground, installController, prepareGround } from '../support/stack.ts';
import { fillClaim } from '../support/volume.ts';

/** Fixed, so that the controller is installed once for all files: its flags name the address. */
const sandboxPort = 18_543;

/** A namespace with a claim and a Secret, and a Criteo of its own, on a real node. */
export interface Shop extends AsyncDisposable {
  ground: Ground;
  sandbox: Sandbox;
  namespace: string;
  kubectl(...args: string[]): Promise<string>;
  apply(object: object): Promise<string>;
  /** The object as JSON. */
  get<T>(kind: string, name: string): Promise<T>;
  /** Asks for a run and returns the value that asks for it. */
  request(): Promise<string>;
  /** status of the export once its last run answers this request. */
  finished(requestedAt: string): Promise<ExportStatus>;
}

export interface ExportStatus {
  conditions: { type: string; status: string; reason: string; message: string }[];
  activeRun?: { jobName: string };
  lastRun?: {
    jobName: string;
    outcome: string;
    reason: string;
    message: string;
    requestedAt?: string;
    profiles?: Record<string, number>;
  };
}

const csv =
  'email,segment\nAda@Example.com,buyers\n bo@example.com ,buyers\nada@example.com,buyers\nnot an address,buyers\n';
/** The addresses of the list above, as they are before hashing. */
export const buyers = ['ada@example.com', 'bo@example.com'];

export async function openShop(
  namespace: string,
  files: Record<string, string> = { 'people.csv': csv },
  extraFlags: string[] = [],
): Promise<Shop> {
  const ground = await prepareGround(() => {});
  const sandbox = await startSandbox({ host: ground.hostAddress, port: sandboxPort });
  await installController(ground, { allowedBaseUrls: [sandbox.url], extraFlags });
  const kubectl = (...args: string[]): Promise<string> => ground.kubectl([...args, '--namespace', namespace]);
  const apply = (object: object): Promise<string> =>
    ground.kubectl(['apply', '--namespace', namespace, '-f', '-'], JSON.stringify(object));
  await ground.kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--timeout=120s']);
  await apply({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  });
  await apply(await example('claim.yaml'));
  const bytes = Object.fromEntries(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)]));
  await fillClaim(ground, namespace, 'people', bytes);
  const get = async <T>(kind: string, name: string): Promise<T> =>
    JSON.parse(await kubectl('get', kind, name, '--output=json')) as T;
  return {
    ground,
    sandbox,
    namespace,
    kubectl,
    apply,
    get,
    async request() {
      const value = new Date().toISOString();
      const annotation = `segmentexport.io/requestedAt=${value}`;
      await kubectl('annotate', 'criteosegmentexport', 'buyers', '--overwrite', annotation);
      return value;
    },
    finished: (requestedAt) =>
      waitFor(`the end of the run requested at ${requestedAt}`, 150_000, async () => {
        const { status } = await get<{ status?: ExportStatus }>('criteosegmentexport', 'buyers');
        return status?.lastRun?.requestedAt === requestedAt ? status : undefined;
      }),
    async [Symbol.asyncDispose]() {
      await ground.kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--timeout=120s']);
      await sandbox.close();
    },
  };
}

export async function example(name: string): Promise<Record<string, unknown>> {
  return parse(await readFile(join(repositoryDirectory, 'examples', name), 'utf8')) as Record<
    string,
    unknown
  >;
}

export function secret(clientSecret = 'sandbox-secret'): object {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'criteo-nordic' },
    stringData: { clientId: 'sandbox-client', clientSecret },
  };
}

/** The example connection, with the sandbox in Criteo's place. */
export async function connection(shop: Shop): Promise<object> {
  const object = (await example('connection.yaml')) as { spec: Record<string, unknown> };
  return { ...object, spec: { ...object.spec, api: { baseUrl: shop.sandbox.url } } };
}

export function segmentExport(change: Record<string, unknown> = {}): object {
  return {
    apiVersion: 'segmentexport.io/v1alpha1',
    kind: 'CriteoSegmentExport',
    metadata: { name: 'buyers' },
    spec: {
      connectionRef: { name: 'nordic' },
      match: { email: { field: 'email' } },
      source: {
        file: { persistentVolumeClaim: { claimName: 'people' }, path: 'people.csv', segmentField: 'segment' },
      },
      segments: [{ name: 'buyers' }],
      ...change,
    },
  };
}

/** As the sandbox tells it, computed here without the exporter's code. */
export function digestOf(addresses: readonly string[]): string {
  const digests = addresses.map((address) => createHash('sha256').update(address).digest('hex')).sort();
  return createHash('sha256')
    .update(digests.map((digest) => `${digest}\n`).join(''))
    .digest('hex');
}
