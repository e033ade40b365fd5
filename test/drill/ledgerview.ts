import { systemClock } from '../../exporter/clock.ts';
import type { Head } from '../../exporter/ledger/head.ts';
import type { LedgerHome } from '../../exporter/ledger/home.ts';
import { Ledger } from '../../exporter/ledger/ledger.ts';
import { silentLog } from '../../exporter/testkit.ts';
import type { Member } from './slot.ts';
import { digestOf } from './story.ts';

/** An export's ledger as its own program reads it, between runs. */
export class LedgerView {
  readonly #home: LedgerHome;
  readonly #uid: string;

  constructor(home: LedgerHome, uid: string) {
    this.#home = home;
    this.#uid = uid;
  }

  /** Changes with every write of the head; undefined where there is none. */
  async tag(): Promise<string | undefined> {
    return (await this.#home.readHead())?.tag;
  }

  /** Whether there is nothing of it. */
  async isGone(): Promise<boolean> {
    return (await this.#home.readHead()) === undefined && (await this.#home.listSets()).length === 0;
  }

  /** The head, and by entry's id who it says is held; undefined where there is no ledger. */
  async read(
    everybody: readonly Member[],
  ): Promise<{ head: Head; held: Map<string, Set<Member>> } | undefined> {
    if (!(await this.tag())) return undefined;
    const signal = new AbortController().signal;
    const exportName = { namespace: 'shop', name: 'newsletter', uid: this.#uid };
    const ledger = await Ledger.open(this.#home, exportName, { clock: systemClock, log: silentLog, signal });
    const memberOf = new Map(everybody.map((member) => [digestOf(member), member]));
    const held = new Map<string, Set<Member>>();
    for (const { id, held: ref } of ledger.head.entries) {
      const bytes = Buffer.from(await ledger.load(ref));
      const members = Array.from({ length: ref.count }, (_, index) =>
        memberOf.get(bytes.toString('hex', index * 32, index * 32 + 32)),
      );
      held.set(id, new Set(members.filter((member) => member !== undefined)));
    }
    return { head: ledger.head, held };
  }
}
