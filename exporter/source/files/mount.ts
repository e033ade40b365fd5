import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, lstat, open, opendir, realpath, stat } from 'node:fs/promises';
import { constants as system } from 'node:os';
import { join, sep } from 'node:path';
import { errnoOf, isErrno } from '../../errno.ts';
import { Fault } from '../../fault.ts';
import type { FileStore, StoredEntry, StoredFile } from './store.ts';

/** What an ext4 file system has at its root, for itself. */
const ownDirectory = 'lost+found';

/** The files of a mounted directory. */
export class Mount implements FileStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async find(path: string, signal: AbortSignal): Promise<StoredFile | 'Directory' | undefined> {
    signal.throwIfAborted();
    const place = await this.#locate(path);
    return place?.stats === undefined ? place && 'Directory' : new MountedFile(place.path, place.stats);
  }

  async *list(path: string, signal: AbortSignal): AsyncGenerator<StoredEntry, void> {
    const place = await this.#locate(path);
    if (place === undefined || place.stats) return;
    try {
      for await (const { name } of await opendir(place.path)) {
        signal.throwIfAborted();
        const entry = name === ownDirectory ? undefined : await this.#entry(place.path, path, name);
        if (entry) yield entry;
      }
    } catch (error) {
      throw fileFault(error);
    }
  }

  /** Undefined where it is gone by now, or a link to nothing. */
  async #entry(real: string, path: string, name: string): Promise<StoredEntry | undefined> {
    try {
      const found = await lstat(join(real, name), { bigint: true });
      if (found.isFile()) return { kind: 'File', name, file: new MountedFile(join(real, name), found) };
      if (found.isDirectory()) return { kind: 'Directory', name };
      const place = await this.#locate(join(path, name));
      if (place === undefined) return undefined;
      if (place.stats === undefined) return { kind: 'Directory', name };
      return { kind: 'File', name, file: new MountedFile(place.path, place.stats) };
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined;
      const fault = fileFault(error);
      if (fault instanceof Fault) return { kind: 'File', name, file: unreadable(fault) };
      throw fault;
    }
  }

  async #locate(path: string): Promise<Place | undefined> {
    try {
      return await locate(this.#directory, path);
    } catch (error) {
      if (error instanceof Fault && error.reason === 'SourceNotFound') return undefined;
      throw error;
    }
  }
}

interface Place {
  /** Without symbolic links. */
  path: string;
  /** Of a file; a directory has none here. */
  stats?: BigIntStats;
}

/**
 * Finds a path inside a mounted directory. Symbolic links are followed as long as
 * they stay inside: projected volumes are built of them, but one that leads out
 * could make the container's own files, the credentials among them, a source.
 * @throws Fault SourceNotFound, SourceUnreadable, SourceUnavailable.
 */
async function locate(directory: string, path: string): Promise<Place> {
  if (path.includes('\0')) throw new Fault('SourceNotFound');
  try {
    const root = await realpath(directory);
    const named = join(root, path);
    if (!isInside(root, named)) throw new Fault('SourceUnreadable');
    const real = await realpath(named);
    if (!isInside(root, real)) throw new Fault('SourceUnreadable');
    const stats = await stat(real, { bigint: true });
    if (stats.isDirectory()) return { path: real };
    // A pipe or a device would block the run, or never end.
    if (!stats.isFile()) throw new Fault('SourceUnreadable');
    return { path: real, stats };
  } catch (error) {
    throw fileFault(error);
  }
}

