import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fault } from '../fault.ts';
import { silentLog } from '../testkit.ts';
import { emptySet } from './head.ts';
import type { LedgerHome } from './home.ts';
import { Ledger } from './ledger.ts';
import { entryOf, exportName, FakeTime, memoryHome } from './testkit.ts';

const leaseMs = 20_000;
const callMs = 4_000;
const hour = 3_600_000;

/** How one party's way to the home is: a reply is slow; a write fails without or with its effect, or with one that comes late. */
type Way = 'open' | 'slow' | 'without' | 'with' | 'late' | 'unreadable';

const skew = fc.constantFrom(0, hour, -hour);
/** Good clocks are off by less than a thousandth. */
const rate = fc.double({ min: 0.999, max: 1.001, noNaN: true });
const step = fc.record({
  party: fc.nat({ max: 2 }),
  what: fc.constantFrom(
    ...([
      'acquire',
      'acquire',
      'permit',
      'permit',
      'permit',
      'commit',
      'release',
      'restart',
      'setClock',
    ] as const),
  ),
  way: fc.constantFrom<Way>(...Array<Way>(6).fill('open'), 'slow', 'without', 'with', 'late', 'unreadable'),
  /** Of `setClock`: the machine's time of day is put right, or wrong. */
  skew,
  /** Until the next step. */
  gapMs: fc.oneof(fc.nat({ max: 2_000 }), fc.nat({ max: leaseMs })),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** A call to Criteo, which may last until `callMs` after it began. */
interface Call {
  party: number;
  at: number;
}

/** What the parties share. */
interface World {
  home: LedgerHome;
  time: FakeTime;
  calls: Call[];
  signal: AbortSignal;
}

/** A machine on which one process after the other uses the ledger. */
class Party {
  readonly #index: number;
  readonly #rate: number;
  readonly #world: World;
  #skew = 0;
  #way: Way = 'open';
  #ledger: Ledger | undefined;

  constructor(index: number, clockRate: number, world: World) {
    this.#index = index;
    this.#rate = clockRate;
    this.#world = world;
  }

  async act(what: Step['what'], way: Way, newSkew: number): Promise<void> {
    const { time, calls, signal } = this.#world;
    this.#way = way;
    if (what === 'setClock') this.#skew = newSkew;
    // A process that is killed gives nothing up.
    if (what === 'restart') this.#ledger = undefined;
    this.#ledger ??= await this.#open();
    const ledger = this.#ledger;
    if (what === 'commit') await ledger.commit((entries) => [...entries, entryOf('a', emptySet)].slice(-3));
    if (what === 'acquire') while ((await ledger.acquire()) === 'Changed');
    if (what === 'acquire' || what === 'permit') {
      await ledger.permit(callMs);
      calls.push({ party: this.#index, at: time.elapsed });
    }
    if (what === 'release') {
      // Whoever gives the lease up has heard of its calls, or their time is over.
      const last = calls.findLast(({ party }) => party === this.#index);
      if (last) await time.clock().sleep(Math.max(0, last.at + callMs - time.elapsed), signal);
      await ledger.release();
    }
  }

  #open(): Promise<Ledger> {
    const { time, signal } = this.#world;
    const clock = time.clock(() => this.#skew, this.#rate);
    return Ledger.open(this.#home(), exportName, { clock, log: silentLog, signal, leaseMs });
  }

  #home(): LedgerHome {
    const { home, time, signal } = this.#world;
    return {
      ...home,
      readHead: async () => {
        if (this.#way === 'unreadable') throw new Fault('LedgerUnavailable');
        return await home.readHead();
      },
      swapHead: async (bytes, tag) => {
        if (this.#way === 'open') return await home.swapHead(bytes, tag);
        if (this.#way === 'slow') {
          const swapped = await home.swapHead(bytes, tag);
          await time.clock().sleep(leaseMs / 3, signal);
          return swapped;
        }
        if (this.#way === 'with') await home.swapHead(bytes, tag);
        if (this.#way === 'late') {
          void time
            .clock()
            .sleep(leaseMs / 3, signal)
            .then(() => home.swapHead(bytes, tag));
        }
        throw new Fault('LedgerUnavailable');
      },
    };
  }
}

async function play(steps: readonly Step[], rates: readonly number[]): Promise<Call[]> {
  const { signal } = new AbortController();
  const world: World = { home: memoryHome(), time: new FakeTime(), calls: [], signal };
  const parties = rates.map((each, index) => new Party(index, each, world));
  const turns = parties.map(() => Promise.resolve());
  const mistakes: unknown[] = [];
  for (const { party, what, way, skew: newSkew, gapMs } of steps) {
    // Each does one thing after the other, and the others go on meanwhile.
    turns[party] = (turns[party] ?? Promise.resolve())
      .then(() => parties[party]?.act(what, way, newSkew))
      .catch((error: unknown) => {
        if (!(error instanceof Fault)) mistakes.push(error);
      });
    await world.time.advance(gapMs);
  }
  expect(mistakes).toEqual([]);
  return world.calls;
}

test('two are never permitted to call at once, whatever fails and whichever clock is wrong', async () => {
  let permitted = 0;
  let handovers = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 20, maxLength: 50 }),
      fc.tuple(rate, rate, rate),
      async (steps, rates) => {
        const calls = await play(steps, rates);
        for (const [index, call] of calls.entries()) {
          const others = calls.slice(index + 1).filter(({ party }) => party !== call.party);
          for (const other of others) expect(other.at - call.at).toBeGreaterThanOrEqual(callMs);
          if (calls[index + 1] !== undefined && calls[index + 1] === others[0]) handovers++;
        }
        permitted += calls.length;
      },
    ),
    // Shrinking such a story takes minutes; the seed tells it again.
    { numRuns: 1000, endOnFailure: true },
  );
  // The stories must be such that it could go wrong.
  expect(permitted).toBeGreaterThan(1_000);
  expect(handovers).toBeGreaterThan(100);
}, 60_000);
