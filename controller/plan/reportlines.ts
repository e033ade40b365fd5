import type { FilledSegment, RetiredSegment, RunSummary } from '../../api/generated/criteosegmentexport.ts';
import type { RunReason } from '../../api/reasons.ts';
import {
  noCounts,
  type Report,
  type ReportDetails,
  type RetiredReport,
  type SegmentCounts,
  sumCounts,
} from '../../api/report.ts';
import { type MessageContext, messageFor } from './messages/index.ts';
import { cut } from './text.ts';

/** As long as status keeps a message. */
export const maxMessageLength = 1024;

/** What the lines of a report become in status, for runs, plans and retirements alike. */
export type LineOutcome = RetiredSegment['outcome'];

export function lineOutcome(reason: RunReason | 'NotRun'): LineOutcome {
  return reason === 'Succeeded' || reason === 'NotRun' ? reason : 'Failed';
}

export function lineMessage(
  reason: RunReason | 'NotRun',
  details: ReportDetails | undefined,
  context: MessageContext,
): string {
  const text =
    reason === 'NotRun'
      ? 'The run ended before it came to this segment.'
      : messageFor(reason, details, context);
  return cut(text, maxMessageLength);
}

export function outcomeWord(report: Report): RunSummary['outcome'] {
  if (report.reason === 'Succeeded') return 'Succeeded';
  const some = report.segments?.some((segment) => segment.reason === 'Succeeded') ?? false;
  return report.reason === 'SegmentsFailed' && some ? 'PartiallySucceeded' : 'Failed';
}

/** Over all segments, with the rows of which not even the segment is known. */
export function countsOfRun({ segments = [], malformed = 0 }: Report): SegmentCounts {
  return sumCounts([...segments, { ...noCounts, read: malformed, malformed }]);
}

/** A line as far as the messages about several of them read it. */
interface Line {
  outcome: LineOutcome;
  reason: string;
  message?: string;
}

/** Of the lines that failed: how many, and the first one's message. */
export function failedLines(lines: readonly Line[], what: string): string | undefined {
  const failed = lines.filter(({ outcome }) => outcome === 'Failed');
  if (failed.length === 0) return undefined;
  const more = failed.length > 1 ? ' See status for the others.' : '';
  return `${failed.length} of ${lines.length} ${what} failed: ${failed[0]?.message ?? ''}${more}`;
}

/** What a person reads before approving: how many would go from where, and the command. */
export function guardMessage(...groups: (readonly Line[])[]): string {
  const stopped = groups.flat().filter(({ reason }) => reason === 'RemovalGuard');
  const more = stopped.length > 1 ? ` The approval holds for ${stopped.length - 1} more, see status.` : '';
  return cut(`${stopped[0]?.message ?? ''}${more}`, maxMessageLength);
}

/** As many as status lists. */
const maxRetired = 10;

/** @param known what status knows of segments, so that they can be named. */
export function retiredSegments(
  report: Report,
  known: readonly FilledSegment[],
  context: MessageContext,
): RetiredSegment[] {
  return (report.retired?.list ?? []).slice(0, maxRetired).map((line) => {
    const { reason, criteoSegmentId, advertiserId, policy } = line;
    const criteoName = known.find((segment) => segment.criteoSegmentId === criteoSegmentId)?.criteoName;
    const name = criteoName ?? (criteoSegmentId === undefined ? 'without an id' : `id ${criteoSegmentId}`);
    const told = reason === 'Succeeded' || reason === 'RemovalGuard';
    return {
      ...(criteoSegmentId === undefined ? {} : { criteoSegmentId }),
      ...(criteoName === undefined ? {} : { criteoName }),
      advertiserId,
      deletionPolicy: policy,
      outcome: lineOutcome(reason),
      reason,
      message:
        reason === 'Succeeded'
          ? doneMessage(line, report.plan === true)
          : lineMessage(reason, guardDetails(line), { ...context, segment: { name, criteoName: name } }),
      // What was not found out is not none.
      ...(told ? { removed: line.removed, held: line.held } : {}),
    };
  });
}

/** Of a segment that left the export everyone of ours goes. */
function guardDetails({ reason, removed, held }: RetiredReport): ReportDetails | undefined {
  if (reason !== 'RemovalGuard') return undefined;
  const count = Math.max(removed, held);
  return { count, total: count };
}

function doneMessage({ policy, removed, held }: RetiredReport, isPlan: boolean): string {
  if (policy === 'Retain')
    return `It left the export and stays as it is; it holds ${held} identifiers of it.`;
  const would = isPlan ? 'would be' : 'was';
  return policy === 'Delete'
    ? `It left the export and ${would} deleted at Criteo, or emptied where this export did not make it (${removed} identifiers).`
    : `It left the export and ${would} emptied: ${removed} identifiers ${isPlan ? 'would be' : 'were'} removed.`;
}
