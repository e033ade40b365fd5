import type { ReportDetails } from '../../../api/report.ts';
import type { Message, MessageContext } from './context.ts';
import { type SourceWords, sourceWords } from './sourcewords.ts';
import { named } from './words.ts';

/** About columns that are missing or cannot be used. */
export const fieldMessages = {
  FieldNotFound: (d, c) => {
    const { field, name } = columnOf(d, c);
    return `${field}: ${notNamed(name)}; ${columnNames(sourceWords(c))}.${delimiterHint(d, c)}`;
  },
  SegmentFieldNotFound: (d, c) => {
    const { field, name } = segmentColumn(c);
    return `${field}: ${notNamed(name)}; ${columnNames(sourceWords(c))}.${delimiterHint(d, c)}`;
  },
  ConsentFieldNotFound: (d, c) =>
    `spec.consent.field: ${notNamed(c.consentField)}; ${columnNames(sourceWords(c))}. Nobody was sent.${delimiterHint(d, c)}`,
  FieldAmbiguous: (d, c) => {
    const { field, name } = columnOf(d, c);
    const which = name === undefined ? 'have a name that is needed' : `are named "${name}"`;
    return `${field}: two columns of ${sourceWords(c).place} ${which}; give each a name of its own, so that nobody's address is taken for another's.`;
  },
  FieldNotText: (d, c) => {
    const { field, name } = columnOf(d, c);
    const wanted =
      d.column === 'Modified' ? 'a time; name one of type timestamp or date' : 'text; name one that does';
    const type = d.code === undefined ? '' : `, of the type ${d.code},`;
    return `${field}: ${named('the column', name)}${type} of ${sourceWords(c).place} does not hold what can be read as ${wanted}.`;
  },
  SegmentFieldMissing: (_, c) => {
    const w = sourceWords(c);
    return w.tables
      ? `${w.field}.segmentField: ${w.place} is one ${w.fileWord}, and the export has several segments; name the column whose value is the segment's name, or let path be a directory with one ${w.fileWord} a segment.`
      : `${w.field}: the export has several segments, and nothing tells which row is whose; ${w.kind === 'postgresql' ? `name the column whose value is the segment's name in ${w.field}.segmentField` : 'leave one segment in spec.segments'}.`;
  },
  TooManyWithoutConsent: (d, c) =>
    `spec.consent: more than ${d.count ?? 'a million'} people have no consent by ${named('the column', c.consentField)}, more than a run keeps apart; nothing was sent. Check the operator and its value, or leave such people out of the source.`,
} satisfies Record<string, Message>;

interface Column {
  /** Of the manifest. */
  field: string;
  /** As the manifest writes it. */
  name: string | undefined;
}

function columnOf({ column, fieldIndex }: ReportDetails, context: MessageContext): Column {
  const { postgresql, customerInsights } = context.source?.run ?? {};
  switch (column) {
    case 'Segment':
      return segmentColumn(context);
    case 'Consent':
      return { field: 'spec.consent.field', name: context.consentField };
    case 'Modified':
      return { field: `${sourceWords(context).field}.modifiedField`, name: postgresql?.modifiedField };
    case 'ProfileKey':
      return {
        field: `${sourceWords(context).field}.profileKeyField`,
        name: customerInsights?.profileKeyField,
      };
    default:
      return { field: 'spec.match.email', name: context.emailFields?.[fieldIndex ?? 0] };
  }
}

function segmentColumn(context: MessageContext): Column {
  return { field: `${sourceWords(context).field}.segmentField`, name: segmentField(context) };
}

export function segmentField({ source }: MessageContext): string | undefined {
  const { file, s3, azureBlob, postgresql } = source?.run ?? {};
  return (file ?? s3 ?? azureBlob ?? postgresql)?.segmentField;
}

function notNamed(name: string | undefined): string {
  return name === undefined ? 'a column that is needed is missing' : `no column is named "${name}"`;
}

/** What gives the columns their names. */
function columnNames({ kind, tables, field, fileWord, place }: SourceWords): string {
  if (tables && 'layout' in tables && tables.layout === 'CustomerInsights') {
    return 'the segment must have it among its attributes in Customer Insights, spelled as here';
  }
  if (tables?.format === 'NDJSON') return `the objects of the ${fileWord} must have it, spelled as here`;
  if (tables?.format === 'Parquet') return `the ${fileWord} must have it, spelled as here`;
  if (tables?.csv.columns) return `${field}.csv.columns must have it, spelled as here`;
  if (tables) return `the ${fileWord}'s first line must hold the column names, spelled as here`;
  return kind === 'customerInsights'
    ? `${place} must have it, by its logical name`
    : `${place} must have it, spelled as here`;
}

function delimiterHint({ delimiter }: ReportDetails, context: MessageContext): string {
  const { field, tables } = sourceWords(context);
  return delimiter === undefined || !tables
    ? ''
    : ` With ${field}.csv.delimiter: ${delimiter} it would be found.`;
}
