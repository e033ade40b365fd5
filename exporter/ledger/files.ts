import { chmod, type FileHandle, link, mkdir, open, readdir, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isErrno } from '../errno.ts';
import { Fault } from '../fault.ts';

/** Writes a new file, and returns once it would survive a loss of power. */
export async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  // Read by the group too: another run's pod may have another user, and the volume's group.
  const file = await open(path, 'wx', 0o640);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes what was linked, renamed or removed in a directory survive a loss of power. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } catch (error) {
    // Some file systems have no such call for directories, and need none.
    if (!isErrno(error, 'EINVAL') && !isErrno(error, 'ENOTSUP') && !isErrno(error, 'EBADF')) throw error;
  } finally {
    await directory.close();
  }
}

/** Makes a directory under one that is there, if it is not there itself. */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
    // Whatever the umask says: another run's pod may have another user, and the volume's group.
    await chmod(path, 0o2770).catch(() => undefined);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
  }
  // Also where it was there: whoever made it may have been killed before this.
  await syncDirectory(dirname(path));
}

/** The bytes of a file, or undefined where there is none. @throws Fault LedgerDamaged as `isLength` says. */
export async function readWhole(
  path: string,
  isLength: (length: number) => boolean,
): Promise<Buffer | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
  try {
    const { size } = await file.stat();
    if (!isLength(size)) throw new Fault('LedgerDamaged');
    // One piece of the length that it has: a set may be 32 MB, and the pod has little more.
    const bytes = Buffer.allocUnsafeSlow(size);
    for (let at = 0; at < size; ) {
      const { bytesRead } = await file.read(bytes, at, size - at, at);
      if (bytesRead === 0) throw new Fault('LedgerDamaged');
      at += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

/** Names in a directory; none where it is not there. */
export async function namesIn(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}

/** Whether the file was there. */
export async function removeFile(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Gives a file a second name, if nothing has that name yet. */
export async function linkExclusively(path: string, target: string): Promise<'Linked' | 'Exists'> {
  try {
    await link(path, target);
    return 'Linked';
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return 'Exists';
    throw error;
  }
}

/** By the file server's own clock; undefined where it is not there. */
export async function modifiedAt(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
