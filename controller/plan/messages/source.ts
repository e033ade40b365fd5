import type { Message, MessageContext } from './context.ts';
import { sourceAccessMessages } from './sourceaccess.ts';
import { fieldMessages } from './sourcefields.ts';
import { segmentMessages } from './sourcesegments.ts';
import { type SourceWords, sourceWords } from './sourcewords.ts';
import { line, reply, timeText } from './words.ts';

/** About what is read. */
export const sourceMessages = {
  ...sourceAccessMessages,
  ...fieldMessages,
  ...segmentMessages,

  SourceNotFound: (d, c) => {
    const w = sourceWords(c);
    return `${w.readField}: ${missing(w, c)}${reply(d)}; ${putThere(w)}.`;
  },
  SourceUnreadable: (d, c) => {
    const w = sourceWords(c);
    if (w.kind === 'file') {
      return `${w.readField}: ${w.place} cannot be read by the run's user (65532), or it leads out of the claim; make it readable and keep links inside the claim.`;
    }
    const archived = w.tables ? ': it is archived, or encrypted with a key that is not at hand' : '';
    return `${w.readField}: ${w.place} cannot be read${reply(d)}${archived}; make it readable, or name another.`;
  },
  SourceEmpty: (_, c) => {
    const w = sourceWords(c);
    return `${w.readField}: ${w.place} ${emptiness(w)}.`;
  },
  SourceQueryRefused: (d, c) => {
    const w = sourceWords(c);
    if (w.kind !== 'postgresql') {
      return `${w.readField}: ${w.server} refused the query for ${w.place}${reply(d)}; check the fields of ${w.field}.`;
    }
    const state = sqlState(d.code);
    return `${w.readField}: ${w.server} refused the statement${state === undefined ? '' : ` (SQLSTATE ${state})`}; try it there as the same user, in a read-only transaction, and mend it.`;
  },
  SourceTimedOut: (d, c) => {
    const w = sourceWords(c);
    const seconds = c.source?.run.postgresql?.statementTimeoutSeconds;
    return seconds === undefined
      ? `${w.readField}: ${w.place} was not read in the time that a run has for it${reply(d)}; read less at once, or see why ${w.server} is slow.`
      : `${w.field}.statementTimeoutSeconds: ${w.place} took longer than ${seconds} seconds; raise it, or make the statement faster, such as with an index.`;
  },
  SourceIncomplete: (_, c) => {
    const w = sourceWords(c);
    return `${incompleteness(w, c)}.`;
  },
  SourceStale: (d, c) => {
    const w = sourceWords(c);
    const written = timeText(d.writtenAt);
    const when = written === undefined ? 'longer ago' : `at ${written}, longer ago`;
    return `spec.maxSourceAgeSeconds: ${dataOf(c)} was last written ${when} than ${limit(c)}; nothing was sent for it. ${refresh(w)}, or raise the limit.`;
  },
  SourceAgeUnknown: (_, c) => {
    const w = sourceWords(c);
    return `spec.maxSourceAgeSeconds: when ${dataOf(c)} was last written is not known, so nothing was sent for it; ${tellAge(w)}, or leave maxSourceAgeSeconds away.`;
  },
  SourceNotCsv: (d, c) => {
    const w = sourceWords(c);
    const { csv } = w.tables ?? {};
    const encoding = csv?.encoding ?? 'UTF8';
    const check = csv
      ? `check ${w.field}.csv.delimiter, the quotes and ${w.field}.csv.encoding (${encoding}), or name another ${w.field}.format`
      : 'see what comes from there';
    return `${w.readField}: ${w.place} is not readable as CSV${line(d)}; ${check}.`;
  },
  SourceNotNdjson: (d, c) => notFormat('NDJSON', 'each line must be one JSON object in UTF-8', c, line(d)),
  SourceNotParquet: (d, c) =>
    notFormat(
      'Parquet',
      'it must be whole, and neither encrypted nor of an unknown compression',
      c,
      reply(d),
    ),
  SourceDamaged: (d, c) => {
    const w = sourceWords(c);
    return `${w.readField}: the compressed data of ${w.place} is cut off or damaged${line(d)}; write it anew, and let its writer use another name until it is whole.`;
  },
  SourceChanged: (_, c) => {
    const w = sourceWords(c);
    const newFiles = w.tables ? `, or let its writer write a new ${w.fileWord} each time` : '';
    return `${capitalPlace(w)} was written to while it was read. If it lasts, start runs when nobody writes there (spec.schedule.cron)${newFiles}.`;
  },
  TooManyRowFaults: (d, c) => {
    const w = sourceWords(c);
    const counts =
      d.count === undefined ? 'Suspiciously many rows' : `${d.count} of ${d.total ?? 'all'} rows`;
    const limitWords =
      c.maxFaultPercent === undefined ? 'it allows' : `the ${c.maxFaultPercent} percent that it allows`;
    const which = c.segment ? ` of the segment "${c.segment.name}"` : '';
    const format = w.tables ? ` and ${w.field}.format` : '';
    return `spec.rowFaultGuard.maxPercent: ${lower(counts)}${which} are malformed or have an invalid address, more than ${limitWords}; nothing was sent${c.segment ? ' for it' : ''}. Check spec.match.email${format}, mend the source, or raise the limit.`;
  },
} satisfies Record<string, Message>;

