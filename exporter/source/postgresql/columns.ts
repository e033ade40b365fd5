import type { ReportDetails } from '../../../api/report.ts';
import { codeOf } from '../../criteo/problems.ts';
import { Fault } from '../../fault.ts';

/** The columns that an export needs, by one thing or another. */
export interface Needed<T> {
  /** match.email: the field and its fallbacks. */
  fields: readonly T[];
  consent: T | undefined;
  segment: T | undefined;
  modified: T | undefined;
}

/** A column of a relation, as the server describes it. */
export interface Column {
  name: string;
  /** OID; of a domain, that of the type below it. */
  type: number;
}

/** A row of pg_type. */
export interface ColumnType {
  oid: number;
  typname: string;
  typcategory: string;
}

/**
 * Finds the columns. Names are compared without the spaces around them, and with their case.
 * @throws Fault FieldNotFound, ConsentFieldNotFound, SegmentFieldNotFound; FieldAmbiguous where two have the name.
 */
export function findColumns(columns: readonly Column[], wanted: Needed<string>): Needed<Column> {
  const find = (name: string, details: ReportDetails, missing: Fault): Column => {
    const [first, second] = columns.filter((column) => column.name.trim() === name.trim());
    if (first === undefined) throw missing;
    if (second !== undefined) throw new Fault('FieldAmbiguous', details);
    return first;
  };
  const findIf = (
    name: string | undefined,
    column: 'Consent' | 'Segment' | 'Modified',
    missing: Fault,
  ): Column | undefined => (name === undefined ? undefined : find(name, { column }, missing));
  return {
    fields: wanted.fields.map((name, fieldIndex) =>
      find(name, { fieldIndex }, new Fault('FieldNotFound', { fieldIndex })),
    ),
    consent: findIf(wanted.consent, 'Consent', new Fault('ConsentFieldNotFound')),
    segment: findIf(wanted.segment, 'Segment', new Fault('SegmentFieldNotFound')),
    modified: findIf(wanted.modified, 'Modified', new Fault('FieldNotFound', { column: 'Modified' })),
  };
}

/** Categories of types: strings, enums, and literals whose type nobody said. */
const textual: readonly string[] = ['S', 'E', 'X'];
/** Those whose text is what a person would write: booleans, numbers, dates and times, durations. */
const plain: readonly string[] = [...textual, 'B', 'N', 'D', 'T'];
const uuid = 2950;
/** date, timestamp, timestamptz. */
const times: readonly number[] = [1082, 1114, 1184];
/** Types from here on are made by users, and so are their names. */
const firstOfUsers = 16_384;

/**
 * Refuses a column whose values would be another thing as text than what a person sees in them.
 * @throws Fault FieldNotText, with the name of the type where it is one of PostgreSQL's own.
 */
export function refuseOtherTypes(
  { fields, consent, segment, modified }: Needed<Column>,
  types: readonly ColumnType[],
): void {
  const refuse = (column: Column | undefined, isRight: boolean, details: ReportDetails): void => {
    if (column === undefined || isRight) return;
    const name = types.find(({ oid }) => oid === column.type && oid < firstOfUsers)?.typname;
    const code = codeOf(name);
    throw new Fault('FieldNotText', code === undefined ? details : { ...details, code });
  };
  const isOf = (column: Column | undefined, categories: readonly string[]): boolean =>
    types.some(({ oid, typcategory }) => oid === column?.type && categories.includes(typcategory));
  const isPlain = (column: Column | undefined): boolean => column?.type === uuid || isOf(column, plain);
  for (const [fieldIndex, field] of fields.entries()) refuse(field, isOf(field, textual), { fieldIndex });
  refuse(consent, isPlain(consent), { column: 'Consent' });
  refuse(segment, isPlain(segment), { column: 'Segment' });
  refuse(modified, modified !== undefined && times.includes(modified.type), { column: 'Modified' });
}
