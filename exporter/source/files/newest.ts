import type { Newest, TableFiles } from '../../../api/rundocument.ts';
import type { Clock } from '../../clock.ts';
import { Fault } from '../../fault.ts';
import { isPassedOver, tableName, within } from './filenames.ts';
import type { FileStore, StoredFile } from './store.ts';

/** Where a table lies: a file, or a directory by its path. */
export type Place = { kind: 'File'; file: StoredFile } | { kind: 'Directory'; path: string };

interface Candidate {
  name: string;
  place: Place;
  /** When a file of it was last written; milliseconds since the epoch. */
  writtenAt: number;
  hasMarker: boolean;
}

/**
 * The newest complete entry of the directory that `path` names: the one that was last
 * written last, and of those that were so at the same moment the one whose name comes
 * last. An entry is a file of the format, or a directory with such files in it or one
 * level below. Without a marker, complete is what was not written to for `settleSeconds`;
 * what was written in the future is not, because the clock that says so is wrong.
 * @throws Fault SourceNotFound where there is no such directory, SourceIncomplete.
 */
export async function findNewest(
  store: FileStore,
  files: TableFiles,
  newest: Newest,
  clock: Clock,
  signal: AbortSignal,
): Promise<Place> {
  if ((await store.find(files.path, signal)) !== 'Directory') throw new Fault('SourceNotFound');
  let best: Candidate | undefined;
  for (const candidate of await candidatesOf(store, files, newest, signal)) {
    if (isComplete(candidate, newest, clock.now()) && (!best || isNewer(candidate, best))) best = candidate;
  }
  if (!best) throw new Fault('SourceIncomplete');
  return best.place;
}

function isComplete({ writtenAt, hasMarker }: Candidate, newest: Newest, now: number): boolean {
  if (newest.marker !== undefined) return hasMarker;
  return newest.settleSeconds === 0 || now - writtenAt >= newest.settleSeconds * 1000;
}

function isNewer(one: Candidate, other: Candidate): boolean {
  if (one.writtenAt !== other.writtenAt) return one.writtenAt > other.writtenAt;
  return one.name > other.name;
}

async function candidatesOf(
  store: FileStore,
  { path, format }: TableFiles,
  { marker }: Newest,
  signal: AbortSignal,
): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  const directories: string[] = [];
  const names = new Set<string>();
  for await (const entry of store.list(path, signal)) {
    const { kind, name } = entry;
    if (kind === 'File') names.add(name);
    if (isPassedOver(name)) continue;
    if (kind === 'Directory') directories.push(name);
    else if (tableName(name, format)) {
      const { file } = entry;
      const place: Place = { kind: 'File', file };
      candidates.push({ name, place, writtenAt: file.modifiedAt, hasMarker: false });
    }
  }
  for (const candidate of candidates) candidate.hasMarker = names.has(`${candidate.name}${marker ?? ''}`);
  for (const name of directories) {
    const place: Place = { kind: 'Directory', path: within(path, name) };
    const inside = await look(store, place.path, { format, marker, levels: 2 }, signal);
    if (inside.hasTable) candidates.push({ name, place, ...inside });
  }
  return candidates;
}

interface Looking {
  format: TableFiles['format'];
  marker: string | undefined;
  /** How many levels of directories are looked at. */
  levels: number;
}

/** What lies in a directory. Names that are passed over count for when it was written: somebody is at work there. */
async function look(
  store: FileStore,
  path: string,
  looking: Looking,
  signal: AbortSignal,
): Promise<{ writtenAt: number; hasTable: boolean; hasMarker: boolean }> {
  const found = { writtenAt: 0, hasTable: false, hasMarker: false };
  const directories: string[] = [];
  for await (const entry of store.list(path, signal)) {
    const { kind, name } = entry;
    if (kind === 'Directory') directories.push(name);
    else {
      found.writtenAt = Math.max(found.writtenAt, entry.file.modifiedAt);
      found.hasTable ||= !isPassedOver(name) && tableName(name, looking.format) !== undefined;
      found.hasMarker ||= name === looking.marker;
    }
  }
  if (looking.levels === 1) return found;
  for (const name of directories) {
    const below = await look(store, within(path, name), { ...looking, levels: looking.levels - 1 }, signal);
    found.writtenAt = Math.max(found.writtenAt, below.writtenAt);
    found.hasTable ||= below.hasTable && !isPassedOver(name);
  }
  return found;
}
