import type { FileStore, StoredEntry, StoredFile } from './store.ts';

/** Files of a test, by path: what they hold, when they were written, or how reading them fails. */
export type MemoryFiles = Record<string, { bytes?: string | Buffer; modifiedAt?: number; fails?: Error }>;

/** A store in memory. Directories are what files have names below, as in an object store. */
export function memoryStore(files: MemoryFiles): FileStore {
  return {
    find: async (path) => {
      const file = files[path];
      if (file) return storedFile(file);
      const directory = path.endsWith('/') ? path : `${path}/`;
      return Object.keys(files).some((name) => name.startsWith(directory)) ? 'Directory' : undefined;
    },
    list: async function* (path) {
      const directory = path.endsWith('/') ? path : `${path}/`;
      const directories = new Set<string>();
      const entries: StoredEntry[] = [];
      for (const [name, file] of Object.entries(files)) {
        if (!name.startsWith(directory)) continue;
        const [first = '', ...rest] = name.slice(directory.length).split('/');
        if (rest.length > 0) directories.add(first);
        else entries.push({ kind: 'File', name: first, file: storedFile(file) });
      }
      for (const name of directories) yield { kind: 'Directory', name };
      yield* entries;
    },
  };
}

/** A file in memory, which gives its bytes in small chunks of one piece of memory, as stores do. */
export function storedFile({ bytes = '', modifiedAt = 0, fails }: MemoryFiles[string]): StoredFile {
  const all = Buffer.from(bytes as string);
  return {
    size: all.length,
    modifiedAt,
    read: async function* () {
      const memory = Buffer.alloc(1000);
      for (let at = 0; at < all.length; at += memory.length) {
        yield memory.subarray(0, all.copy(memory, 0, at));
      }
      if (fails) throw fails;
    },
    slice: async (start, end) => {
      if (fails) throw fails;
      // In memory of its own.
      return Buffer.from(all.subarray(start, end));
    },
  };
}
