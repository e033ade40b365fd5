import type { RunReason } from '../../../api/reasons.ts';
import type { ReportDetails } from '../../../api/report.ts';
import type { Consent } from '../../../api/rundocument.ts';
import { Fault } from '../../fault.ts';

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

/** What is said of a wanted column that is not as it should be. */
export interface ColumnFaults {
  missing: RunReason;
  /** Which column it is. */
  details?: ReportDetails;
}

/** Each wanted column with its faults: the fields first, then the segment's and the consent's. */
export function wantedColumns({ fields, segmentField, consent }: Wanted): [string, ColumnFaults][] {
  const all = fields.map((name, fieldIndex): [string, ColumnFaults] => [
    name,
    { missing: 'FieldNotFound', details: { fieldIndex } },
  ]);
  if (segmentField !== undefined) {
    all.push([segmentField, { missing: 'SegmentFieldNotFound', details: { column: 'Segment' } }]);
  }
  if (consent) all.push([consent.field, { missing: 'ConsentFieldNotFound', details: { column: 'Consent' } }]);
  return all;
}

/** The fault of a column that is not there. The reason itself tells the segment's and the consent's. */
export function missingColumn({ missing, details }: ColumnFaults): Fault {
  return new Fault(missing, missing === 'FieldNotFound' ? details : undefined);
}

/**
 * Finds the columns in a header. Names are compared without the spaces around
 * them, and with their case.
 * @param line of the file on which the header stands, where it does.
 * @throws Fault FieldNotFound, SegmentFieldNotFound, ConsentFieldNotFound; FieldAmbiguous where a
 * name that is needed stands there twice, because a guess could take the wrong person's address.
 */
export function findColumns(header: readonly string[], wanted: Wanted, line?: number): Columns {
  const names = header.map((name) => name.trim());
  const found = wantedColumns(wanted).map(([name, faults]) => {
    const index = names.indexOf(name.trim());
    if (index === -1) throw missingColumn(faults);
    if (names.includes(name.trim(), index + 1)) {
      throw new Fault('FieldAmbiguous', { ...faults.details, ...(line === undefined ? {} : { line }) });
    }
    return index;
  });
  return arrange(found, wanted, names.length);
}

/** Columns by the indexes of all that are wanted, in the order of `wantedColumns`. */
export function arrange(indexes: readonly number[], wanted: Wanted, width: number): Columns {
  const count = wanted.fields.length;
  const hasSegment = wanted.segmentField !== undefined;
  return {
    fields: indexes.slice(0, count),
    segmentField: hasSegment ? indexes[count] : undefined,
    consentField: wanted.consent ? indexes[count + (hasSegment ? 1 : 0)] : undefined,
    width,
  };
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
