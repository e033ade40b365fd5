import { isRunReason, type RunReason } from '../../api/reasons.ts';
import { type EndReason, isEndReason } from './endreasons.ts';
import { isIn } from './isin.ts';

/**
 * The closed lists of the reasons of conditions: alerts and pipelines go by them.
 * docs/runbook.md has an entry for each.
 */

/** Of Ready, Reconciling and Stalled of a CriteoSegmentExport, beside those of the last run's report. */
export const exportReadyReasons = [
  'AwaitingRun',
  'RunSucceeded',
  'LastRunFailed',
  'Suspended',
  'ConnectionSuspended',
  'ConsentWithdrawn',

  'AwaitingConnection',
  'ConnectionNotFound',
  'ClaimNotFound',
  'ServiceAccountNotFound',
  'RunAfterNotFound',
  'PodNotStarted',
  'PodNotEnded',
  'Deleting',

  'ConnectionNotReady',
  'ConsentRequired',
  'AdvertiserMissing',
  'LedgerRequired',
  'ClaimIsLedger',
  'SourceEndpointNotAllowed',
  'AuthorityHostNotAllowed',
  'JobFieldNotAllowed',
  'ScheduleNeverFires',
  'RunAfterItself',
  'ChildRefused',
  'RunsFailing',
  'DefinitionUnreadable',
] as const;

/** The reason of LastRunSucceeded where some segments failed, beside those of a run's end. */
export const partiallySucceeded = 'PartiallySucceeded';

/** Of Ready, Reconciling and Stalled of a CriteoConnection, beside those of the last check's report. */
export const connectionReadyReasons = [
  'CredentialsAccepted',
  'Suspended',
  'ConsentWithdrawn',

  'Checking',
  'CheckFailed',
  'PodNotStarted',

  'BaseUrlNotAllowed',
  'LedgerClaimNotOurs',
  'ChildRefused',
  'DefinitionUnreadable',
] as const;

/** The reason of a connection's ApiVersionDeprecated. */
export const deprecatedByCriteo = 'DeprecatedByCriteo';

export type ExportReadyReason = (typeof exportReadyReasons)[number] | RunReason;
export type LastRunReason = EndReason | typeof partiallySucceeded;
export type ConnectionReadyReason = (typeof connectionReadyReasons)[number] | RunReason;

/** Of any condition of a CriteoSegmentExport. */
export type ExportReason = ExportReadyReason | LastRunReason;
/** Of any condition of a CriteoConnection. */
export type ConnectionReason = ConnectionReadyReason | typeof deprecatedByCriteo;

export function isExportReason(text: string): text is ExportReason {
  return isIn(exportReadyReasons, text) || text === partiallySucceeded || isEndReason(text);
}

export function isConnectionReason(text: string): text is ConnectionReason {
  return isConnectionReadyReason(text) || text === deprecatedByCriteo;
}

export function isConnectionReadyReason(text: string): text is ConnectionReadyReason {
  return isIn(connectionReadyReasons, text) || isRunReason(text);
}
