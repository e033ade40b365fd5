import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Whether any file in a directory, at any depth, holds a secret that can be read: as it is, or in base64, as the fields
 * `data` of Secrets have it. Pulumi's provider turns `stringData` into `data` before anything is written.
 *
 * @throws Error where there is no file at all: then nothing was looked at
 */
export async function holdsInPlain(directory: string, secret: string): Promise<boolean> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  if (files.length === 0) throw new Error(`no file in ${directory}`);
  const forms = [secret, Buffer.from(secret).toString('base64')];
  const contents = await Promise.all(
    files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'utf8')),
  );
  return contents.some((content) => forms.some((form) => content.includes(form)));
}
