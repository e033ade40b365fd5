import { within } from '../files/filenames.ts';
import type { FileStore, StoredFile } from '../files/store.ts';

/** The files of one run of an export: `Table/2026/11/22/0312`. */
export interface ExportFolder {
  /** Below the export's own. */
  path: string;
  parts: readonly Part[];
  /** When a file in it was last written; milliseconds since the epoch. */
  writtenAt: number;
}

export interface Part {
  name: string;
  file: StoredFile;
}

/** Names of folders at each level below a table's: year, month, day, hour and minute. */
const levels: readonly RegExp[] = [/^\d{4}$/, /^\d{1,2}$/, /^\d{1,2}$/, /^\d{3,4}$/];

/** The folders of a table, the newest by its name first. Whoever has found what is wanted stops asking. */
export async function* foldersOf(
  store: FileStore,
  path: string,
  table: string,
  signal: AbortSignal,
): AsyncGenerator<ExportFolder, void> {
  for await (const folder of below(store, path, table, levels, signal)) {
    const found: Part[] = [];
    let writtenAt = 0;
    for await (const entry of store.list(within(path, folder), signal)) {
      if (entry.kind === 'Directory') continue;
      // Also of files that are no parts: somebody is at work there.
      writtenAt = Math.max(writtenAt, entry.file.modifiedAt);
      if (/^[^._].*\.csv$/i.test(entry.name)) found.push(entry);
    }
    yield { path: folder, parts: found.sort(byName), writtenAt };
  }
}

async function* below(
  store: FileStore,
  path: string,
  folder: string,
  [level, ...further]: readonly RegExp[],
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  if (level === undefined) {
    yield folder;
    return;
  }
  const names: string[] = [];
  for await (const { kind, name } of store.list(within(path, folder), signal)) {
    if (kind === 'Directory' && level.test(name)) names.push(name);
  }
  names.sort((one, other) => Number(other) - Number(one));
  for (const name of names) yield* below(store, path, `${folder}/${name}`, further, signal);
}

/** By the numbers in their names, as `Table_10.csv` comes after `Table_9.csv`. */
function byName({ name: one }: Part, { name: other }: Part): number {
  return one.localeCompare(other, 'en', { numeric: true });
}
