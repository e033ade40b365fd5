import type { RunSummary, SegmentStatus } from '../../api/generated/criteosegmentexport.ts';
import { isRunReason, runReasons } from '../../api/reasons.ts';
import { noCounts, type Report, type SegmentReport, sumCounts } from '../../api/report.ts';
import type { ExportRun } from '../../api/rundocument.ts';
import { formatTime } from '../../api/time.ts';
import { type MessageContext, messageFor } from './messages.ts';
import { type Outcome, unknownMessages } from './outcome.ts';
import { cut } from './text.ts';

/** The run that has ended, as status.activeRun knew it. */
export type EndedRun = Pick<
  RunSummary,
  'jobName' | 'trigger' | 'requestedAt' | 'scheduledFor' | 'generation' | 'startedAt'
>;

/** As long as status keeps it. */
const maxMessageLength = 1024;

export interface RunResult {
  summary: RunSummary;
  segments: SegmentStatus[];
}

/**
 * What the owner of an export sees of a run.
 * @param run the document that the Job itself carries: the definition may have changed since.
 */
export function runResult(
  ended: EndedRun,
  outcome: Outcome,
  run: ExportRun | undefined,
  context: MessageContext,
  now: number,
): RunResult {
  const finishedAt = outcome.finishedAt ?? formatTime(now);
  if (outcome.kind === 'Unknown') {
    return {
      summary: {
        ...ended,
        finishedAt,
        outcome: 'Unknown',
        reason: outcome.reason,
        message: unknownMessages[outcome.reason],
      },
      segments: [],
    };
  }
  const { report } = outcome;
  const segments = segmentStatuses(report, run, context);
  return {
    summary: {
      ...ended,
      finishedAt,
      outcome: outcomeWord(report),
      reason: report.reason,
      message: cut(summaryMessage(report, segments, context), maxMessageLength),
      profiles: sumCounts(report.segments ?? []),
    },
    segments,
  };
}

function outcomeWord(report: Report): RunSummary['outcome'] {
  if (report.reason === 'Succeeded') return 'Succeeded';
  const some = report.segments?.some((segment) => segment.reason === 'Succeeded') ?? false;
  return report.reason === 'SegmentsFailed' && some ? 'PartiallySucceeded' : 'Failed';
}

function summaryMessage(report: Report, segments: readonly SegmentStatus[], context: MessageContext): string {
  const total = sumCounts(report.segments ?? []);
  if (report.reason === 'Succeeded') {
    const refused = total.refused > 0 ? ` It called ${total.refused} more invalid.` : '';
    return `Criteo acknowledged ${total.uploaded} profiles in ${segments.length} ${segments.length === 1 ? 'segment' : 'segments'}.${refused}`;
  }
  if (report.reason !== 'SegmentsFailed') {
    const again = runReasons[report.reason] === 'passing' ? ' The next run sends everything again.' : '';
    return `${messageFor(report.reason, report.details, context)}${again}`;
  }
  const failed = segments.filter((segment) => segment.outcome === 'Failed');
  const [first] = failed;
  const more = failed.length > 1 ? ` (and ${failed.length - 1} more in status.segments)` : '';
  return `${failed.length} of ${segments.length} segments failed: ${first?.message ?? ''}${more}`;
}

function segmentStatuses(
  report: Report,
  run: ExportRun | undefined,
  context: MessageContext,
): SegmentStatus[] {
  // Without the document there is no telling which line is which segment's.
  if (run?.segments.length !== report.segments?.length) return [];
  return (run?.segments ?? []).map((segment, index) => {
    const line: SegmentReport = report.segments?.[index] ?? { ...noCounts, reason: 'NotRun' };
    const { reason, details, criteoSegmentId, ...counts } = line;
    return {
      name: segment.name,
      criteoName: segment.criteoName,
      ...(criteoSegmentId === undefined ? {} : { criteoSegmentId }),
      outcome: reason === 'Succeeded' ? 'Succeeded' : reason === 'NotRun' ? 'NotRun' : 'Failed',
      reason,
      message: cut(
        reason === 'NotRun'
          ? 'The run ended before this segment was sent.'
          : messageFor(reason, details, { ...context, segment }),
        maxMessageLength,
      ),
      ...counts,
    };
  });
}

/**
 * Whether only a person can mend what ended the run.
 * @param segments what became of the run's segments.
 */
export function isUsersFault(summary: RunSummary, segments: readonly SegmentStatus[]): boolean {
  // Segments that all failed by passing faults are no reason to call a person.
  if (summary.reason === 'SegmentsFailed') return segments.some(({ reason }) => needsPerson(reason));
  return needsPerson(summary.reason);
}

function needsPerson(reason: string): boolean {
  return isRunReason(reason) && ['user', 'internal'].includes(runReasons[reason]);
}

/** Faults that the connection's check would find too, and whose mending it sees. */
export function isCredentialsFault(reason: string): boolean {
  return [
    'SecretNotFound',
    'SecretKeyMissing',
    'CredentialsRefused',
    'ApiVersionGone',
    'TlsNotTrusted',
  ].includes(reason);
}
