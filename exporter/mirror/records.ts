import { randomUUID } from 'node:crypto';
import { type Entry, emptySet, type SetRef } from '../ledger/head.ts';
import type { Digests } from './sets.ts';

/** What the mirror needs of a ledger; `Ledger` is one. */
export interface Records {
  readonly head: { readonly entries: readonly Entry[] };
  load(ref: SetRef): Promise<Digests>;
  store(digests: Digests): Promise<SetRef>;
  /** `Changed`: it is another ledger by now than the one that was looked at; look again. */
  acquire(): Promise<'Acquired' | 'Changed'>;
  /** Before each call that writes. */
  permit(callTimeoutMs: number): Promise<void>;
  commit(change: (entries: readonly Entry[]) => Entry[]): Promise<void>;
  /** Removes sets that nothing refers to any more. */
  sweep(): Promise<void>;
  release(): Promise<void>;
  /** Removes the export's ledger as a whole. */
  destroy(): Promise<void>;
}

/**
 * For a connection without a ledger: remembers within the run and forgets after it,
 * so that every run adds everything.
 */
export function withoutLedger(): Records {
  let entries: Entry[] = [];
  const sets = new Map<string, Digests>();
  return {
    get head() {
      return { entries };
    },
    load: async (ref) => sets.get(ref.name) ?? new Uint8Array(0),
    store: async (digests) => {
      if (digests.length === 0) return emptySet;
      const ref: SetRef = { name: randomUUID(), count: digests.length / 32, sha256: '' };
      sets.set(ref.name, digests);
      return ref;
    },
    acquire: async () => 'Acquired',
    permit: async () => undefined,
    commit: async (change) => {
      entries = change(entries);
    },
    sweep: async () => undefined,
    release: async () => undefined,
    destroy: async () => undefined,
  };
}

/** The entries with one put in its place, or at the end where it is new. */
export function withEntry(entries: readonly Entry[], entry: Entry): Entry[] {
  return entries.some(({ id }) => id === entry.id)
    ? entries.map((each) => (each.id === entry.id ? entry : each))
    : [...entries, entry];
}

export function withoutEntry(entries: readonly Entry[], { id }: Entry): Entry[] {
  return entries.filter((each) => each.id !== id);
}
