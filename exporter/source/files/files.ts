import type { Consent, TableFiles } from '../../../api/rundocument.ts';
import type { Clock } from '../../clock.ts';
import { Fault } from '../../fault.ts';
import type { SegmentOf } from '../formats/rows.ts';
import { openTable } from '../formats/tablefiles.ts';
import type { Source, SourceEvent } from '../source.ts';
import { isPassedOver, tableName, within } from './filenames.ts';
import { findNewest, type Place } from './newest.ts';
import type { FileStore, StoredEntry, StoredFile } from './store.ts';

export interface FilesSourceOptions {
  store: FileStore;
  files: TableFiles;
  /** match.email: the field and its fallbacks. */
  fields: readonly string[];
  consent?: Consent | undefined;
  /** Names of the segments in the source. */
  segments: readonly string[];
  clock: Clock;
}

/**
 * Tables in files, wherever they lie. One file is one segment, or with a segment field
 * several. A directory has `<segment>.<extension>` for each, or else a directory
 * `<segment>` whose files are its parts; with a segment field all its files are parts
 * of one table. Parts lie directly in their directory.
 */
export function filesSource(options: FilesSourceOptions): Source {
  return {
    read: async function* (signal) {
      const { store, files, clock } = options;
      const place = files.newest
        ? await findNewest(store, files, files.newest, clock, signal)
        : await findNamed(store, files.path, signal);
      if (files.segmentField !== undefined) yield* readShared(options, place, files.segmentField, signal);
      else if (place.kind === 'Directory') yield* readDirectory(options, place.path, signal);
      else {
        if (options.segments.length > 1) throw new Fault('SegmentFieldMissing');
        yield* readSegment(options, [place.file], 0, signal);
      }
    },
  };
}

async function findNamed(store: FileStore, path: string, signal: AbortSignal): Promise<Place> {
  const found = await store.find(path, signal);
  if (found === undefined) throw new Fault('SourceNotFound');
  return found === 'Directory' ? { kind: 'Directory', path } : { kind: 'File', file: found };
}

async function* readShared(
  options: FilesSourceOptions,
  place: Place,
  segmentField: string,
  signal: AbortSignal,
): AsyncGenerator<SourceEvent, void> {
  const parts = place.kind === 'File' ? [place.file] : await partsOf(options, place.path, signal);
  if (parts.length > 0) yield { kind: 'written', at: lastWritten(parts) };
  const indexes = new Map(options.segments.map((name, index) => [name.trim(), index]));
  yield* readParts(options, parts, segmentField, (value) => indexes.get(value), signal);
}

async function* readDirectory(
  options: FilesSourceOptions,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<SourceEvent, void> {
  const entries = await findSegments(options, path, signal);
  for (const [segment, name] of options.segments.entries()) {
    const entry = entries.get(name);
    if (!entry) continue;
    try {
      const parts =
        entry.kind === 'File' ? [entry.file] : await partsOf(options, within(path, entry.name), signal);
      yield* readSegment(options, parts, segment, signal);
    } catch (error) {
      // Who withdrew consent, nobody knows without it: that is every segment's concern.
      if (!(error instanceof Fault) || error.reason === 'ConsentFieldNotFound') throw error;
      yield { kind: 'fault', segment, fault: error };
    }
  }
}

/** The file or directory of each segment that has one: the file first, and that which is not compressed before all. */
async function findSegments(
  { store, files, segments }: FilesSourceOptions,
  path: string,
  signal: AbortSignal,
): Promise<Map<string, StoredEntry>> {
  // A name is one file's, not a way to another directory, nor that of a file that is hidden.
  const wanted = new Set(segments.filter((name) => !name.includes('/') && !name.startsWith('.')));
  const found = new Map<string, { entry: StoredEntry; rank: number }>();
  for await (const entry of store.list(path, signal)) {
    const { stem, rank } =
      entry.kind === 'File'
        ? (tableName(entry.name, files.format) ?? { stem: undefined, rank: 0 })
        : { stem: entry.name, rank: Number.POSITIVE_INFINITY };
    if (stem === undefined || !wanted.has(stem)) continue;
    const other = found.get(stem);
    if (other === undefined || rank < other.rank) found.set(stem, { entry, rank });
  }
  return new Map([...found].map(([name, { entry }]) => [name, entry]));
}

/** The parts of a table, in order of their names. What is there plain and compressed is read plain. */
async function partsOf(
  { store, files }: FilesSourceOptions,
  path: string,
  signal: AbortSignal,
): Promise<StoredFile[]> {
  const parts = new Map<string, StoredFile>();
  for await (const entry of store.list(path, signal)) {
    if (entry.kind === 'File' && !isPassedOver(entry.name) && tableName(entry.name, files.format)) {
      parts.set(entry.name, entry.file);
    }
  }
  return [...parts]
    .filter(([name]) => {
      const plain = tableName(name, files.format)?.plain ?? name;
      return plain === name || !parts.has(plain);
    })
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, file]) => file);
}

async function* readSegment(
  options: FilesSourceOptions,
  parts: readonly StoredFile[],
  segment: number,
  signal: AbortSignal,
): AsyncGenerator<SourceEvent, void> {
  yield { kind: 'found', segment };
  if (parts.length > 0) yield { kind: 'written', segment, at: lastWritten(parts) };
  yield* readParts(options, parts, undefined, () => segment, signal);
}

async function* readParts(
  { files, fields, consent }: FilesSourceOptions,
  parts: readonly StoredFile[],
  segmentField: string | undefined,
  segmentOf: SegmentOf,
  signal: AbortSignal,
): AsyncGenerator<SourceEvent, void> {
  const table = await openTable(files, { fields, consent, segmentField }, segmentOf);
  let isEmpty = true;
  for (const part of parts) {
    try {
      yield* table.read(part, signal);
      isEmpty = false;
    } catch (error) {
      // Who writes in parts leaves one without bytes where there was nothing for it.
      if (!(error instanceof Fault && error.reason === 'SourceEmpty')) throw error;
    }
  }
  if (isEmpty) throw new Fault('SourceEmpty');
  table.end();
}

function lastWritten(parts: readonly StoredFile[]): number {
  return parts.reduce((last, { modifiedAt }) => Math.max(last, modifiedAt), 0);
}