function missing(w: SourceWords, { source }: MessageContext): string {
  const { file, s3, azureBlob, postgresql } = source?.run ?? {};
  if (file) return `"${file.path}" is not in the claim "${source?.claimName ?? ''}"`.replace(' ""', '');
  if (s3) return `${w.whole} is not there, or there is no such bucket`;
  if (azureBlob) return `${w.whole} is not there, or there is no such container`;
  if (postgresql) return `${w.server} has not what is read there, or there is no such database`;
  return `${w.whole} is not there`;
}

function putThere(w: SourceWords): string {
  switch (w.kind) {
    case 'file':
      return "put the file there or name the right path, relative to the claim's root";
    case 's3':
      return 'put it there, or name the right region, bucket and path';
    case 'azureBlob':
      return 'put it there, or name the right endpoint, container and path';
    case 'postgresql':
      return 'name the right database and table, with its schema where that is not public';
    case 'customerInsights':
      return `name the environment that Customer Insights is linked to in ${w.serverField}, and its table of profiles`;
    default:
      return 'put it there, or name the right place';
  }
}

function emptiness({ kind, tables, field }: SourceWords): string {
  if (!tables) {
    return kind === 'postgresql'
      ? 'gave no row; see that it is filled, or what the statement asks for'
      : 'has no rows; see that it is filled, or name another';
  }
  if (tables.format === 'NDJSON') return 'is empty; NDJSON has one JSON object a line';
  if (tables.format === 'Parquet') return 'is empty; a Parquet file ends with a description of itself';
  return tables.csv.columns
    ? `is empty; with ${field}.csv.columns a CSV file has one line a profile`
    : 'is empty; a CSV file has a line of column names, then one line a profile';
}

function incompleteness(w: SourceWords, { source }: MessageContext): string {
  const blob = source?.run.azureBlob;
  if (blob?.layout === 'CustomerInsights') {
    return `${w.field}.settleSeconds: ${w.place} has no folder to which nothing was written for ${blob.settleSeconds} seconds; wait for an export of Customer Insights to end, or lower it`;
  }
  const settings = w.tables?.newest;
  if (!settings) {
    return `${w.readField}: ${w.place} is not complete; wait until its writer is done, or see why it is not`;
  }
  const inside = w.whole.replace('the newest of ', '');
  return settings.marker === undefined
    ? `${w.field}.newest: of ${inside} nothing is complete: nothing is there, or it was written to within the last ${settings.settleSeconds} seconds; wait, or lower settleSeconds`
    : `${w.field}.newest: of ${inside} nothing is complete: nothing is there that has the marker "${settings.marker}" beside it; see that its writer ends with it, or name the marker that it writes`;
}

function notFormat(format: string, must: string, c: MessageContext, where: string): string {
  const w = sourceWords(c);
  const other = w.tables ? `, or name another ${w.field}.format` : '';
  return `${w.readField}: ${w.place} is not readable as ${format}${where}; ${must}${other}.`;
}

function dataOf({ segment }: MessageContext): string {
  return segment ? `the data of the segment "${segment.name}"` : 'the data';
}

function limit({ maxSourceAgeSeconds }: MessageContext): string {
  return maxSourceAgeSeconds === undefined ? 'the limit' : `${maxSourceAgeSeconds} seconds`;
}

function refresh({ kind, tables }: SourceWords): string {
  const ofInsights =
    kind === 'customerInsights' || (tables && 'layout' in tables && tables.layout !== 'Files');
  return ofInsights
    ? 'See that Customer Insights still refreshes it, because it deactivates segments that nothing of its own uses'
    : 'See that what writes it still runs';
}

function tellAge({ kind, field }: SourceWords): string {
  if (kind === 'postgresql') {
    return `name a column with the time of each row's last change in ${field}.modifiedField, and see that it is filled`;
  }
  return kind === 'customerInsights'
    ? `try another ${field}.modifiedFrom`
    : 'see that the source tells when it was written';
}

/** Five letters or digits, in capitals, as documentation lists them. */
function sqlState(text: string | undefined): string | undefined {
  return text?.match(/(?:^|-)([0-9a-z]{5})$/)?.[1]?.toUpperCase();
}

function capitalPlace({ place }: SourceWords): string {
  return place.charAt(0).toUpperCase() + place.slice(1);
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
