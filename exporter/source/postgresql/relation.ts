import type { PostgresqlSource } from '../../../api/rundocument.ts';
import type { Column, Needed } from './columns.ts';

/** What stands behind FROM, under the name `source`. */
export function relationOf({ query, table = '' }: Pick<PostgresqlSource, 'query' | 'table'>): string {
  if (query === undefined) return `${table.split('.').map(quoted).join('.')} AS source`;
  // People end a statement with a semicolon. On lines of its own, because a comment reaches to the end of its line.
  return `(\n${query.replace(/[\s;]+$/, '')}\n) AS source`;
}

/** The statement whose columns are those of the relation. It is never run. */
export function describing(relation: string): string {
  return `SELECT source.* FROM ${relation}`;
}

/**
 * Characters of a value that are read. An address or a segment's name that is longer is none, and a table may
 * hold whole documents where an address is looked for.
 */
const maxCharacters = 10_000;

/**
 * The statement that sends the columns as CSV, without a header: the segment cell, consent where it is needed,
 * then the fields; all as text, empty where they are NULL.
 *
 * What the server has parsed as one statement in `describing` is no more than one here: it stands between the
 * same parentheses.
 */
export function copying(relation: string, needed: Needed<Column>): string {
  const others = [...(needed.consent === undefined ? [] : [needed.consent]), ...needed.fields];
  const cells = [segmentCell(needed), ...others.map(textOf)];
  return `COPY (SELECT ${cells.join(', ')} FROM ${relation}) TO STDOUT (FORMAT csv)`;
}

/** The same columns' names, for whoever reads what `copying` sends. */
export const copied = {
  segment: 'segment',
  consent: 'consent',
  field: (index: number): string => `field${index}`,
  all: ({ consent, fields }: Needed<Column>): string[] => [
    copied.segment,
    ...(consent === undefined ? [] : [copied.consent]),
    ...fields.map((_, index) => copied.field(index)),
  ],
} as const;

/**
 * When the row was written, in milliseconds since the epoch, a colon, and the segment's name; either may be
 * empty. To ask for the times by a statement of its own would have the query run twice.
 */
function segmentCell({ segment, modified }: Needed<Column>): string {
  const name = segment === undefined ? '' : ` || coalesce(${textOf(segment)}, '')`;
  if (modified === undefined) return `':'${name}`;
  const column = `source.${quoted(modified.name)}`;
  // 'infinity' is a time without a number.
  const time = `CASE WHEN isfinite(${column}) THEN (extract(epoch FROM ${column}) * 1000)::bigint::text END`;
  return `coalesce(${time}, '') || ':'${name}`;
}

export interface SegmentCell {
  /** When the row was written; milliseconds since the epoch. */
  writtenAt: number | undefined;
  segment: string;
}

export function readSegmentCell(text: string): SegmentCell {
  const colon = text.indexOf(':');
  const writtenAt = colon > 0 ? Number(text.slice(0, colon)) : undefined;
  return { writtenAt, segment: text.slice(colon + 1).trim() };
}

function textOf({ name }: Column): string {
  return `left(source.${quoted(name)}::text, ${maxCharacters})`;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
