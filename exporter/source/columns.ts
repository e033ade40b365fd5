import type { RunReason } from '../../api/reasons.ts';
import type { ReportDetails } from '../../api/report.ts';
import type { Consent } from '../../api/rundocument.ts';
import { Fault } from '../fault.ts';

/** The columns that an export needs, by name. */
export interface Wanted {
  /** match.email: the field and its fallbacks. */
  fields: readonly string[];
  segmentField?: string | undefined;
  consent?: Consent | undefined;
}

/** The same, by index. */
export interface Columns {
  fields: readonly number[];
  segmentField: number | undefined;
  consentField: number | undefined;
  /** How many the header has. */
  width: number;
}

/**
 * Finds the columns in a header. Names are compared without the spaces around
 * them, and with their case.
 * @throws Fault FieldNotFound, SegmentFieldNotFound, ConsentFieldNotFound; SourceNotCsv where a
 * name that is needed stands there twice, because a guess could take the wrong person's address.
 */
export function findColumns(header: readonly string[], wanted: Wanted): Columns {
  const names = header.map((name) => name.trim());
  const { fields, segmentField, consent } = wanted;
  return {
    fields: fields.map((field, fieldIndex) => indexOf(names, field, 'FieldNotFound', { fieldIndex })),
    segmentField:
      segmentField === undefined ? undefined : indexOf(names, segmentField, 'SegmentFieldNotFound'),
    consentField: consent === undefined ? undefined : indexOf(names, consent.field, 'ConsentFieldNotFound'),
    width: names.length,
  };
}

function indexOf(
  names: readonly string[],
  name: string,
  missing: RunReason,
  details?: ReportDetails,
): number {
  const index = names.indexOf(name.trim());
  if (index === -1) throw new Fault(missing, details);
  if (names.includes(name.trim(), index + 1)) throw new Fault('SourceNotCsv', { line: 1 });
  return index;
}

/** Whether the header has all that is wanted. */
export function hasColumns(header: readonly string[], wanted: Wanted): boolean {
  try {
    findColumns(header, wanted);
    return true;
  } catch {
    return false;
  }
}

/** The fault of a missing column, with the delimiter under which it would be found. */
export function withDelimiter(fault: Fault, delimiter: ReportDetails['delimiter']): Fault {
  if (delimiter === undefined) return fault;
  if (fault.reason === 'SourceNotCsv') return new Fault('FieldNotFound', { fieldIndex: 0, delimiter });
  return new Fault(fault.reason, { ...fault.details, delimiter });
}

/** A record, of whose cells text is made as they are asked for; an absent one is empty. */
export interface Cells {
  cellCount: number;
  cell(index: number): string;
}

/**
 * The cells of a record that may hold the address. `misshapen`
 * where the record is longer than the header by cells with content: a delimiter
 * without quotes has shifted its columns, so another column's address could stand
 * in place of the right one. Empty cells at the end are only trailing delimiters.
 */
export function pick(record: Cells, columns: Columns): readonly string[] | 'misshapen' {
  for (let index = columns.width; index < record.cellCount; index++) {
    if (record.cell(index).trim() !== '') return 'misshapen';
  }
  return columns.fields.map((index) => record.cell(index));
}
