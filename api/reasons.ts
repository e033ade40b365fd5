/**
 * The closed lists of words that leave a run: condition types, and the codes
 * that the exporter reports. Codes, never texts of others: errors of databases
 * and APIs contain rows.
 */

export const conditionTypes = {
  ready: 'Ready',
  reconciling: 'Reconciling',
  stalled: 'Stalled',
  lastRunSucceeded: 'LastRunSucceeded',
  apiVersionDeprecated: 'ApiVersionDeprecated',
} as const;

/**
 * What became of a run or of one segment, as the exporter tells it. Each has a
 * message in controller/plan/messages/, an entry in docs/runbook.md and an exit code in `exitCodeOf`.
 */
export const runReasons = {
  Succeeded: 'success',

  // The user mends these; the Job is not retried.
  SecretNotFound: 'user',
  SecretKeyMissing: 'user',
  CredentialsRefused: 'user',
  PermissionMissing: 'user',
  AdvertiserNotAllowed: 'user',
  ApiVersionGone: 'user',
  TlsNotTrusted: 'user',
  SourceNotFound: 'user',
  SourceUnreadable: 'user',
  SourceSecretMissing: 'user',
  SourceCredentialsRefused: 'user',
  SourceForbidden: 'user',
  SourceTlsNotTrusted: 'user',
  /** The database refused the statement; `code` is its SQLSTATE. */
  SourceQueryRefused: 'user',
  SourceTimedOut: 'user',
  SourceEmpty: 'user',
  /** Of what other tools write again and again, nothing is complete. */
  SourceIncomplete: 'user',
  /** The segment's data was written longer ago than maxSourceAgeSeconds. */
  SourceStale: 'user',
  /** When the data was written is not known, and maxSourceAgeSeconds asks for it. */
  SourceAgeUnknown: 'user',
  SourceNotCsv: 'user',
  SourceNotNdjson: 'user',
  SourceNotParquet: 'user',
  /** Compressed data that is cut off or damaged. */
  SourceDamaged: 'user',
  TooManyRowFaults: 'user',
  FieldNotFound: 'user',
  /** Two columns have the name. */
  FieldAmbiguous: 'user',
  /** A column that holds no text, and nothing that could be written as such. */
  FieldNotText: 'user',
  SegmentFieldNotFound: 'user',
  SegmentFieldMissing: 'user',
  ConsentFieldNotFound: 'user',
  SegmentNotFound: 'user',
  SegmentEmpty: 'user',
  TooManyProfiles: 'user',
  TooManyWithoutConsent: 'user',
  SegmentNotOurs: 'user',
  SegmentOwnedByAnother: 'user',
  SegmentReadOnly: 'user',
  SegmentNameRefused: 'user',
  /** Criteo has a segment that this export filled, and the ledger does not know it. */
  SegmentNotInLedger: 'user',
  CriteoRefused: 'user',
  SegmentsFailed: 'user',

  LedgerSecretMissing: 'user',
  LedgerForbidden: 'user',
  LedgerReadOnly: 'user',
  LedgerFull: 'user',
  /** The store has no conditional writes, or the volume no hard links. */
  LedgerNotUsable: 'user',
  LedgerDamaged: 'user',
  LedgerTooNew: 'user',
  LedgerOfAnother: 'user',

  // A person decides by approving the run, or by changing the source or the definition.
  RemovalGuard: 'guard',

  // These pass by themselves; the Job is retried.
  CriteoUnavailable: 'passing',
  CriteoThrottled: 'passing',
  CriteoReplyInvalid: 'passing',
  SourceUnavailable: 'passing',
  SourceThrottled: 'passing',
  SourceReplyInvalid: 'passing',
  /** It was written to while it was read. */
  SourceChanged: 'passing',
  LedgerUnavailable: 'passing',
  /** Another run holds the ledger's lease. */
  LedgerBusy: 'passing',
  /** The lease ran out, or the ledger was changed by another: nothing more was sent. */
  LedgerLeaseLost: 'passing',
  Interrupted: 'passing',

  // Faults of our own.
  RunDocumentInvalid: 'internal',
  InternalError: 'internal',
} as const satisfies Record<string, 'success' | 'user' | 'passing' | 'guard' | 'internal'>;

export type RunReason = keyof typeof runReasons;
export type FaultKind = (typeof runReasons)[RunReason];

export function isRunReason(text: string): text is RunReason {
  return Object.hasOwn(runReasons, text);
}

/**
 * Exit codes of the exporter. The Job's podFailurePolicy fails the Job at once
 * on `notRetried`; every other non-zero code is retried up to backoffLimit.
 */
export const exitCodes = {
  success: 0,
  partial: 10,
  user: 20,
  passing: 30,
  guard: 40,
  internal: 50,
} as const;

export const notRetried: readonly number[] = [
  exitCodes.partial,
  exitCodes.user,
  exitCodes.guard,
  exitCodes.internal,
];
