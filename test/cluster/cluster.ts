import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Log } from './binary.ts';
import { sweepControlPlanes } from './control-plane.ts';
import {
  dockerClusterExists,
  dockerHostAddress,
  loadDockerImage,
  removeDockerCluster,
  startDockerCluster,
} from './docker.ts';
import { linkKubectl } from './kubectl.ts';
import { withLock } from './lock.ts';
import { importTaggedImage } from './node/images.ts';
import { startNode } from './node/start.ts';
import { nodeStatus } from './node/status.ts';
import { removeNode } from './node/stop.ts';
import { kubeconfigPath, localDirectory } from './paths.ts';
import { chooseProvider, type Provider } from './provider.ts';

export interface Cluster {
  readonly provider: Provider;
  readonly kubeconfigPath: string;
  /**
   * An address of this machine that pods reach: a server for them listens here. Undefined where nothing
   * is known of it (a given cluster without TEST_HOST_ADDRESS).
   */
  readonly hostAddress: string | undefined;
}

export interface ClusterStatus {
  readonly provider: Provider;
  /** Undefined while the cluster is down. */
  readonly cluster: Cluster | undefined;
  /** What is wrong with a cluster that is not whole, such as `kubelet has ended`; the next `up` makes a new one. */
  readonly problems: readonly string[];
}

/** An image that was built, and where it lies. */
export interface ImageToLoad {
  /** Its name with a tag that changes with its content. */
  readonly tag: string;
  /** An archive that holds it; undefined where it is in Docker or in a registry. */
  readonly archive: string | undefined;
}

const lockFile = join(localDirectory, 'cluster.lock');

/** Brings up a whole cluster, or finds the one that is up. Resolves when pods can run. */
export async function upCluster(log: Log = console.log): Promise<Cluster> {
  return withLock(lockFile, async () => {
    const { provider, cluster, problems } = await clusterStatus();
    for (const problem of problems) log(problem);
    if (cluster && problems.length === 0) return cluster;
    switch (provider) {
      case 'given':
        return givenCluster();
      case 'node': {
        const state = await startNode(log);
        await linkKubectl();
        return { provider, kubeconfigPath, hostAddress: state.network.hostAddress };
      }
      default:
        return { provider, kubeconfigPath, hostAddress: await startDockerCluster(provider, log) };
    }
  });
}

/**
 * Removes what upCluster made, whole or crashed, and control planes that nobody uses; a given cluster stays.
 * Returns a line for each thing that was there.
 */
export async function downCluster(): Promise<string[]> {
  return withLock(lockFile, async () => {
    const provider = await chooseProvider();
    // Not by the provider alone: Docker may have been started since.
    const removed = await removeNode();
    if (provider === 'kind' || provider === 'k3d') removed.push(...(await removeDockerCluster(provider)));
    const controlPlanes = await sweepControlPlanes(true);
    if (controlPlanes > 0) removed.push(`control planes: ${controlPlanes}`);
    await rm(kubeconfigPath, { force: true });
    return removed;
  });
}

export async function clusterStatus(): Promise<ClusterStatus> {
  const provider = await chooseProvider();
  if (provider === 'given') return { provider, cluster: givenCluster(), problems: [] };
  if (provider !== 'node') {
    if (!(await dockerClusterExists(provider))) return { provider, cluster: undefined, problems: [] };
    return {
      provider,
      cluster: { provider, kubeconfigPath, hostAddress: await dockerHostAddress(provider) },
      problems: [],
    };
  }
  const status = await nodeStatus();
  if (!status) return { provider, cluster: undefined, problems: [] };
  const problems = status.ended.map((name) => `${name} has ended`);
  const cluster = { provider, kubeconfigPath, hostAddress: status.state.network.hostAddress };
  return { provider, cluster, problems };
}

/**
 * Brings an image into the cluster, so that pods run it with `imagePullPolicy: IfNotPresent` or `Never`.
 * Returns the reference that pods name: by digest on a node of our own, else by tag.
 */
export async function loadImageIntoCluster(image: ImageToLoad): Promise<string> {
  const provider = await chooseProvider();
  // A given cluster pulls what the caller has pushed.
  if (provider === 'given') return image.tag;
  if (provider !== 'node') {
    await loadDockerImage(provider, image.tag);
    return image.tag;
  }
  if (!image.archive) throw new Error(`${image.tag} is not in an archive, and the cluster is not in Docker`);
  return importTaggedImage(image.tag, image.archive);
}

function givenCluster(): Cluster {
  const path = process.env.TEST_KUBECONFIG;
  if (!path) throw new Error('TEST_KUBECONFIG names no kubeconfig');
  // Programs that are given it run in directories of their own.
  return { provider: 'given', kubeconfigPath: resolve(path), hostAddress: process.env.TEST_HOST_ADDRESS };
}
