import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { controllerPolicies } from '../../../deploy/controllerpolicies.ts';
import { appName, defaultOptions, type InstallOptions } from '../../../deploy/options.ts';
import { rbac } from '../../../deploy/rbac.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { kubectl } from '../../cluster/kubectl.ts';
import { type SandboxOptions, startSandbox } from '../../sandbox/sandbox.ts';
import { ApiServer, installCrds } from '../../support/apiserver.ts';
import { exporterImage } from '../../support/controllerprocess.ts';
import { ProcessKubelet } from '../../support/processkubelet.ts';
import { builtPrograms } from '../../support/programs.ts';
import { keepUsedRights } from '../../support/usedrights.ts';
import { Shop } from './shop.ts';

/** What the tests of one file share: a control plane, a process kubelet, the programs as the image has them. */
export interface World extends AsyncDisposable {
  controlPlane: ControlPlane;
  api: ApiServer;
  kubelet: ProcessKubelet;
  /** Bearer token of the controller's own service account. */
  controllerToken: string;
  /** A kubeconfig of that identity. */
  controllerKubeconfig: string;
  directory: string;
  controllerProgram: string;
  /** Environment that makes Node start faster, for the programs. */
  nodeEnvironment: Record<string, string>;
  /** A namespace of its own, with its own Criteo. */
  shop(options?: SandboxOptions): Promise<Shop>;
}

/** The namespace in which an installation's controller and its Lease are. */
export const controllerNamespace = defaultOptions.namespace;

/** Installs what the controller needs in a new cluster, and returns a token of its service account. */
export type Install = (controlPlane: ControlPlane) => Promise<string>;

export async function startWorld(install: Install = installForTests): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'controller-test-'));
  const cleanUps: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })];
  const dispose = async (): Promise<void> => {
    const faults: unknown[] = [];
    for (const cleanUp of cleanUps.splice(0).reverse()) {
      await cleanUp().catch((error: unknown) => faults.push(error));
    }
    if (faults.length > 0) throw new AggregateError(faults, faults.map(String).join('; '));
  };
  try {
    // The process kubelet is no node, and the first two would end the pods of a node that does not exist. It takes
    // every pod for an exporter's: one of the controller's Deployment is never to be.
    const withoutControllers = ['node-lifecycle', 'pod-garbage-collector', 'deployment'];
    const controllers = `--controllers=*,${withoutControllers.map((name) => `-${name}-controller`).join()}`;
    const { directory: programs, environment: nodeEnvironment } = await builtPrograms();
    const controlPlane = await startControlPlane({
      controllerManagerArguments: [controllers],
      apiServerArguments: [
        // As on most clusters: what keeps our pods from it must be something else.
        '--allow-privileged=true',
      ],
      audit: 'Metadata',
      auditedUsers: [`system:serviceaccount:${controllerNamespace}:${appName}`],
    });
    cleanUps.push(() => controlPlane.stop());
    cleanUps.push(() => keepUsedRights(controlPlane.auditLogPath ?? ''));
    const api = new ApiServer(controlPlane);
    cleanUps.push(() => api[Symbol.asyncDispose]());
    const controllerToken = await install(controlPlane);
    const controllerKubeconfig = join(directory, 'controller.kubeconfig');
    await writeTokenKubeconfig(controllerKubeconfig, controlPlane, controllerToken);
    const kubelet = new ProcessKubelet({
      credentials: controlPlane,
      api,
      exporter: join(programs, 'exporter.mjs'),
      claimDirectory: (namespace, claim) => join(directory, 'claims', namespace, claim),
      // The sandbox's changes take effect at once; Criteo's are given a day to settle.
      environment: {
        ...nodeEnvironment,
        SEGMENTEXPORT_RETRY_BUDGET_MS: '2000',
        SEGMENTEXPORT_SETTLE_MS: '1',
      },
    });
    cleanUps.push(() => kubelet[Symbol.asyncDispose]());
    const world: World = {
      controlPlane,
      api,
      kubelet,
      controllerToken,
      controllerKubeconfig,
      directory,
      controllerProgram: join(programs, 'controller.mjs'),
      nodeEnvironment,
      shop: async (options = {}) => {
        const sandbox = await startSandbox(options);
        cleanUps.push(() => sandbox.close());
        const shop = await Shop.open(world, sandbox);
        cleanUps.push(() => shop[Symbol.asyncDispose]());
        return shop;
      },
      [Symbol.asyncDispose]: dispose,
    };
    return world;
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function installForTests(controlPlane: ControlPlane): Promise<string> {
  await installCrds(controlPlane);
  return await installIdentity(controlPlane.kubeconfigPath);
}

/**
 * The rights that an installation gives the controller, and what holds it to them, and no more.
 * @returns a token of its service account.
 */
export async function installIdentity(
  kubeconfigPath: string,
  changes: Partial<InstallOptions> = {},
): Promise<string> {
  const options = { ...defaultOptions, image: exporterImage, ...changes };
  const { namespace } = options;
  const items = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    ...rbac(options),
    ...controllerPolicies(options),
  ];
  await kubectl(kubeconfigPath, ['apply', '--server-side', '-f', '-'], items.map(toDocument).join(''));
  return (
    await kubectl(kubeconfigPath, ['create', 'token', appName, '-n', namespace, '--duration=3h'])
  ).trim();
}

function toDocument(object: unknown): string {
  return `---\n${JSON.stringify(object)}\n`;
}

/** For a `server` of http:// no certificate authority is needed. */
export async function writeTokenKubeconfig(
  path: string,
  cluster: { server: string; certificateAuthority?: string },
  token: string,
): Promise<void> {
  const ca = cluster.certificateAuthority;
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'controller',
    clusters: [
      {
        name: 'controller',
        cluster: {
          server: cluster.server,
          ...(ca === undefined ? {} : { 'certificate-authority-data': Buffer.from(ca).toString('base64') }),
        },
      },
    ],
    users: [{ name: 'controller', user: { token } }],
    contexts: [{ name: 'controller', context: { cluster: 'controller', user: 'controller' } }],
  };
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, JSON.stringify(config), { mode: 0o600 });
}
