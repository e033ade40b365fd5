import type {
  CriteoSegmentExport,
  CriteoSegmentExportStatus,
} from '../../api/generated/criteosegmentexport.ts';
import { finalizer } from '../../api/names.ts';
import type { Action } from './action.ts';
import { policyOf } from './exportdocument.ts';

type Status = Partial<CriteoSegmentExportStatus>;

export function hasFinalizer({ metadata }: CriteoSegmentExport): boolean {
  return metadata.finalizers?.includes(finalizer) ?? false;
}

/**
 * An export waits with its end only where something of it at Criteo is to be dealt
 * with: where the policy asks for it, and a run may have been released by a ledger.
 * With Retain there is none at all, so that an uninstalled controller blocks nothing.
 */
export function finalizerActions(resource: CriteoSegmentExport, status: Status): Action[] {
  const isNeeded = policyOf(resource.spec) !== 'Retain' && (status.ledgers ?? []).length > 0;
  if (isNeeded === hasFinalizer(resource)) return [];
  return [{ kind: isNeeded ? 'AddFinalizer' : 'RemoveFinalizer' }];
}
