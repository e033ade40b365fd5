import type { Message, MessageContext } from './context.ts';
import { segmentField } from './sourcefields.ts';
import { sourceWords } from './sourcewords.ts';

/** About segments that the source does not have, or that are empty there. */
export const segmentMessages = {
  SegmentNotFound: (_, c) =>
    `spec.segments: ${missingSegment(c)}; spell the segment as the source does, or take it out. Nothing was sent for it.`,
  SegmentEmpty: (_, c) =>
    `spec.segments: ${segmentOf(c)} has no row with a valid e-mail address; fill it, check spec.match.email, or take it out. Nothing was sent for it.`,
} satisfies Record<string, Message>;

const extensions = { CSV: '.csv', NDJSON: '.ndjson', Parquet: '.parquet' };

function missingSegment(context: MessageContext): string {
  const { whole, server, tables, kind, fileWord } = sourceWords(context);
  const name = context.segment?.name ?? '';
  const column = segmentField(context);
  if (column !== undefined) return `no row has "${name}" in the column "${column}"`;
  if (tables && 'layout' in tables && tables.layout === 'CustomerInsights') {
    return `${whole} has no table "${name}", by which a segment's output table is named`;
  }
  if (tables) return `${whole} has no ${fileWord} "${name}${extensions[tables.format]}"`;
  return kind === 'customerInsights'
    ? `${server} has nobody in a segment with the output table name "${name}"`
    : `${whole} has nothing for the segment "${name}"`;
}

function segmentOf({ segment }: MessageContext): string {
  return segment ? `the segment "${segment.name}"` : 'the segment';
}
