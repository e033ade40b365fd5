/**
 * Where files lie: a mounted directory, a bucket, a container. Names in a path are
 * separated by slashes; one at the end is a directory's.
 */
export interface FileStore {
  /**
   * What is at a path; undefined where nothing is. In an object store a directory is
   * what objects have names below.
   * @throws Fault of the reasons that start with `Source`.
   */
  find(path: string, signal: AbortSignal): Promise<StoredFile | 'Directory' | undefined>;
  /** What lies directly in a directory, in no order; nothing where there is no such directory. */
  list(path: string, signal: AbortSignal): AsyncIterable<StoredEntry>;
}

export type StoredEntry =
  | { kind: 'File'; name: string; file: StoredFile }
  | { kind: 'Directory'; name: string };

/** One version of a file. */
export interface StoredFile {
  /** In bytes. */
  size: number;
  /** Milliseconds since the epoch. */
  modifiedAt: number;
  /**
   * All its bytes. A chunk is good until the next is asked for.
   * @throws Fault SourceChanged where the file is another version by now, at the latest when all was read;
   * SourceUnavailable where reading breaks off.
   */
  read(signal: AbortSignal): AsyncIterable<Buffer>;
  /** The bytes from `start` to before `end`. @throws Fault as `read` does. */
  slice(start: number, end: number, signal: AbortSignal): Promise<Buffer>;
}
