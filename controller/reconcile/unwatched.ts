import type { KubeClient } from '../runtime/client.ts';
import { isForbidden, isNotFound } from '../runtime/errors.ts';
import type { KubeObject, Resource } from '../runtime/resource.ts';

interface Ref {
  namespace: string | undefined;
  name: string;
}

/** An object of a kind that is not watched: there may be thousands, and the few that matter are known by name. */
export async function find<T extends KubeObject>(
  resource: Resource<T>,
  { namespace, name }: Ref,
  { client }: { client: KubeClient },
  signal: AbortSignal,
): Promise<T | undefined> {
  const ref = { ...(namespace === undefined ? {} : { namespace }), name };
  try {
    return await client.get(resource, ref, { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** The same, and whether it exists; undefined without the right to look: then the pod's own fate tells. */
export async function look<T extends KubeObject>(
  resource: Resource<T>,
  ref: Ref,
  context: { client: KubeClient },
  signal: AbortSignal,
): Promise<{ exists: boolean | undefined; found?: T | undefined }> {
  try {
    const found = await find(resource, ref, context, signal);
    return { exists: found !== undefined, found };
  } catch (error) {
    if (isForbidden(error)) return { exists: undefined };
    throw error;
  }
}
