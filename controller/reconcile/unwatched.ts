import type { Claim } from '../plan/kubernetes.ts';
import type { KubeClient } from '../runtime/client.ts';
import { isForbidden, isNotFound } from '../runtime/errors.ts';
import { claims } from './resources.ts';

/** Claims are not watched: there may be thousands, and the few that matter are known by name. */
export async function findClaim(
  ref: { namespace: string | undefined; name: string },
  { client }: { client: KubeClient },
  signal: AbortSignal,
): Promise<Claim | undefined> {
  const { namespace, name } = ref;
  try {
    return await client.get(claims, { ...(namespace === undefined ? {} : { namespace }), name }, { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Whether a source's claim exists; undefined without the right to look: then the pod's own fate tells. */
export async function claimExists(
  ref: { namespace: string | undefined; name: string },
  context: { client: KubeClient },
  signal: AbortSignal,
): Promise<boolean | undefined> {
  try {
    return (await findClaim(ref, context, signal)) !== undefined;
  } catch (error) {
    if (isForbidden(error)) return undefined;
    throw error;
  }
}
