import type { CriteoSegmentExportStatus, PendingApproval } from '../../api/generated/criteosegmentexport.ts';
import { parseTime } from '../../api/time.ts';

type Status = Pick<CriteoSegmentExportStatus, 'history' | 'plan' | 'segments' | 'retired'>;

/** As many ended runs as status keeps. */
export const historyLength = 10;

/**
 * Whether a run was stopped from it: what only a plan has told, and nobody approved, has stopped none.
 * An approved run that came to nothing has given it its name.
 */
export function hasStoppedRun({ runName, since, generation }: PendingApproval, status: Status): boolean {
  const { history = [] } = status;
  if (history.some((run) => run.finishedAt === since || run.jobName === runName)) return true;
  // The first run that was stopped may have left the history: then those that were stopped again tell of it.
  const from = parseTime(since) ?? 0;
  const isOlder = history.length >= historyLength && history.every((run) => finishedAt(run) > from);
  return isOlder && history.some((run) => run.generation === generation && run.reason === 'SegmentsFailed');
}

function finishedAt(run: { finishedAt?: string }): number {
  return parseTime(run.finishedAt) ?? 0;
}

/** Since when a run is stopped from it, where one ends now that is. */
export function stoppedSince(pending: PendingApproval | undefined, status: Status, now: string): string {
  return pending && hasStoppedRun(pending, status) ? pending.since : now;
}

interface Line {
  criteoSegmentId?: string;
  outcome: string;
  reason: string;
}

/** The lines of the segments that it waits for, as far as status still tells which these are. */
export function stoppedLines({ runName }: PendingApproval, { plan, ...ofRun }: Status): Line[] {
  const { segments = [], retired = [] } = plan?.jobName === runName ? plan : ofRun;
  const lines: Line[] = [...segments, ...retired];
  const stopped = lines.filter(({ reason }) => reason === 'RemovalGuard');
  if (stopped.length > 0) return stopped;
  // A later run failed otherwise where the guard had stopped one: then any that is open may be meant.
  // What has no id was never made at Criteo, and has nobody to lose.
  return lines.filter(
    ({ outcome, criteoSegmentId }) => outcome !== 'Succeeded' && criteoSegmentId !== undefined,
  );
}
