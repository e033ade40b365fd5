import { isRunReason, type RunReason } from '../../api/reasons.ts';
import { isIn } from './isin.ts';

/**
 * The closed lists of words for what became of a run, beside those of its report.
 * docs/runbook.md has an entry for each.
 */

/** Why there is no report. */
export const unreportedReasons = [
  'ReportMissing',
  'ReportInvalid',
  'DeadlineExceeded',
  'OutOfMemory',
  'JobDeleted',
] as const;

/** Why a run was ended on purpose: by its connection, or by the annotation cancelledRun. */
export const stopReasons = ['Stopped', 'Cancelled'] as const;

/** Why a run was dropped before it started; the event RunSkipped names it. */
export const skipReasons = [
  'StartingDeadlineExceeded',
  'ScheduleChanged',
  'AskedBeforeResume',
  'DefinitionChanged',
  'AnsweredByLastRun',
] as const;

/** What became of that which a connection sent that is no longer named, or the export deleted: beside an end. */
export const retirementReasons = ['Waiting', 'Running', 'LeftAtCriteo', 'SegmentsRetained'] as const;

export type UnreportedReason = (typeof unreportedReasons)[number];
export type StopReason = (typeof stopReasons)[number];
export type SkipReason = (typeof skipReasons)[number];

export type RetirementReason = (typeof retirementReasons)[number] | EndReason;

/** The reason of a run, a plan or a retirement that is over. */
export type EndReason = RunReason | UnreportedReason | StopReason;

export function isEndReason(text: string): text is EndReason {
  return isRunReason(text) || isIn(unreportedReasons, text) || isIn(stopReasons, text);
}
