import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExportStatus, RunSummary } from '../../api/generated/criteosegmentexport.ts';
import { conditionTypes, isRunReason } from '../../api/reasons.ts';
import { parseTime } from '../../api/time.ts';
import { isEndedByPerson } from './afterrun.ts';
import { waitsFor } from './approval.ts';
import { type Condition, type ExportReadiness, findCondition } from './conditions.ts';
import { hasStoppedRun } from './guardstop.ts';
import { failedLines } from './reportlines.ts';
import { isGuardStop, isSeenByCheck, isUsersFault } from './runresult.ts';

type Status = CriteoSegmentExportStatus;

export interface RunFaultInput {
  generation: number | undefined;
  previous: readonly Condition[];
  connection: CriteoConnection | undefined;
}

/** After so many the next success is not to be waited for in silence. */
const failuresUntilStalled = 3;

/** What the runs by this definition leave a person to do; undefined where nothing. */
export function runFault(status: Status, input: RunFaultInput): ExportReadiness | undefined {
  const { consecutiveFailures = 0 } = status;
  const run = judgedRun(status, input.generation);
  const lines = [...(status.segments ?? []), ...(status.retired ?? [])];
  const stalled = (reason: ExportReadiness['reason'], message: string): ExportReadiness => ({
    status: 'False',
    reason,
    message: run === status.lastRun ? message : (saidBefore(reason, input.previous) ?? message),
    progress: 'Stalled',
  });
  if (run && isRunReason(run.reason) && isUsersFault(run, lines) && !isMended(run, input.connection)) {
    return stalled(run.reason, messageOf(run, status));
  }
  const pending = status.pendingApproval;
  const isStopped = run !== undefined && isGuardStop(run, lines);
  if (pending && (isStopped || hasStoppedRun(pending, status))) {
    return guardStopped(waitsFor(pending, status));
  }
  if (!run || run.outcome === 'Succeeded') return undefined;
  if (isStopped) return guardStopped(messageOf(run, status));
  if (consecutiveFailures < failuresUntilStalled) return undefined;
  return stalled(
    'RunsFailing',
    `${consecutiveFailures} runs in a row failed. The last: ${messageOf(run, status)}`,
  );
}

export function guardStopped(message: string): ExportReadiness {
  return { status: 'False', reason: 'RemovalGuard', message, progress: 'Stalled' };
}

/** By one that a person ended nothing is known that was not known before: what was known holds. */
function judgedRun(
  { lastRun, history = [] }: Status,
  generation: number | undefined,
): RunSummary | undefined {
  const run = [...(lastRun ? [lastRun] : []), ...history].find((one) => !isEndedByPerson(one));
  return run?.generation === generation ? run : undefined;
}

/** The history has no messages: where Ready told of the run, its words are kept. */
function saidBefore(reason: string, previous: readonly Condition[]): string | undefined {
  const ready = findCondition(previous, conditionTypes.ready);
  return ready?.reason === reason ? ready.message : undefined;
}

function messageOf(run: RunSummary, { segments = [] }: Status): string {
  const ofSegments = run.reason === 'SegmentsFailed' ? failedLines(segments, 'segments') : undefined;
  return run.message ?? ofSegments ?? `The run ${run.jobName} ended: ${run.reason}.`;
}

/** A check of the connection that succeeded after the run shows that the credentials were mended. */
function isMended(run: RunSummary, connection: CriteoConnection | undefined): boolean {
  if (!isSeenByCheck(run.reason, connection)) return false;
  const check = connection?.status?.lastCheck;
  return (
    check?.outcome === 'Succeeded' && (parseTime(check.startedAt) ?? 0) > (parseTime(run.finishedAt) ?? 0)
  );
}
