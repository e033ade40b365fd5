/**
 * Where one export's ledger lives: a head, replaced by compare-and-swap, and sets
 * of digests, written once under a name of their own. A new kind of home is one
 * file here that implements this, and one line in `open.ts`.
 *
 * Every method throws Fault LedgerUnavailable (passing), LedgerReadOnly, LedgerFull,
 * LedgerForbidden, TlsNotTrusted or LedgerNotUsable, which name what is to be mended.
 */
export interface LedgerHome {
  /** The head and the tag of this version of it; undefined where there is none. */
  readHead(): Promise<StoredHead | undefined>;
  /**
   * Replaces the head durably, if it still is as `tag` says (undefined: if there is none). No two writers
   * write equal bytes: where the home cannot tell what came of a write, it looks whether they are there.
   * Where it throws LedgerUnavailable the head may or may not have been replaced, or may be yet.
   * @returns the new tag, or undefined where the head is another by now.
   */
  swapHead(bytes: Buffer, tag: string | undefined): Promise<string | undefined>;
  /** Writes a set durably under a name that was never used before. */
  writeSet(name: string, bytes: Uint8Array): Promise<void>;
  /**
   * The bytes of a set, or undefined where there is none of that name.
   * @throws Fault LedgerDamaged where it is not `length` bytes long: it is not read into memory then.
   */
  readSet(name: string, length: number): Promise<Uint8Array | undefined>;
  /** Names of the sets that are there. */
  listSets(): Promise<string[]>;
  /** Removing one that is not there is harmless. */
  removeSet(name: string): Promise<void>;
  /**
   * Whether the home can be written and swaps heads only as it should, tried on an object of its own.
   * @throws Fault LedgerNotUsable where it replaces what it must not.
   */
  probe(): Promise<void>;
  /** Removes the export's ledger as a whole, the head last: its export is gone. */
  destroy(): Promise<void>;
}

export interface StoredHead {
  bytes: Buffer;
  tag: string;
}
