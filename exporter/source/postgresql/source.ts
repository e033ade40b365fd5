import type { Consent, PostgresqlSource } from '../../../api/rundocument.ts';
import { Fault } from '../../fault.ts';
import { readTable } from '../formats/table.ts';
import { readSourceCa, readSourceKeys } from '../keys.ts';
import type { SourceSurroundings } from '../open.ts';
import type { Source, SourceEvent } from '../source.ts';
import { type Column, type ColumnType, findColumns, type Needed, refuseOtherTypes } from './columns.ts';
import { copied, copying, describing, readSegmentCell, relationOf } from './relation.ts';
import { type Patience, Session } from './session.ts';

export interface PostgresqlSourceOptions {
  source: PostgresqlSource;
  /** match.email: the field and its fallbacks. */
  fields: readonly string[];
  consent?: Consent | undefined;
  /** Names of the segments in the source. */
  segments: readonly string[];
  surroundings: Pick<SourceSurroundings, 'credentialsDirectory' | 'caDirectory' | 'clock' | 'refusesLocal'>;
  patience?: Patience;
}

const usualPatience: Patience = { connectMs: 10_000, overdueMs: 60_000 };

/**
 * A table or a query of a PostgreSQL database: one with a column that names the segment, or one that is the
 * only segment. The query runs once, in a read-only transaction.
 */
export function postgresqlSource(options: PostgresqlSourceOptions): Source {
  const { source, segments, patience = usualPatience } = options;
  return {
    read: async function* (signal) {
      if (source.segmentField === undefined && segments.length > 1) throw new Fault('SegmentFieldMissing');
      // In a message it would end the text early, and what comes behind it would be read as something else.
      const texts = [source.host, source.database, source.query, source.table];
      if (texts.some((text) => text?.includes('\0'))) throw new Fault('SourceQueryRefused');
      const { credentialsDirectory, caDirectory, refusesLocal = false } = options.surroundings;
      await using session = await Session.open({
        ...source,
        ...(await readSourceKeys(credentialsDirectory, ['username', 'password'])),
        ca: source.hasOwnCa ? await readSourceCa(caDirectory) : undefined,
        refusesLocal,
        patience,
        signal,
      });
      yield* readRelation(options, session);
    },
  };
}

async function* readRelation(
  options: PostgresqlSourceOptions,
  session: Session,
): AsyncGenerator<SourceEvent, void> {
  const { source, fields, consent } = options;
  const relation = relationOf(source);
  const needed = await findNeeded(options, relation, session);
  if (source.segmentField === undefined) yield { kind: 'found', segment: 0 };
  const wanted = {
    fields: fields.map((_, index) => copied.field(index)),
    consent: consent && { ...consent, field: copied.consent },
    segmentField: copied.segment,
  };
  const csv = { delimiter: 'Comma', columns: copied.all(needed) } as const;
  let isEmpty = true;
  const chunks = async function* (): AsyncGenerator<Buffer, void> {
    for await (const chunk of session.copy(copying(relation, needed))) {
      isEmpty = false;
      yield chunk;
    }
  };
  const reader = segmentReader(options);
  for await (const rows of readTable(chunks(), csv, wanted, reader.segmentOf)) yield { kind: 'rows', rows };
  if (isEmpty) throw new Fault('SourceEmpty');
  yield* reader.written();
}

async function findNeeded(
  { source, fields, consent }: PostgresqlSourceOptions,
  relation: string,
  session: Session,
): Promise<Needed<Column>> {
  const needed = findColumns(await session.describe(describing(relation)), {
    fields,
    consent: consent?.field,
    segment: source.segmentField,
    modified: source.modifiedField,
  });
  const columns = [...needed.fields, needed.consent, needed.segment, needed.modified];
  const types = await session.rows<ColumnType>(
    'SELECT oid, typname, typcategory FROM pg_catalog.pg_type WHERE oid = ANY ($1)',
    [columns.flatMap((column) => column?.type ?? [])],
  );
  refuseOtherTypes(needed, types);
  return needed;
}

/** Clocks differ, and a time without a zone may be another zone's; what is further ahead is no time of writing. */
const dayMs = 86_400_000;

/** Tells the rows' segments apart, and when each of them was last written. */
function segmentReader({ source, segments, surroundings }: PostgresqlSourceOptions): {
  segmentOf: (text: string) => number | undefined;
  written: () => Iterable<SourceEvent>;
} {
  const indexes = new Map(segments.map((name, index) => [name.trim(), index]));
  const latest = new Map<number, number>();
  const end = surroundings.clock.now() + dayMs;
  return {
    segmentOf: (text) => {
      const { writtenAt, segment } = readSegmentCell(text);
      const index = source.segmentField === undefined ? 0 : indexes.get(segment);
      if (index === undefined || writtenAt === undefined) return index;
      if (writtenAt >= 0 && writtenAt < end && writtenAt > (latest.get(index) ?? -1))
        latest.set(index, writtenAt);
      return index;
    },
    written: function* () {
      for (const [segment, at] of latest) yield { kind: 'written', segment, at };
    },
  };
}
