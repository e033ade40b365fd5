import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExportStatus } from '../../api/generated/criteosegmentexport.ts';
import { labels } from '../../api/names.ts';
import { endOf, stopped } from './afterrun.ts';
import type { Job } from './kubernetes.ts';

/** An administrator stops exports at any time by their connection: nothing starts, and what runs ends. */
export function stopReason(connection: CriteoConnection | undefined): string | undefined {
  if (!connection || connection.metadata.deletionTimestamp !== undefined) {
    return 'The run was ended because its connection is gone.';
  }
  if (connection.spec.dataPrivacy.agreed === false) {
    return 'The run was ended because the agreement to the transfer was taken back on its connection.';
  }
  if (connection.spec.suspend === true) return 'The run was ended because its connection was suspended.';
  return undefined;
}

/**
 * Why a run at work must end. It is asked of the connection that the run uses:
 * the export may name another one since, or another may have taken its name.
 */
export function runStopReason(
  job: Job,
  connections: readonly CriteoConnection[],
  status: Partial<CriteoSegmentExportStatus>,
): string | undefined {
  const uid = job.metadata.labels?.[labels.connectionUid];
  const reason = stopReason(connections.find((connection) => connection.metadata.uid === uid));
  if (reason !== undefined) return reason;
  // Told to end, and then the connection was resumed or the controller crashed: what was told stays true.
  return endOf(job, status)?.reason === stopped ? 'The run was ended by its connection.' : undefined;
}
