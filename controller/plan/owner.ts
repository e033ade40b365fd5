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

/** Whose child an object is: of a Job that a CronJob made, the CronJob. Kubernetes lets there be one at most. */
export function controllerOwnerOf({
  ownerReferences,
}: Pick<ObjectMeta, 'ownerReferences'>): OwnerReference | undefined {
  return ownerReferences?.find(({ controller }) => controller === true);
}

export function namespaceOf({
  metadata,
}: {
  metadata: Pick<ObjectMeta, 'namespace'>;
}): Pick<ObjectMeta, 'namespace'> {
  return metadata.namespace === undefined ? {} : { namespace: metadata.namespace };
}
