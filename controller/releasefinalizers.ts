import type { CriteoSegmentExport } from '../api/generated/criteosegmentexport.ts';
import { finalizer } from '../api/names.ts';
import { hasFinalizer } from './plan/finalizer.ts';
import { leftMessage } from './plan/remembered.ts';
import { segmentExports } from './reconcile/resources.ts';
import type { KubeClient } from './runtime/client.ts';
import { isConflict, isNotFound } from './runtime/errors.ts';

/** Others may write an export at the same time; so often is more than any of them does. */
const attempts = 10;

/**
 * Takes our finalizer off every export, for the case that the controller is gone for
 * good: nothing would ever take it off, and a namespace or a CRD could not be deleted.
 * @returns how many there were.
 */
export async function releaseFinalizers(
  client: Pick<KubeClient, 'list' | 'patch'>,
  namespaces: readonly string[],
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<number> {
  const scopes = namespaces.length > 0 ? namespaces.map((namespace) => ({ namespace })) : [{}];
  let released = 0;
  for (const scope of scopes) {
    const { items } = await client.list(segmentExports, { ...scope, signal });
    for (const resource of items.filter(hasFinalizer)) {
      await release(client, resource, signal);
      released += 1;
      for (const line of leftBy(resource)) print(line);
    }
  }
  print(released === 1 ? '1 export was let go.' : `${released} exports were let go.`);
  return released;
}

async function release(
  client: Pick<KubeClient, 'list' | 'patch'>,
  found: CriteoSegmentExport,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, name } = found.metadata;
  const ref = { namespace, name };
  let resource = found;
  for (let attempt = 1; ; attempt++) {
    const { uid, resourceVersion, finalizers = [] } = resource.metadata;
    const metadata = { uid, resourceVersion, finalizers: finalizers.filter((one) => one !== finalizer) };
    try {
      await client.patch(segmentExports, ref, { metadata }, { signal });
      return;
    } catch (error) {
      if (isNotFound(error)) return;
      if (!isConflict(error) || attempt === attempts) throw error;
    }
    // A list of one, because to get is no right of the controller's.
    const { items } = await client.list(segmentExports, {
      namespace,
      fieldSelector: `metadata.name=${name}`,
      signal,
    });
    const [latest] = items;
    if (!latest) return;
    resource = latest;
  }
}

function leftBy({ metadata, status }: CriteoSegmentExport): string[] {
  const owner = `${metadata.namespace}/${metadata.name}`;
  const why = 'the controller was removed before it was dealt with.';
  const ledgers = status?.ledgers ?? [];
  if (ledgers.length === 0) return [`${owner}: nothing is known to be left at Criteo.`];
  return ledgers.map((ledger) => `${owner}: ${leftMessage(ledger, owner, why)}`);
}
