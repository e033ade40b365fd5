import type { Source } from '../source.ts';
import { type FilesSourceOptions, filesSource } from './files.ts';
import { Mount } from './mount.ts';

/** Files on a mounted volume; `directory` is where the claim is mounted. */
export function fileSource({
  directory,
  ...options
}: Omit<FilesSourceOptions, 'store'> & { directory: string }): Source {
  return filesSource({ ...options, store: new Mount(directory) });
}
