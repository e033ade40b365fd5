import type { TableFormat } from '../../../api/rundocument.ts';

const extensions: Readonly<Record<TableFormat, readonly string[]>> = {
  CSV: ['.csv', '.tsv', '.txt'],
  NDJSON: ['.ndjson', '.jsonl', '.json'],
  Parquet: ['.parquet'],
};
/** Of text that is compressed; Parquet is so inside. */
const packings = ['', '.gz', '.zst'];

/** Endings of what a tool has not finished writing. */
const unfinished = ['.tmp', '.part', '.partial', '.inprogress', '.crdownload'];

/** Whether a file or directory is none that was written for others to read: hidden, a tool's own, or unfinished. */
export function isPassedOver(name: string): boolean {
  return /^[._]/.test(name) || unfinished.some((ending) => name.toLowerCase().endsWith(ending));
}

export interface TableName {
  /** Without its endings: in a directory of a file a segment, the segment. */
  stem: string;
  /** Without the ending of what is compressed. */
  plain: string;
  /** Of several files of one stem, that with the lowest is read: what is not compressed before what is. */
  rank: number;
}

/** Takes the name of a file of the format apart; undefined where it is none. Endings may be in capitals. */
export function tableName(name: string, format: TableFormat): TableName | undefined {
  const lower = name.toLowerCase();
  for (const [packed, packing] of (format === 'Parquet' ? [''] : packings).entries()) {
    for (const [index, extension] of extensions[format].entries()) {
      const ending = `${extension}${packing}`;
      if (!lower.endsWith(ending) || name.length === ending.length) continue;
      const rank = packed * extensions[format].length + index;
      return {
        stem: name.slice(0, -ending.length),
        plain: name.slice(0, name.length - packing.length),
        rank,
      };
    }
  }
  return undefined;
}

/** A name in a directory; of a directory that is named with or without a slash at its end. */
export function within(directory: string, name: string): string {
  return `${asDirectory(directory)}${name}`;
}

/** A directory with the slash at its end that all names below it begin with; the topmost has none. */
export function asDirectory(path: string): string {
  return path === '' || path.endsWith('/') ? path : `${path}/`;
}
