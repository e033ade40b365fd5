import { connections, segmentExports } from './reconcile/resources.ts';
import type { KubeClient } from './runtime/client.ts';
import { isForbidden, isNotFound } from './runtime/errors.ts';
import type { Resource } from './runtime/resource.ts';
import { atLeast } from './runtime/version.ts';

/**
 * The oldest Kubernetes that is supported: podFailurePolicy and CronJob time
 * zones are stable there, and so are the CEL rules that the CRDs use.
 */
export const oldestKubernetes = { major: 1, minor: 31 };

/**
 * Whether this cluster can be worked with.
 * @param namespaces those that are watched; none: all.
 * @returns its version.
 * @throws Error that tells what to do.
 */
export async function checkCluster(
  client: KubeClient,
  namespaces: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const version = await client.version({ signal });
  const { major, minor } = oldestKubernetes;
  if (!atLeast(version, major, minor)) {
    throw new Error(
      `the cluster runs Kubernetes ${version.gitVersion}; ${major}.${minor} or newer is needed.`,
    );
  }
  // Where it has rights, as far as that is known before the first watch.
  const namespace = namespaces[0] ?? client.namespace;
  for (const resource of [connections, segmentExports] as Resource[]) {
    try {
      await client.list(resource, {
        pageSize: 1,
        ...(namespace ? { namespace } : {}),
        signal,
      });
    } catch (error) {
      if (isNotFound(error)) {
        throw new Error(
          `the cluster does not know ${resource.plural}.${resource.group}; install the CRDs first: kubectl apply --server-side -f crds/`,
        );
      }
      // Rights may be given for other namespaces only; the watches tell what is missing.
      if (!isForbidden(error)) throw error;
    }
  }
  return version.gitVersion;
}
