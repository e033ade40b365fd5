import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExportStatus } from '../../api/generated/criteosegmentexport.ts';
import { annotations, labels } from '../../api/names.ts';
import { cancelled, endOf, stopped } from './afterrun.ts';
import { isRetirement } from './ask.ts';
import type { StopReason } from './endreasons.ts';
import type { Job } from './kubernetes.ts';

/** Why a run at work must end, in a word and in a sentence. */
export interface Stop {
  reason: StopReason;
  message: string;
}

const cancelledMessage = `The run was cancelled by the annotation ${annotations.cancelledRun}; the next run puts right what it had begun.`;

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
 * @param cancelledRun the run that a person ends by its name.
 */
export function runStopReason(
  job: Job,
  connections: readonly CriteoConnection[],
  status: Partial<CriteoSegmentExportStatus>,
  cancelledRun?: string,
): Stop | undefined {
  const uid = job.metadata.labels?.[labels.connectionUid];
  // Told to end, and then the connection was resumed or the controller crashed: what was told stays true.
  const told = endOf(job, status)?.reason;
  const isNamed = job.metadata.name === cancelledRun && !isRetirement(job);
  if (told === cancelled || (told === undefined && isNamed)) {
    return { reason: cancelled, message: cancelledMessage };
  }
  const message = stopReason(connections.find((connection) => connection.metadata.uid === uid));
  if (message !== undefined) return { reason: stopped, message };
  return told === stopped ? { reason: stopped, message: 'The run was ended by its connection.' } : undefined;
}
