import { join } from 'node:path';
import type { Consent, FileSource } from '../../api/rundocument.ts';
import { Fault } from '../fault.ts';
import { locate, type Place, readChunks } from './mount.ts';
import type { Source, SourceEvent } from './source.ts';
import { readTable } from './table.ts';

export interface FileSourceOptions {
  /** Where the claim is mounted. */
  directory: string;
  file: FileSource;
  /** match.email: the field and its fallbacks. */
  fields: readonly string[];
  consent?: Consent | undefined;
  /** Names of the segments in the source. */
  segments: readonly string[];
}

/**
 * CSV files on a mounted volume. Three layouts: a directory of `<segment>.csv` or
 * `<segment>.csv.gz` (the plain one where both are there); one file with a column
 * that names the segment; one file that is the only segment.
 */
export function fileSource(options: FileSourceOptions): Source {
  return {
    read: async function* (signal) {
      const place = await locate(options.directory, options.file.path);
      const { segmentField } = options.file;
      if (place.kind === 'Directory') {
        // The segment field speaks of one file; what a directory would mean with it is anyone's guess.
        if (segmentField !== undefined) throw new Fault('SourceUnreadable');
        yield* readDirectory(options, signal);
      } else if (segmentField !== undefined) {
        yield* readSharedFile(options, place, segmentField, signal);
      } else {
        if (options.segments.length > 1) throw new Fault('SegmentFieldMissing');
        yield { kind: 'found', segment: 0 };
        yield* readSegmentFile(options, place, 0, signal);
      }
    },
  };
}

async function* readDirectory(
  options: FileSourceOptions,
  signal: AbortSignal,
): AsyncGenerator<SourceEvent, void> {
  for (const [segment, name] of options.segments.entries()) {
    try {
      const place = await locateSegment(options, name);
      if (place === undefined) continue;
      yield { kind: 'found', segment };
      yield* readSegmentFile(options, place, segment, signal);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      yield { kind: 'fault', segment, fault: error };
    }
  }
}

async function locateSegment(options: FileSourceOptions, name: string): Promise<Place | undefined> {
  // The name is one file's, not a way to another directory.
  if (name.includes('/')) return undefined;
  for (const extension of ['.csv', '.csv.gz']) {
    try {
      const place = await locate(options.directory, join(options.file.path, `${name}${extension}`));
      if (place.kind === 'File') return place;
    } catch (error) {
      if (!(error instanceof Fault && error.reason === 'SourceNotFound')) throw error;
    }
  }
  return undefined;
}

async function* readSegmentFile(
  options: FileSourceOptions,
  place: Place,
  segment: number,
  signal: AbortSignal,
): AsyncGenerator<SourceEvent, void> {
  const { fields, consent, file } = options;
  const chunks = readChunks(place.path, signal);
  for await (const rows of readTable(chunks, file.csv.delimiter, { fields, consent }, () => segment)) {
    yield { kind: 'rows', rows };
  }
}

async function* readSharedFile(
  options: FileSourceOptions,
  place: Place,
  segmentField: string,
  signal: AbortSignal,
): AsyncGenerator<SourceEvent, void> {
  const { fields, consent, file } = options;
  const wanted = { fields, consent, segmentField };
  const indexes = new Map(options.segments.map((name, index) => [name.trim(), index]));
  const segmentOf = (value: string): number | undefined => indexes.get(value);
  const chunks = readChunks(place.path, signal);
  for await (const rows of readTable(chunks, file.csv.delimiter, wanted, segmentOf)) {
    yield { kind: 'rows', rows };
  }
}
