import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The value of a key of a mounted Secret; undefined where there is none. The mount is
 * optional, so a Secret that does not exist is an empty directory.
 */
export async function readSecretKey(directory: string, key: string): Promise<string | undefined> {
  try {
    // `echo secret | base64` puts a line break into many a Secret.
    return (await readFile(join(directory, key), 'utf8')).replace(/\r?\n$/, '');
  } catch {
    return undefined;
  }
}
