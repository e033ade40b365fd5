import type { CriteoSegmentExport } from '../../../api/generated/criteosegmentexport.ts';
import { listOf, numberOf, secondsOf } from './read.ts';

/** What an export's status shows as numbers: each is the gauge `criteo_export_<name>`, with its help. */
export const exportGauges = {
  created_timestamp_seconds: 'When the export was created, in seconds since the epoch.',
  last_success_timestamp_seconds:
    'End of the last run that succeeded for all segments, in seconds since the epoch; absent where none did.',
  last_run_timestamp_seconds:
    'End of the last run that ended, however it went, in seconds since the epoch; absent where none did.',
  last_run_duration_seconds: 'How long the last run that ended took; absent where none did.',
  next_run_timestamp_seconds:
    'When the schedule starts the next run, in seconds since the epoch; absent where it starts none.',
  active_run_start_timestamp_seconds:
    'When the run at work began, a plan or a retirement too, in seconds since the epoch; absent where none is.',
  consecutive_failures: 'How many runs in a row have failed.',
  profiles:
    'Identifiers that Criteo holds by this export, as it acknowledged them, over all segments; absent where that is not known of each.',
  waiting_runs: 'How many runs wait for their turn.',
  suspended: '1 where spec.suspend holds back runs, else 0.',
  pending_approval: '1 where something waits for a person to approve it, else 0.',
} as const;

export type ExportGauge = keyof typeof exportGauges;

/** The gauges of one export; what does not apply, or is not known, is absent. */
export function exportGaugesOf({
  metadata,
  spec,
  status = {},
}: CriteoSegmentExport): Partial<Record<ExportGauge, number>> {
  const { lastRun, lastSuccessfulRun, activeRun, pendingApproval, retirements } = status;
  const isApproved = pendingApproval !== undefined && pendingApproval.runName === activeRun?.approvedRun;
  const waits =
    (isApproved ? undefined : pendingApproval) ?? listOf(retirements).find((one) => one.pendingApproval);
  const values: Record<ExportGauge, number | undefined> = {
    // One that is deleted and made again has the series of its namesake: by this its own are told from those.
    created_timestamp_seconds: secondsOf(metadata.creationTimestamp),
    last_success_timestamp_seconds: secondsOf(lastSuccessfulRun?.finishedAt),
    last_run_timestamp_seconds: secondsOf(lastRun?.finishedAt),
    last_run_duration_seconds: durationOf(lastRun),
    next_run_timestamp_seconds: secondsOf(status.nextRunTime),
    active_run_start_timestamp_seconds: secondsOf(activeRun?.startedAt),
    consecutive_failures: numberOf(status.consecutiveFailures ?? 0),
    profiles: numberOf(status.held),
    waiting_runs: numberOf(status.waitingRuns ?? 0),
    // One that was stored under another version of the CRD may have no spec.
    suspended: spec?.suspend === true ? 1 : 0,
    pending_approval: waits ? 1 : 0,
  };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** Absent where the clocks of two nodes disagree so far that a run would have ended before it began. */
function durationOf(run: { startedAt?: string; finishedAt?: string } | undefined): number | undefined {
  const [start, end] = [secondsOf(run?.startedAt), secondsOf(run?.finishedAt)];
  return start === undefined || end === undefined ? undefined : numberOf(end - start);
}
