import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { apiVersion } from '../../api/names.ts';
import type { ObjectMeta, OwnerReference } from './kubernetes.ts';

/** By it the garbage collector removes a child with its owner. */
export function ownedBy({ kind, metadata }: CriteoSegmentExport | CriteoConnection): OwnerReference {
  return {
    apiVersion,
    kind,
    name: metadata.name,
    uid: metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}

export function namespaceOf({
  metadata,
}: {
  metadata: Pick<ObjectMeta, 'namespace'>;
}): Pick<ObjectMeta, 'namespace'> {
  return metadata.namespace === undefined ? {} : { namespace: metadata.namespace };
}
