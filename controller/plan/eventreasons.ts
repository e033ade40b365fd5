import {
  type ConnectionReason,
  type ExportReason,
  isConnectionReason,
  isExportReason,
} from './conditionreasons.ts';
import { isIn } from './isin.ts';

/**
 * The closed list of the reasons of events, beside those of conditions: an event
 * tells of a change of a condition, and of a run's end, by the same word.
 * docs/runbook.md has an entry for each.
 */
export const eventReasons = [
  'RunStarted',
  'PlanStarted',
  'PlanFinished',
  'RunSkipped',
  'RunCancelled',
  'RequestIgnored',
  'CancelIgnored',
  'ApprovalRefused',
  'SegmentsRetired',
  'SegmentsRetained',
  'LeftAtCriteo',
  'Recovered',
] as const;

export type EventReason = (typeof eventReasons)[number] | ExportReason | ConnectionReason;

/** Of what a status tells, which is read back from the API and typed as any text. */
export function isEventReason(text: string): text is EventReason {
  return isIn(eventReasons, text) || isExportReason(text) || isConnectionReason(text);
}
