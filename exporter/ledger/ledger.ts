import { randomUUID } from 'node:crypto';
import { canonicalJson } from '../../api/hash.ts';
import type { ObjectName } from '../../api/rundocument.ts';
import { Fault } from '../fault.ts';
import type { Log } from '../log.ts';
import { decodeHead, encodeHead } from './format.ts';
import { freeze } from './freeze.ts';
import type { Entry, Head, Lease, SetRef } from './head.ts';
import type { LedgerHome } from './home.ts';
import { elapsed, isOver, type LeaseClock, leaseFor, type Moment, momentOf, waitFor } from './lease.ts';
import { SetStore } from './setstore.ts';

export interface LedgerOptions {
  clock: LeaseClock;
  log: Log;
  /** Aborted where the run is to end early: it ends the waits. */
  signal: AbortSignal;
  /** How long a lease lasts without being renewed. */
  leaseMs?: number;
  /** Who we are in the lease; default: random. */
  holder?: string;
  /** How long another's lease is waited for; default: as long as it lasts, and 30 s. */
  maxWaitMs?: number;
  /** How much of the sets that were stored or loaded last is kept in memory. Default: nothing. */
  cacheBytes?: number;
}

const defaultLeaseMs = 180_000;
const patienceMs = 30_000;
const pollMs = 3_000;
/** Renewals in a row that each took so long that nothing was left of them. */
const maxRenewals = 5;
/** A swap is refused more often than once only where attempts without an answer come late. */
const maxSwaps = 5;

/** A version of the head in its home. */
interface Version {
  head: Head;
  /** Undefined where it is not stored yet. */
  tag: string | undefined;
  bytes: Buffer | undefined;
}

/**
 * One export's ledger, with the lease that says who may send and commit. It is never written but by
 * swapping exactly the head that was read, so whoever is cut off, slow or presumed dead changes nothing
 * that another has built upon.
 */
export class Ledger {
  readonly #home: LedgerHome;
  readonly #export: ObjectName;
  readonly #clock: LeaseClock;
  readonly #log: Log;
  readonly #signal: AbortSignal;
  readonly #leaseMs: number;
  readonly #holder: string;
  readonly #maxWaitMs: number | undefined;
  readonly #sets: SetStore;
  #version: Version;
  /** Since when exactly this version is known, by the monotonic clock. */
  #seenAt = 0;
  /** From when the own lease counts: before the call began that took or renewed it. */
  #leasedAt: Moment | undefined;
  /** `until` of the last lease that was written, or may have been. */
  #until = 0;
  /** The lease in the head may be ours. */
  #mayHold = false;
  #isProbed = false;
  #queue: Promise<unknown> = Promise.resolve();

  /** @throws Fault LedgerDamaged, LedgerTooNew, LedgerOfAnother, and what the home throws. */
  static async open(home: LedgerHome, exportName: ObjectName, options: LedgerOptions): Promise<Ledger> {
    const ledger = new Ledger(home, exportName, options);
    await ledger.reload();
    return ledger;
  }

  private constructor(home: LedgerHome, exportName: ObjectName, options: LedgerOptions) {
    this.#home = home;
    this.#export = { ...exportName };
    this.#clock = options.clock;
    this.#log = options.log;
    this.#signal = options.signal;
    this.#leaseMs = options.leaseMs ?? defaultLeaseMs;
    this.#holder = options.holder ?? randomUUID();
    this.#maxWaitMs = options.maxWaitMs;
    this.#sets = new SetStore(home, options.cacheBytes ?? 0);
    this.#version = this.#nothing();
  }

  /** As it was read or written last; frozen. */
  get head(): Head {
    return this.#version.head;
  }

  reload(): Promise<void> {
    return this.#inTurn(() => this.#look());
  }

