import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type {
  CriteoSegmentExportStatus,
  FilledSegment,
  PendingApproval,
  RetiredSegment,
  RunSummary,
  SegmentStatus,
} from '../../api/generated/criteosegmentexport.ts';
import { isRunReason, runReasons } from '../../api/reasons.ts';
import {
  noCounts,
  type Report,
  type SegmentCounts,
  type SegmentReport,
  sumCounts,
} from '../../api/report.ts';
import { formatTime } from '../../api/time.ts';
import { sameApproval } from './approval.ts';
import type { EndedRun } from './endedrun.ts';
import type { EndReason } from './endreasons.ts';
import { defined } from './fields.ts';
import { stoppedSince } from './guardstop.ts';
import { heldBy } from './held.ts';
import { type MessageContext, messageFor } from './messages/index.ts';
import { timeText } from './messages/words.ts';
import { unknownMessages } from './outcome.ts';
import {
  countsOfRun,
  failedLines,
  guardMessage,
  lineMessage,
  lineOutcome,
  maxMessageLength,
  outcomeWord,
  retiredSegments,
} from './reportlines.ts';
import { approveCommand } from './runcontext.ts';
import { cut } from './text.ts';

type EndedSummary = RunSummary & { reason: EndReason };

export interface RunResult {
  summary: EndedSummary;
  segments: SegmentStatus[];
  retired: RetiredSegment[];
  /** The guard stopped something: what a person may approve. */
  approval?: PendingApproval;
}

/**
 * What the owner of an export sees of a run.
 * @param before what status told until now: the counts of segments that the run did not come to still hold.
 */
export function runResult(
  ended: EndedRun,
  before: Partial<CriteoSegmentExportStatus>,
  now: number,
): RunResult {
  const { active, outcome } = ended;
  const base = { ...active, finishedAt: formatTime(now) };
  if (outcome.kind === 'Stopped') {
    return unreported({ ...base, outcome: 'Cancelled', reason: outcome.reason, message: outcome.message });
  }
  base.finishedAt = outcome.finishedAt ?? base.finishedAt;
  if (outcome.kind === 'Unknown') {
    const message = unknownMessages[outcome.reason];
    return unreported({ ...base, outcome: 'Unknown', reason: outcome.reason, message });
  }
  const { report } = outcome;
  const pending = sameApproval(before, report.approval, active.generation);
  const context = approvedBy(ended, pending);
  const segments = segmentStatuses(report, { ...ended, context }, before.segments ?? []);
  const retired = retiredSegments(report, knownSegments(before), context);
  const profiles = profilesOf(report, segments);
  return {
    summary: {
      ...base,
      outcome: outcomeWord(report),
      reason: report.reason,
      message: cut(summaryMessage(report, segments, retired, context), maxMessageLength),
      ...(report.unsettled ? { unsettled: report.unsettled } : {}),
      criteoCalls: report.calls,
      throttledSeconds: Math.round(report.throttledMs / 1000),
      profiles,
    },
    segments,
    retired,
    ...(report.approval === undefined
      ? {}
      : {
          approval: {
            runName: active.jobName,
            token: report.approval,
            ...pending,
            since: stoppedSince(pending, before, base.finishedAt),
            message: guardMessage(segments, retired),
            ...(active.generation === undefined ? {} : { generation: active.generation }),
          },
        }),
  };
}

/** The messages name the run that a person is to approve. */
export function approvedBy(
  { context, document }: Pick<EndedRun, 'context' | 'document'>,
  pending: PendingApproval | undefined,
): MessageContext {
  if (!pending || !document) return context;
  return { ...context, approve: approveCommand(document.export, pending.runName) };
}

function unreported(summary: EndedSummary): RunResult {
  return { summary, segments: [], retired: [] };
}

/** Segments at Criteo that status can name. */
export function knownSegments({ segments, ledgers }: Partial<CriteoSegmentExportStatus>): FilledSegment[] {
  const remembered = (ledgers ?? []).flatMap((ledger) => ledger.segments ?? []);
  const last = (segments ?? []).flatMap(({ criteoSegmentId, criteoName }) =>
    criteoSegmentId === undefined || criteoName === undefined ? [] : [{ criteoSegmentId, criteoName }],
  );
  return [...last, ...remembered];
}