function isInside(root: string, path: string): boolean {
  return path === root || `${path}${sep}` === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

/** One version of a file, told by its place on the disk, its size and the time of its last change. */
class MountedFile implements StoredFile {
  readonly size: number;
  readonly modifiedAt: number;
  readonly #path: string;
  readonly #stats: BigIntStats;

  constructor(path: string, stats: BigIntStats) {
    this.#path = path;
    this.#stats = stats;
    this.size = Number(stats.size);
    this.modifiedAt = Number(stats.mtimeMs);
  }

  read(signal: AbortSignal): AsyncGenerator<Buffer, void> {
    return readChunks(this.#path, signal, this.#stats);
  }

  async slice(start: number, end: number, signal: AbortSignal): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(end, this.size) - start));
    let handle: FileHandle | undefined;
    try {
      handle = await openPlain(this.#path);
      await refuseChanged(handle, this.#stats);
      for (let at = 0; at < bytes.length; ) {
        signal.throwIfAborted();
        const { bytesRead } = await handle.read(bytes, at, bytes.length - at, start + at);
        if (bytesRead === 0) throw new Fault('SourceChanged');
        at += bytesRead;
      }
      await refuseChanged(handle, this.#stats);
      return bytes;
    } catch (error) {
      throw isErrno(error, 'ENOENT') ? new Fault('SourceChanged') : fileFault(error);
    } finally {
      await handle?.close();
    }
  }
}

/** Something that lies there and is not to be read, which is told to whoever tries. */
function unreadable(fault: Fault): StoredFile {
  return {
    size: 1,
    modifiedAt: 0,
    // biome-ignore lint/correctness/useYield: there is nothing to give.
    read: async function* () {
      throw fault;
    },
    slice: () => Promise.reject(fault),
  };
}

/** A quarter of a megabyte: in chunks of 64 KB, reading alone takes three times as long. */
const chunkBytes = 256 * 1024;

/**
 * The bytes of a file. A chunk is good until the next is asked for: they share one
 * piece of memory, because what was read is as large as the file, and would be
 * garbage of that size.
 * @param version what it was when it was found, if it matters.
 * @throws Fault SourceNotFound, SourceUnreadable, SourceUnavailable; SourceChanged where it is another version.
 */
export async function* readChunks(
  path: string,
  signal: AbortSignal,
  version?: BigIntStats,
): AsyncGenerator<Buffer, void> {
  let handle: FileHandle | undefined;
  const chunk = Buffer.allocUnsafe(chunkBytes);
  try {
    handle = await openPlain(path);
    if (version) await refuseChanged(handle, version);
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await handle.read(chunk, 0, chunkBytes, null);
      if (bytesRead === 0) break;
      yield chunk.subarray(0, bytesRead);
    }
    if (version) await refuseChanged(handle, version);
  } catch (error) {
    throw version && isErrno(error, 'ENOENT') ? new Fault('SourceChanged') : fileFault(error);
  } finally {
    await handle?.close();
  }
}

/** The path was resolved: a link in its place now is another file than the one that was checked. */
async function openPlain(path: string): Promise<FileHandle> {
  return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
}

async function refuseChanged(handle: FileHandle, then: BigIntStats): Promise<void> {
  const now = await handle.stat({ bigint: true });
  const isSame =
    now.size === then.size && now.mtimeNs === then.mtimeNs && now.ino === then.ino && now.dev === then.dev;
  if (!isSame) throw new Fault('SourceChanged');
}

const { errno } = system;

const reasonOf = new Map<number, 'SourceNotFound' | 'SourceUnreadable' | 'SourceUnavailable'>([
  [errno.ENOENT, 'SourceNotFound'],
  [errno.ENOTDIR, 'SourceNotFound'],
  [errno.ENAMETOOLONG, 'SourceNotFound'],
  [errno.EACCES, 'SourceUnreadable'],
  [errno.EPERM, 'SourceUnreadable'],
  [errno.ELOOP, 'SourceUnreadable'],
  [errno.EISDIR, 'SourceUnreadable'],
  [errno.ENXIO, 'SourceUnreadable'],
  // What network file systems answer while their server is away.
  [errno.EIO, 'SourceUnavailable'],
  [errno.ESTALE, 'SourceUnavailable'],
  [errno.ETIMEDOUT, 'SourceUnavailable'],
  [errno.EHOSTUNREACH, 'SourceUnavailable'],
  [errno.ENOTCONN, 'SourceUnavailable'],
  [errno.EAGAIN, 'SourceUnavailable'],
  [errno.EBUSY, 'SourceUnavailable'],
]);

function fileFault(error: unknown): unknown {
  const reason = reasonOf.get(errnoOf(error) ?? 0);
  return reason === undefined ? error : new Fault(reason);
}
