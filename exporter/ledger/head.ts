import type { ObjectName } from '../../api/rundocument.ts';

/** The head of an export's ledger: all that it remembers but the digests themselves. docs/ledger.md describes it. */
export interface Head {
  /** The export that the ledger belongs to; another one's is refused. */
  export: ObjectName;
  /** Grows by one with every commit. */
  revision: number;
  lease?: Lease;
  entries: Entry[];
}

/** Who may send and commit, and until when. */
export interface Lease {
  /** Random, one a process. */
  holder: string;
  /** Milliseconds since the epoch, by the holder's clock. */
  until: number;
  /** Milliseconds for which it was taken: what another one waits by its own clock. */
  duration: number;
}

/** A set of digests, sorted, each once. */
export interface SetRef {
  /** Name in the home; unique for ever. Empty for the empty set, which is not stored. */
  name: string;
  /** How many digests it has; 32 bytes each. */
  count: number;
  /** SHA-256 of its bytes, in hexadecimal digits. */
  sha256: string;
}

/** One segment at Criteo that this export fills or has filled. */
export interface Entry {
  /** Random; the entry's own for ever. */
  id: string;
  advertiserId: string;
  /** The name in the source under which it was last filled. */
  name: string;
  /** The name at Criteo, as the manifest wrote it. */
  criteoName: string;
  /** Criteo's id; absent while the segment is being created. */
  criteoSegmentId?: string;
  /** `Kept` ones are somebody else's: they are never deleted, and only what was added is removed. */
  origin: 'Created' | 'Kept' | 'TakenOver';
  /** Creating: a create call may have been made. Emptying: the list is being emptied (TakeOver). Deleting: by deletionPolicy. */
  phase: 'Creating' | 'Emptying' | 'Filled' | 'Deleting';
  /** What Criteo has acknowledged as added, and not as removed since. */
  held: SetRef;
  /** An unfinished run's changes: each may or may not have reached Criteo. */
  intent?: Intent;
  /** Changes that Criteo has acknowledged lately: it works asynchronously, so they may still be on their way. */
  recent: Delta[];
  /** Digests to be sent once more, because an opposite change may have overtaken the last one. */
  echoes: Echo[];
  /** When the list was last emptied as a whole (TakeOver), in milliseconds. */
  emptiedAt?: number;
  /** When every identifier was last sent, in milliseconds. */
  resyncedAt: number;
  /** The segment has left the export, and its deletionPolicy was carried out. */
  retired?: 'Retain' | 'Empty' | 'Delete';
}

export interface Intent {
  adds: SetRef;
  removes: SetRef;
}

export interface Delta {
  /** When the last call of it was answered, in milliseconds. */
  at: number;
  adds: SetRef;
  removes: SetRef;
}

export interface Echo {
  /** Not before: in milliseconds. */
  due: number;
  digests: SetRef;
}

export const emptySet: SetRef = {
  name: '',
  count: 0,
  sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
};