function summaryMessage(
  report: Report,
  segments: readonly SegmentStatus[],
  retired: readonly RetiredSegment[],
  context: MessageContext,
): string {
  if (report.reason === 'Succeeded') return successMessage(report, segments.length, context);
  if (report.reason !== 'SegmentsFailed') {
    const again = runReasons[report.reason] === 'passing' ? ' The next run puts it right.' : '';
    return `${messageFor(report.reason, report.details, context)}${again}`;
  }
  return (
    failedLines(segments, 'segments') ??
    failedLines(retired, 'segments that left the export') ??
    messageFor('SegmentsFailed', undefined, context)
  );
}

function successMessage(report: Report, segmentCount: number, { hasLedger }: MessageContext): string {
  const total = sumCounts(report.segments ?? []);
  const where = segmentCount === 1 ? '1 segment' : `${segmentCount} segments`;
  const changed = total.uploaded + total.removed > 0;
  const left = report.retired?.total ?? 0;
  return [
    hasLedger
      ? `Criteo holds ${total.held} profiles in ${where}; ${changed ? `${total.uploaded} were added and ${total.removed} removed` : 'nothing had changed'}.`
      : `Criteo acknowledged ${total.uploaded} profiles in ${where}.`,
    total.refused > 0 ? `It called ${total.refused} more invalid.` : '',
    left > 0
      ? `What left the export (${left === 1 ? '1 segment' : `${left} segments`}) is in status.retired.`
      : '',
    report.unsettled ? `${report.unsettled} identifiers are sent again by a later run.` : '',
  ]
    .filter((sentence) => sentence !== '')
    .join(' ');
}

function segmentStatuses(
  report: Report,
  { document, context }: EndedRun,
  before: readonly SegmentStatus[],
): SegmentStatus[] {
  // Without the document there is no telling which line is which segment's.
  if (document?.kind !== 'Export' || document.segments.length !== report.segments?.length) return [];
  return document.segments.map((segment, index) => {
    const line: SegmentReport = report.segments?.[index] ?? { ...noCounts, reason: 'NotRun', action: 'None' };
    const { reason, details, criteoSegmentId, action, origin, held, sourceWrittenAt, ...counts } = line;
    const known = before.find(
      ({ name, criteoName }) => name === segment.name && criteoName === segment.criteoName,
    );
    const id = criteoSegmentId ?? (reason === 'NotRun' ? known?.criteoSegmentId : undefined);
    const heldNow = reason === 'NotRun' ? known?.held : held;
    return {
      name: segment.name,
      criteoName: segment.criteoName,
      ...(id === undefined ? {} : { criteoSegmentId: id }),
      outcome: lineOutcome(reason),
      reason,
      message: lineMessage(reason, details, { ...context, segment }),
      ...defined({ sourceWrittenAt: timeText(sourceWrittenAt) }),
      ...counts,
      ...(heldNow === undefined ? {} : { held: heldNow }),
      action,
      ...(origin === undefined ? {} : { origin }),
    };
  });
}

function profilesOf(report: Report, segments: readonly SegmentStatus[]): NonNullable<RunSummary['profiles']> {
  const { held: _, ...counts }: SegmentCounts = countsOfRun(report);
  return { ...counts, ...defined({ held: heldBy(segments) }) };
}

/**
 * Whether only a person can mend what ended the run.
 * @param lines what became of the run's segments, and of those that left the export.
 */
export function isUsersFault(summary: RunSummary, lines: readonly { reason: string }[]): boolean {
  // Segments that all failed by passing faults are no reason to call a person.
  return faultKinds(summary, lines).some((kind) => kind === 'user' || kind === 'internal');
}

/** Whether the guard stopped something of the run, and nothing else needs a person. */
export function isGuardStop(summary: RunSummary, lines: readonly { reason: string }[]): boolean {
  return faultKinds(summary, lines).includes('guard') && !isUsersFault(summary, lines);
}

function faultKinds(summary: RunSummary, lines: readonly { reason: string }[]): string[] {
  const reasons = summary.reason === 'SegmentsFailed' ? lines.map(({ reason }) => reason) : [summary.reason];
  return reasons.flatMap((reason) => (isRunReason(reason) ? [runReasons[reason]] : []));
}

const credentialsFaults = [
  'SecretNotFound',
  'SecretKeyMissing',
  'CredentialsRefused',
  'ApiVersionGone',
  'TlsNotTrusted',
];
const storeFaults = ['LedgerSecretMissing', 'LedgerForbidden', 'LedgerNotUsable'];

/** Faults that the connection's check would find too, and whose mending it sees. It mounts no volume. */
export function isSeenByCheck(reason: string, connection: CriteoConnection | undefined): boolean {
  if (credentialsFaults.includes(reason)) return true;
  return storeFaults.includes(reason) && connection?.spec.ledger?.s3 !== undefined;
}
