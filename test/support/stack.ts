import { manifests } from '../../deploy/manifests.ts';
import { defaultOptions } from '../../deploy/options.ts';
import { buildImage, loadImage } from '../../scripts/image.ts';
import { type Cluster, upCluster } from '../cluster/cluster.ts';
import { kubectl } from '../cluster/kubectl.ts';
import { untilEstablished } from './apiserver.ts';

export type Log = (line: string) => void;

/** A cluster with our image in it. */
export interface Ground {
  cluster: Cluster;
  /** The reference that pods name. */
  image: string;
  /** An address of this machine that pods reach. */
  hostAddress: string;
  /** Runs kubectl and returns what it printed. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
}

/** Brings up the cluster and builds and loads the image; both are found again when they are there. */
export async function prepareGround(log: Log): Promise<Ground> {
  const cluster = await upCluster(log);
  const { hostAddress } = cluster;
  if (hostAddress === undefined) {
    throw new Error(
      'TEST_HOST_ADDRESS: it is missing; name an address of this machine that the pods of the given cluster reach.',
    );
  }
  log('Building the image');
  const image = await loadImage(await buildImage({ log }));
  return {
    cluster,
    image,
    hostAddress,
    kubectl: (args, input) => kubectl(cluster.kubeconfigPath, args, input),
  };
}

/** Installs CRDs and controller from the builders that dist/install.yaml comes from; resolves when it is available. */
export async function installController(
  ground: Ground,
  options: { allowedBaseUrls: string[]; extraFlags?: string[] },
): Promise<string> {
  const objects = manifests({ ...defaultOptions, image: ground.image, extraFlags: [], ...options });
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  // The CRDs and the namespace first: objects of a kind that is not served yet are refused.
  const printed = await ground.kubectl(
    ['apply', '--server-side', '--force-conflicts', '-f', '-'],
    JSON.stringify(list),
  );
  await untilEstablished(ground.kubectl, crdNames(objects));
  await ground.kubectl([
    'rollout',
    'status',
    `deployment/${defaultOptions.namespace}`,
    '--namespace',
    defaultOptions.namespace,
    '--timeout=180s',
  ]);
  return printed;
}

/** Removes what installController made; the CRDs go last, and with them every object of theirs. */
export async function uninstallController(ground: Ground): Promise<void> {
  // While there is a controller: those with a finalizer of ours would wait for one that is gone.
  await ground
    .kubectl(['delete', 'criteosegmentexports', '--all', '--all-namespaces', '--timeout=120s'])
    .catch((error: unknown) => {
      // Nothing was installed.
      if (!String(error).includes('the server doesn')) throw error;
    });
  await ground.kubectl([
    'delete',
    'namespace',
    defaultOptions.namespace,
    '--ignore-not-found',
    '--timeout=120s',
  ]);
  const names = crdNames(manifests({ ...defaultOptions, image: ground.image }));
  await ground.kubectl(['delete', 'crd', ...names, '--ignore-not-found', '--timeout=120s']);
  const kinds = 'clusterrole,clusterrolebinding,validatingadmissionpolicybinding,validatingadmissionpolicy';
  await ground.kubectl(['delete', kinds, '--selector=app.kubernetes.io/part-of=criteo-segment-export']);
}

function crdNames(objects: readonly { kind: string; metadata: { name: string } }[]): string[] {
  return objects
    .filter((object) => object.kind === 'CustomResourceDefinition')
    .map((object) => object.metadata.name);
}
