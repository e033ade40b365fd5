import type { RequestEntry } from '../sandbox/sandbox.ts';
import type { KillWhen } from './exporterprocess.ts';
import type { Random } from './random.ts';

/** How many of the last runs are remembered: a run after another's death waits for its lease, others do not. */
const remembered = 8;
/** After a call was made, the ledger is written within about so long. */
const afterCallMs = 40;

const kinds: readonly ((call: RequestEntry) => boolean)[] = [
  ({ path }) => path.endsWith('/create'),
  ({ path }) => path.endsWith('/audience-segments/delete'),
  ({ method, path }) => method === 'PATCH' && path.endsWith('/audience-segments'),
  ({ counts }) => counts?.operation === 'empty',
  ({ counts }) => counts?.operation === 'remove',
  ({ counts }) => counts?.operation === 'add',
];

/**
 * Chooses the moments at which runs are killed, spread over the length of a run, which is learned from those
 * that ended by themselves: by time, by calls, because most of the time of a short run is its start, and
 * by calls of one kind, because some come seldom.
 */
export class Killer {
  readonly #random: Random;
  readonly #calls: () => RequestEntry[];
  #lengths: number[] = [600];
  #counts: number[] = [12];

  /** @param calls those that this run has made so far. */
  constructor(random: Random, calls: () => RequestEntry[]) {
    this.#random = random;
    this.#calls = calls;
  }

  choose(): KillWhen {
    const random = this.#random;
    const by = random.weighted({ time: 3, call: 4, kind: 3 });
    if (by === 'time') {
      const at = random.next() * 1.05 * random.one(this.#lengths);
      return (elapsedMs) => elapsedMs >= at;
    }
    const after = random.whole(1, random.one(this.#counts));
    const isIt = random.one(kinds);
    const isTime = (): boolean => (by === 'call' ? this.#calls().length >= after : this.#calls().some(isIt));
    const delay = random.next() ** 2 * afterCallMs;
    let seenAt: number | undefined;
    return (elapsedMs) => {
      if (seenAt === undefined && isTime()) seenAt = elapsedMs;
      return seenAt !== undefined && elapsedMs >= seenAt + delay;
    };
  }

  learn(tookMs: number): void {
    this.#lengths = [...this.#lengths, tookMs].slice(-remembered);
    this.#counts = [...this.#counts, Math.max(this.#calls().length, 1)].slice(-remembered);
  }
}