  /**
   * Takes the lease on the head as it was read, or renews it where it is ours already. Another's is waited for.
   * @returns `Changed` where the entries are no longer those that were read: think again.
   * @throws Fault LedgerBusy where another one's lease does not end in time.
   */
  acquire(): Promise<'Acquired' | 'Changed'> {
    return this.#inTurn(async () => {
      if (this.#leasedAt) {
        await this.#renew();
        return 'Acquired';
      }
      if (!this.#isProbed) await this.#home.probe();
      this.#isProbed = true;
      return await this.#take();
    });
  }

  /**
   * Called immediately before each call to Criteo that writes, which may take `callTimeoutMs`: the lease lasts
   * until that call is over.
   * @throws Fault LedgerLeaseLost.
   */
  async permit(callTimeoutMs: number): Promise<void> {
    if (callTimeoutMs >= this.#leaseMs) throw new RangeError('a call may take longer than a lease lasts');
    if (this.#isAmple(callTimeoutMs)) return;
    await this.#inTurn(() => this.#prolong(callTimeoutMs));
  }

  /**
   * Replaces the entries, and prolongs the lease. Where it throws LedgerUnavailable nobody knows whether the
   * change was written; the lease is given up for lost then, and the next run reads what is there.
   * @param change must not alter what it is given.
   * @throws Fault LedgerLeaseLost.
   */
  commit(change: (entries: readonly Entry[]) => Entry[]): Promise<void> {
    return this.#inTurn(async () => {
      this.#requireLease();
      const entries = structuredClone(change(this.head.entries));
      const revision = this.head.revision + 1;
      const next = { export: this.#export, revision, lease: this.#nextLease(), entries };
      await this.#write(next);
      this.#sets.committed(entries);
    });
  }

  /**
   * Writes a set; with the lease only, because sets that no head refers to are removed by whoever holds it.
   * @param digests sorted, each once; not to be altered afterwards.
   */
  async store(digests: Uint8Array): Promise<SetRef> {
    this.#requireLease();
    return await this.#sets.store(digests);
  }

  /** A set, checked; not to be altered. @throws Fault LedgerDamaged where it is missing or another. */
  load(ref: SetRef): Promise<Uint8Array> {
    return this.#sets.load(ref);
  }

  /** Removes the sets that no entry refers to. What does not succeed in passing is left to the next run. */
  sweep(): Promise<void> {
    return this.#inTurn(async () => {
      this.#requireLease();
      try {
        await this.#sets.sweep(this.head.entries, () => this.#renew());
      } catch (error) {
        if (!isFault(error, 'LedgerUnavailable') && !isFault(error, 'LedgerLeaseLost')) throw error;
        this.#log.warn('sets that are no longer needed are left to the next run', { reason: error.reason });
      }
    });
  }

  /** Gives the lease up, so that nobody need wait for its end. Where that does not succeed, somebody will. */
  release(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#mayHold) return;
      this.#mayHold = false;
      this.#leasedAt = undefined;
      try {
        const version = await this.#read();
        // It may have been lost, or taken without our knowing.
        if (version.head.lease?.holder !== this.#holder) return this.#adopt(version);
        const { lease: _, ...head } = version.head;
        const tag = await this.#home.swapHead(encodeHead(head), version.tag);
        if (tag !== undefined) this.#adopt({ head: freeze(head), tag, bytes: undefined });
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        this.#log.warn("the ledger's lease was not given up; the next run waits for its end", {
          reason: error.reason,
        });
      }
    });
  }

  /** Removes the export's ledger as a whole, with the lease. */
  destroy(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#renew();
      await this.#home.destroy();
      this.#mayHold = false;
      this.#leasedAt = undefined;
      this.#adopt(this.#nothing());
    });
  }

  async #take(): Promise<'Acquired' | 'Changed'> {
    const looked = this.head;
    const start = this.#clock.monotonic();
    for (;;) {
      await this.#waitForOthers(start);
      if (!haveSameEntries(looked, this.head)) return 'Changed';
      const from = momentOf(this.#clock);
      this.#mayHold = true;
      if (await this.#swap({ ...this.head, export: this.#export, lease: this.#nextLease() })) {
        this.#leasedAt = from;
        return 'Acquired';
      }
      await this.#look();
    }
  }

  /** Returns once nobody else holds the lease of the head that was read last. */
  async #waitForOthers(start: number): Promise<void> {
    let isTold = false;
    for (;;) {
      const other = this.#othersLease();
      if (!other) return;
      const waited = this.#clock.monotonic() - start;
      const left = (this.#maxWaitMs ?? waitFor(other) + patienceMs) - waited;
      if (left <= 0) throw new Fault('LedgerBusy');
      if (!isTold) {
        this.#log.info("another run holds the ledger's lease; waiting for its end", {
          atMostSeconds: Math.ceil(left / 1000),
        });
      }
      isTold = true;
      await this.#clock.sleep(Math.ceil(Math.min(pollMs, other.duration / 10, left)), this.#signal);
      await this.#look();
    }
  }

  #othersLease(): Lease | undefined {
    const { lease } = this.head;
    if (!lease || lease.holder === this.#holder) return undefined;
    return isOver(lease, this.#seenAt, this.#clock) ? undefined : lease;
  }

  /** Renews the lease until it is ample, or until there is no time left for trying. */
  async #prolong(callTimeoutMs: number): Promise<void> {
    let failures = 0;
    for (let renewals = 0; renewals < maxRenewals; ) {
      if (this.#isAmple(callTimeoutMs)) return;
      try {
        await this.#renew();
        renewals++;
      } catch (error) {
        if (!isFault(error, 'LedgerUnavailable')) throw error;
        // There is room for this call still; the next one's permit tries again.
        if (this.#left() < callTimeoutMs) await this.#pause(failures++);
        else return;
      }
      if (this.#left() >= callTimeoutMs) return;
    }
    throw this.#lost();
  }

  /** @throws Fault LedgerLeaseLost; what the home throws, and then it is as before, or renewed without our knowing. */
  async #renew(): Promise<void> {
    this.#requireLease();
    const from = momentOf(this.#clock);
    await this.#replace({ ...this.head, export: this.#export, lease: this.#nextLease() }, from);
  }

  /** Writes the head of a commit: tried again as long as the lease lasts, because what Criteo did is known to us alone. */
  async #write(next: Head): Promise<void> {
    // The first attempt may be the one that has its effect.
    const from = momentOf(this.#clock);
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#replace(next, from);
      } catch (error) {
        if (!isFault(error, 'LedgerUnavailable')) throw error;
        if (this.#left() <= 0) {
          this.#leasedAt = undefined;
          throw error;
        }
        await this.#pause(attempt);
      }
    }
  }

  /**
   * Swaps our own head for its successor.
   * @param from before the first attempt to write it: others may know it since then.
   * @throws Fault LedgerLeaseLost where it is ours no more.
   */
  async #replace(next: Head, from: Moment): Promise<void> {
    for (let attempt = 0; !(await this.#swap(next)); attempt++) {
      const found = await this.#read();
      // An earlier attempt that got no answer had its effect: with this very head, or with a renewal before it.
      const isNext = found.bytes?.equals(encodeHead(next)) ?? false;
      const isOurs = found.head.lease?.holder === this.#holder && found.head.revision === this.head.revision;
      if (!isNext && !isOurs) throw this.#lost(found);
      this.#adopt(found);
      if (isNext) break;
      if (attempt === maxSwaps) throw new Fault('LedgerUnavailable');
    }
    this.#leasedAt = from;
  }

  async #swap(next: Head): Promise<boolean> {
    const bytes = encodeHead(next);
    const tag = await this.#home.swapHead(bytes, this.#version.tag);
    if (tag !== undefined) this.#adopt({ head: freeze(next), tag, bytes });
    return tag !== undefined;
  }

  async #look(): Promise<void> {
    this.#adopt(await this.#read());
  }

  async #read(): Promise<Version> {
    for (;;) {
      const stored = await this.#home.readHead();
      if (stored) return { ...stored, head: decodeHead(stored.bytes, this.#export.uid) };
      if ((await this.#home.listSets()).length === 0) return this.#nothing();
      // Sets and no head: the head was lost, unless somebody wrote both since we looked for it.
      if (!(await this.#home.readHead())) throw new Fault('LedgerDamaged');
    }
  }

  #nothing(): Version {
    const head: Head = freeze({ export: { ...this.#export }, revision: 0, entries: [] });
    return { head, tag: undefined, bytes: undefined };
  }

  #adopt(version: Version): void {
    if (version.tag !== this.#version.tag || version.tag === undefined)
      this.#seenAt = this.#clock.monotonic();
    this.#version = version;
  }

  #nextLease(): Lease {
    const lease = leaseFor(this.#holder, this.#leaseMs, this.#clock.now(), this.#until);
    this.#until = lease.until;
    return lease;
  }

  /** What is left of the lease, in milliseconds. */
  #left(): number {
    return this.#leasedAt ? this.#leaseMs - elapsed(this.#leasedAt, this.#clock) : 0;
  }

  #isAmple(callTimeoutMs: number): boolean {
    this.#requireLease();
    return this.#left() >= Math.max(callTimeoutMs, this.#leaseMs / 2);
  }

  #requireLease(): void {
    if (!this.#leasedAt) throw new Fault('LedgerLeaseLost');
  }

  #lost(found?: Version): Fault {
    if (found) this.#adopt(found);
    this.#leasedAt = undefined;
    return new Fault('LedgerLeaseLost');
  }

  /** Between attempts; at the end of the lease at the latest. @throws Fault LedgerLeaseLost where that is now. */
  async #pause(attempt: number): Promise<void> {
    const left = this.#left();
    if (left <= 0) throw this.#lost();
    this.#log.warn('the ledger cannot be written; trying again', { secondsLeft: Math.ceil(left / 1000) });
    await this.#clock.sleep(Math.ceil(Math.min(1_000 * 2 ** attempt, 5_000, left)), this.#signal);
  }

  /** One after the other: each builds upon the head that the one before has written. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }
}

function haveSameEntries(a: Head, b: Head): boolean {
  return a.revision === b.revision && canonicalJson(a.entries) === canonicalJson(b.entries);
}

function isFault(error: unknown, reason: Fault['reason']): error is Fault {
  return error instanceof Fault && error.reason === reason;
}
