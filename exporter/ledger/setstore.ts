import { randomUUID } from 'node:crypto';
import { Fault } from '../fault.ts';
import { digestBytes } from '../identity/digest.ts';
import { refsOf, refTo, verify } from './digests.ts';
import { type Entry, emptySet, type SetRef } from './head.ts';
import type { LedgerHome } from './home.ts';

/** The sets of one ledger: written, read and checked, and removed when nothing refers to them. */
export class SetStore {
  readonly #home: LedgerHome;
  readonly #cacheBytes: number;
  /** By name, the one that was used last at the end. */
  readonly #cache = new Map<string, Uint8Array>();
  /** Written by this process and in no head yet. */
  readonly #pending = new Set<string>();

  constructor(home: LedgerHome, cacheBytes: number) {
    this.#home = home;
    this.#cacheBytes = cacheBytes;
  }

  async store(digests: Uint8Array): Promise<SetRef> {
    if (digests.length === 0) return emptySet;
    // Not named by its content: a writer that lost its lease must not remove what another has written.
    const ref = refTo(randomUUID(), digests);
    this.#pending.add(ref.name);
    await this.#home.writeSet(ref.name, digests);
    this.#remember(ref.name, digests);
    return ref;
  }

  async load(ref: SetRef): Promise<Uint8Array> {
    if (ref.count === 0) return new Uint8Array(0);
    const known = this.#cache.get(ref.name);
    const digests = known ?? (await this.#home.readSet(ref.name, ref.count * digestBytes));
    if (!digests) throw new Fault('LedgerDamaged');
    if (!known) verify(digests, ref);
    this.#remember(ref.name, digests);
    return digests;
  }

  /** Called when a head with these entries was written: what was in it once may be removed when it is no longer. */
  committed(entries: readonly Entry[]): void {
    for (const { name } of entries.flatMap(refsOf)) this.#pending.delete(name);
  }

  /**
   * Removes the sets that no entry refers to.
   * @param proveLease called when they are listed: only what was there while we held the lease may go,
   * because a later holder may have written what no head refers to yet.
   */
  async sweep(entries: readonly Entry[], proveLease: () => Promise<void>): Promise<void> {
    const names = await this.#home.listSets();
    await proveLease();
    const used = new Set(entries.flatMap(refsOf).map(({ name }) => name));
    for (const name of names) {
      if (!used.has(name) && !this.#pending.has(name)) await this.#home.removeSet(name);
    }
  }

  #remember(name: string, digests: Uint8Array): void {
    this.#cache.delete(name);
    if (digests.length > this.#cacheBytes) return;
    this.#cache.set(name, digests);
    let total = 0;
    for (const { length } of this.#cache.values()) total += length;
    for (const [oldest, { length }] of this.#cache) {
      if (total <= this.#cacheBytes) return;
      this.#cache.delete(oldest);
      total -= length;
    }
  }
}
