import { constants } from 'node:fs';
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { constants as system } from 'node:os';
import { join, sep } from 'node:path';
import { errnoOf } from '../errno.ts';
import { Fault } from '../fault.ts';

export interface Place {
  /** Without symbolic links. */
  path: string;
  kind: 'File' | 'Directory';
}

/**
 * Finds a path inside a mounted directory. Symbolic links are followed as long as
 * they stay inside: projected volumes are built of them, but one that leads out
 * could make the container's own files, the credentials among them, a source.
 * @throws Fault SourceNotFound, SourceUnreadable, SourceUnavailable.
 */
export async function locate(directory: string, path: string): Promise<Place> {
  if (path.includes('\0')) throw new Fault('SourceNotFound');
  try {
    const root = await realpath(directory);
    const named = join(root, path);
    if (!isInside(root, named)) throw new Fault('SourceUnreadable');
    const real = await realpath(named);
    if (!isInside(root, real)) throw new Fault('SourceUnreadable');
    const found = await stat(real);
    if (found.isDirectory()) return { path: real, kind: 'Directory' };
    // A pipe or a device would block the run, or never end.
    if (!found.isFile()) throw new Fault('SourceUnreadable');
    return { path: real, kind: 'File' };
  } catch (error) {
    throw fileFault(error);
  }
}

function isInside(root: string, path: string): boolean {
  return path === root || `${path}${sep}` === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

/** A quarter of a megabyte: in chunks of 64 KB, reading alone takes three times as long. */
const chunkBytes = 256 * 1024;

/**
 * The bytes of a file that `locate` found. A chunk is good until the next is asked
 * for: they share one piece of memory, because what was read is as large as the
 * file, and would be garbage of that size.
 * @throws Fault SourceNotFound, SourceUnreadable, SourceUnavailable.
 */
export async function* readChunks(path: string, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  let handle: FileHandle | undefined;
  const chunk = Buffer.allocUnsafe(chunkBytes);
  try {
    // The path was resolved: a link in its place now is another file than the one that was checked.
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await handle.read(chunk, 0, chunkBytes, null);
      if (bytesRead === 0) return;
      yield chunk.subarray(0, bytesRead);
    }
  } catch (error) {
    throw fileFault(error);
  } finally {
    await handle?.close();
  }
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
