import { consentRule } from '../consent.ts';
import type { Row } from '../source.ts';
import type { Columns, Wanted } from './columns.ts';

/** Rows of larger batches outlive a collection of young garbage; V8 then makes room for more of it, 8 to 100 MB. */
export const maxBatch = 64;

/** The index of a segment by the value of the segment field, empty where there is none; undefined: none of ours. */
export type SegmentOf = (value: string) => number | undefined;

/** A record, of whose cells text is made as they are asked for; an absent one is empty. */
export interface Cells {
  cellCount: number;
  cell(index: number): string;
}

/** Makes a row of the record at which the cells are; undefined where it belongs to no segment. */
export function rowMaker(
  cells: Cells,
  columns: Columns,
  { consent }: Wanted,
  segmentOf: SegmentOf,
): () => Row | undefined {
  const { segmentField, consentField } = columns;
  const gives = consent && consentRule(consent);
  return () => {
    const segment = segmentOf(segmentField === undefined ? '' : cells.cell(segmentField).trim());
    if (segment === undefined) return undefined;
    const candidates = pick(cells, columns);
    // In a row whose cells have shifted, another column's value could pass for consent.
    const isReadable = candidates !== 'misshapen';
    const hasConsent =
      gives === undefined || (isReadable && consentField !== undefined && gives(cells.cell(consentField)));
    return { segment, candidates, hasConsent };
  };
}

/**
 * The cells of a record that may hold the address. `misshapen` where the record is
 * longer than the header by cells with content: a delimiter without quotes has
 * shifted its columns, so another column's address could stand in place of the right
 * one. Empty cells at the end are only trailing delimiters. Also where it ends before
 * any of the cells: a record that was cut off has an address that nobody can tell.
 */
export function pick(record: Cells, columns: Columns): readonly string[] | 'misshapen' {
  const { fields, width } = columns;
  for (let index = width; index < record.cellCount; index++) {
    if (record.cell(index).trim() !== '') return 'misshapen';
  }
  if (!fields.some((index) => index < record.cellCount)) return 'misshapen';
  return fields.map((index) => record.cell(index));
}
