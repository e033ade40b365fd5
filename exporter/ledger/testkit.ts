import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { ObjectName } from '../../api/rundocument.ts';
import { Fault } from '../fault.ts';
import type { Entry, SetRef } from './head.ts';
import type { LedgerHome } from './home.ts';
import type { LeaseClock } from './lease.ts';

export type Write = 'head' | 'set' | 'removeSet' | 'removeHead';

/**
 * Called before and after each write that changes something; `n` counts them from 1. What it throws, the
 * writer gets: thrown before, nothing was written; thrown after, it was.
 */
export type OnWrite = (n: number, what: Write, when: 'before' | 'after') => void;

/** What a process that is killed meets. It is no Fault: nobody handles it. */
export class Crash extends Error {}

/** The writer is killed before or after its n-th write: it writes nothing from then on, not even to tidy up. */
export function crashAt(n: number, when: 'before' | 'after'): OnWrite {
  return (at, _what, now) => {
    if (at > n || (at === n && (when === 'before' || now === 'after'))) throw new Crash();
  };
}

export interface MemoryHome extends LedgerHome {
  /** May be changed at any time. */
  onWrite: OnWrite | undefined;
  /** How many writes there were; may be set. */
  writes: number;
  /** By name; may be altered, as a disk may that rots. */
  readonly sets: Map<string, Buffer>;
  head: { bytes: Buffer; tag: string } | undefined;
}

/** A ledger's home in memory. Several ledgers may be opened on one. */
export function memoryHome(options: { onWrite?: OnWrite } = {}): MemoryHome {
  let version = 0;
  const write = async (what: Write, change: () => void): Promise<void> => {
    const n = ++home.writes;
    // Where a test's other party may come in between.
    await Promise.resolve();
    home.onWrite?.(n, what, 'before');
    change();
    home.onWrite?.(n, what, 'after');
  };
  const home: MemoryHome = {
    onWrite: options.onWrite,
    writes: 0,
    sets: new Map(),
    head: undefined,
    readHead: async () => home.head && { ...home.head },
    swapHead: async (bytes, tag) => {
      let swapped: string | undefined;
      if (home.head?.tag !== tag) return undefined;
      await write('head', () => {
        if (home.head?.tag !== tag) return;
        swapped = String(++version);
        home.head = { bytes: Buffer.from(bytes), tag: swapped };
      });
      return swapped;
    },
    writeSet: (name, bytes) => write('set', () => home.sets.set(name, Buffer.from(bytes))),
    readSet: async (name, length) => {
      const bytes = home.sets.get(name);
      if (bytes && bytes.length !== length) throw new Fault('LedgerDamaged');
      return bytes && Buffer.from(bytes);
    },
    listSets: async () => [...home.sets.keys()],
    removeSet: (name) => write('removeSet', () => home.sets.delete(name)),
    probe: async () => undefined,
    destroy: async () => {
      for (const name of [...home.sets.keys()]) await home.removeSet(name);
      await write('removeHead', () => {
        home.head = undefined;
      });
    },
  };
  return home;
}

/** Time of a test, by which several clocks go, each wrong in its own way. */
export class FakeTime {
  #time = 0;
  #clocks = 0;
  readonly #sleepers: { at: number; wake: () => void }[] = [];

  /**
   * @param skewMs by how much its time of day is wrong, now.
   * @param rate how fast it goes; a good one is off by less than a thousandth.
   */
  clock(skewMs: number | (() => number) = 0, rate = 1): LeaseClock {
    const skew = typeof skewMs === 'number' ? () => skewMs : skewMs;
    // Counted from the start of each machine.
    const monotonicStart = 1_000 * this.#clocks++;
    return {
      now: () => Math.round(Date.parse('2026-11-22T00:00:00Z') + this.#time * rate + skew()),
      monotonic: () => monotonicStart + this.#time * rate,
      sleep: async (milliseconds, signal) => {
        signal.throwIfAborted();
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        const abort = (): void => reject(signal.reason);
        signal.addEventListener('abort', abort);
        this.#sleepers.push({ at: this.#time + milliseconds, wake: resolve });
        await promise.finally(() => signal.removeEventListener('abort', abort));
      },
    };
  }

  get elapsed(): number {
    return this.#time;
  }

  /** How many are asleep. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  /** Lets time pass, and whoever sleeps wake in its turn and do what it does then. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#time + milliseconds;
    await settle();
    for (;;) {
      this.#sleepers.sort((a, b) => a.at - b.at);
      const next = this.#sleepers[0];
      if (!next || next.at > end) break;
      this.#sleepers.shift();
      this.#time = Math.max(this.#time, next.at);
      next.wake();
      await settle();
    }
    this.#time = end;
  }

  /** Lets time pass until the work is done: whenever somebody sleeps, and not while a disk or a store is waited for. */
  async until<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const done = work.finally(() => {
      isDone = true;
    });
    done.catch(() => undefined);
    for (;;) {
      await settle();
      if (isDone) return await done;
      const next = Math.min(...this.#sleepers.map(({ at }) => at));
      if (next < Number.POSITIVE_INFINITY) await this.advance(next - this.#time);
    }
  }
}

/** Lets everything happen that needs no time to pass: promises that wait for promises alone. */
async function settle(): Promise<void> {
  await setImmediate();
}

export const exportName: ObjectName = {
  namespace: 'shop',
  name: 'newsletter',
  uid: 'e0000000-0000-4000-8000-000000000001',
};

/** A sorted set of `count` digests, another one for each `seed`. */
export function digestsOf(count: number, seed = ''): Buffer {
  const digests = Array.from({ length: count }, (_, index) =>
    createHash('sha256').update(`${seed}${index}`).digest(),
  );
  return Buffer.concat(digests.sort(Buffer.compare));
}

export function entryOf(id: string, held: SetRef, change: Partial<Entry> = {}): Entry {
  return {
    id,
    advertiserId: '12345',
    name: id,
    criteoName: id,
    criteoSegmentId: '987',
    origin: 'Created',
    phase: 'Filled',
    held,
    recent: [],
    echoes: [],
    resyncedAt: 1_700_000_000_000,
    ...change,
  };
}
