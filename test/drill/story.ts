import { hash } from 'node:crypto';
import type { DeletionPolicy, ExportRun, RetireRun, RunLedger } from '../../api/rundocument.ts';
import type { Random } from './random.ts';
import { type Circumstances, type Expected, expectedOf, type Member, nowhere, type Slot } from './slot.ts';

const population = 260;
/** Fewer than this would make "everyone has left" a common thing, which is a scene of its own. */
const fewest = 6;

/** What a run must be told that is not the story's: where things are. */
export interface Surroundings {
  baseUrl: string;
  ledger: RunLedger;
}

const connection = { namespace: 'shop', name: 'nordic', uid: 'c0000000-0000-4000-8000-000000000001' };

/** One export: its sources, its definition, and what is to be at Criteo. It knows no ledger and no run's outcome. */
export class Story {
  readonly advertiserId = '12345';
  readonly slots: Slot[] = [];
  uid: string;
  policy: DeletionPolicy = 'Retain';
  maxPercent = 100;
  /** What a person approved. */
  approval: string | undefined;
  readonly #random: Random;
  readonly #lane: number;
  #exports = 0;
  #names = 0;
  #foreigners = 0;
  #withdrawn = new Set<Member>();
  #everWithdrawn = new Set<Member>();

  constructor(random: Random, lane: number) {
    this.#random = random;
    this.#lane = lane;
    this.uid = this.#nextUid();
    const kinds = { a: 'Refuse', b: 'Refuse', c: 'Refuse', kept: 'Keep', taken: 'TakeOver' } as const;
    for (const [name, existing] of Object.entries(kinds)) {
      const slot: Slot = {
        name,
        kind: existing,
        rows: new Map(),
        before: [],
        criteoName: name,
        existing,
        isIn: name !== 'c',
        wasEverIn: name !== 'c',
        place: nowhere(),
        names: new Set([name]),
        policies: new Set(),
        wasOut: false,
        isRenamed: false,
        isDeletedByHand: false,
        hasRunIn: false,
      };
      this.slots.push(slot);
      for (const person of random.some(this.#range(), random.whole(30, 90)))
        slot.rows.set(person, random.chance(92));
    }
    this.mend();
  }

  get slotsIn(): Slot[] {
    return this.slots.filter(({ isIn }) => isIn);
  }

  /** People of the source who are to be at Criteo. */
  wantedOf(slot: Slot): Set<Member> {
    const withConsent = [...slot.rows]
      .filter(([, consent]) => consent)
      .map(([person]): Member => `p${person}`);
    return new Set(withConsent).difference(this.#withdrawnNow());
  }

  expectedOf(slot: Slot): Expected[] {
    const circumstances: Circumstances = {
      wanted: this.wantedOf(slot),
      everybody: new Set(this.#range().map((person): Member => `p${person}`)),
      withdrawn: this.#withdrawn,
      everWithdrawn: this.#everWithdrawn,
    };
    return expectedOf(slot, circumstances);
  }

  /** Who must still be in a segment that the guard holds: all whose consent was not taken back. */
  guardedOf(slot: Slot): Set<Member> {
    return slot.place.people.difference(this.#everWithdrawn);
  }

  /** Files of the source, by name. */
  files(): Record<string, string> {
    const files: Record<string, string> = {};
    for (const { name, rows } of this.slots) {
      const lines = [...rows].map(
        ([person, consent]) => `${addressOf(`p${person}`)},${consent ? 'yes' : 'no'}`,
      );
      // The dirt that lists have.
      files[`${name}.csv`] = `email,ok\n${lines.join('\n')}\n${lines[0] ?? ''}\n,yes\nnobody,yes\n`;
    }
    return files;
  }

  exportDocument({ baseUrl, ledger }: Surroundings, isPlan: boolean): ExportRun {
    return {
      formatVersion: 1,
      kind: 'Export',
      connection,
      api: { baseUrl, version: '2026-07' },
      export: this.#owner(),
      generation: 1,
      advertiserId: this.advertiserId,
      maxProfiles: 100_000,
      mode: 'Mirror',
      ledger,
      ...(isPlan ? { plan: true as const } : {}),
      rowFaultGuard: { maxPercent: 100 },
      removalGuard: { maxPercent: this.maxPercent },
      ...(this.approval === undefined ? {} : { approval: this.approval }),
      deletionPolicy: this.policy,
      match: { email: { field: 'email', fallbackFields: [] } },
      consent: { field: 'ok', isTrue: true },
      source: { file: { path: '.', format: 'CSV', csv: { delimiter: 'Comma' } } },
      segments: this.slotsIn.map(({ name, criteoName, existing }) => ({ name, criteoName, existing })),
    };
  }

  retireDocument({ baseUrl, ledger }: Surroundings): RetireRun {
    const { policy } = this;
    const api = { baseUrl, version: '2026-07' };
    return {
      formatVersion: 1,
      kind: 'Retire',
      connection,
      api,
      export: this.#owner(),
      ledger,
      deletionPolicy: policy,
    };
  }

  /** A run that may change something is about to begin. */
  noteRun(): void {
    this.#withdrawn = this.#withdrawnNow();
    this.#everWithdrawn = this.#everWithdrawn.union(this.#withdrawn);
    for (const slot of this.slots) {
      if (slot.isIn) {
        slot.hasRunIn = true;
        slot.names.add(slot.criteoName);
      } else if (slot.wasEverIn) slot.policies.add(this.policy);
    }
  }

  /** The export is deleted: from here on only runs of kind Retire. */
  retire(policy: DeletionPolicy): void {
    this.policy = policy;
    for (const slot of this.slotsIn) this.takeOut(slot);
  }

  /** It is made anew: with another uid, and so with another ledger. */
  beginAnew(): void {
    this.uid = this.#nextUid();
    this.policy = 'Retain';
    this.maxPercent = 100;
    this.approval = undefined;
    this.#everWithdrawn = new Set();
    this.#withdrawn = new Set();
    for (const slot of this.slots) {
      const { place } = slot;
      slot.criteoName = [...slot.names][0] ?? slot.name;
      if (place.id === undefined) {
        slot.existing = 'Refuse';
        slot.place = nowhere();
      } else {
        // Whoever is in there is nobody of ours any more: where people of the sources are, only TakeOver is clean.
        const isKept = place.people.size === 0 && place.toGo.size === 0 && this.#random.chance(50);
        slot.existing = isKept ? 'Keep' : 'TakeOver';
        const inside = place.foreign.union(place.people).union(place.toGo);
        slot.place = {
          ...nowhere(),
          id: place.id,
          origin: isKept ? 'Kept' : 'TakenOver',
          ...(isKept ? { foreign: inside } : { toGo: inside }),
        };
      }
      slot.isIn = slot.name !== 'c';
      slot.wasEverIn = slot.isIn;
      slot.policies.clear();
      this.#settle(slot);
    }
    this.mend();
  }

  /** Of the last rounds. */
  remember(): void {
    for (const slot of this.slots) slot.before = [...slot.before, new Map(slot.rows)].slice(-4);
  }

  /** The source is again as it was so many rounds ago. */
  takeBack(slot: Slot, rounds: number): void {
    slot.rows = new Map(slot.before.at(-1 - rounds) ?? slot.rows);
  }

  takeOut(slot: Slot): void {
    slot.isIn = false;
    slot.wasOut = true;
  }

  putBack(slot: Slot): void {
    slot.isIn = true;
    if (slot.wasEverIn) slot.wasOut = true;
    slot.wasEverIn = true;
  }

  rename(slot: Slot): void {
    this.#names += 1;
    slot.criteoName = `${slot.name} ${this.#names}`;
    slot.isRenamed = true;
  }

  /** Somebody deleted it at Criteo, with all that was in it. */
  deletedByHand(slot: Slot): void {
    slot.place = nowhere();
    slot.isDeletedByHand = true;
  }

  foreigners(count: number): Member[] {
    return Array.from({ length: count }, (): Member => `f${this.#foreigners++}`);
  }

  /** Everybody who may be found anywhere. */
  everybody(): Member[] {
    const foreign = Array.from({ length: this.#foreigners }, (_, index): Member => `f${index}`);
    return [...this.#range().map((person): Member => `p${person}`), ...foreign];
  }

  /** What was found at a quiet point is what the next ones are held against. */
  settle(slot: Slot, found: { id: string; name: string; members: Set<Member> } | undefined): void {
    const { place } = slot;
    if (!found) {
      slot.place = nowhere();
      slot.policies.clear();
      slot.names = new Set([slot.criteoName]);
    } else {
      // Taken out before it was taken over for certain: whoever was in it may have to go yet.
      const toGo = slot.isIn || place.isKnown ? new Set<Member>() : place.toGo.intersection(found.members);
      const others = found.members.difference(toGo);
      const people = new Set([...others].filter((member) => member.startsWith('p')));
      slot.place = {
        id: found.id,
        origin: place.origin,
        isKnown: place.isKnown || slot.isIn || place.origin === 'Created',
        foreign: others.difference(people),
        toGo,
        people,
      };
      if (slot.isIn) slot.policies.clear();
      else if (slot.policies.size > 0) slot.policies = new Set([people.size > 0 ? 'Retain' : 'Empty']);
      slot.names = new Set([found.name]);
    }
    this.#settle(slot);
  }

  /** After all slots were settled. */
  settled(): void {
    this.#everWithdrawn = this.#withdrawnNow();
  }

  /** Lets every segment have some people again. */
  mend(): void {
    for (const slot of this.slots) {
      const gone = this.#withdrawnNow();
      const missing = fewest - this.wantedOf(slot).size;
      if (missing <= 0) continue;
      const free = this.#range().filter((person) => !slot.rows.has(person) && !gone.has(`p${person}`));
      for (const person of this.#random.some(free, missing)) slot.rows.set(person, true);
    }
  }

  #settle(slot: Slot): void {
    slot.wasOut = slot.wasEverIn && !slot.isIn;
    slot.isRenamed = false;
    slot.isDeletedByHand = false;
    slot.hasRunIn = false;
    slot.names.add(slot.criteoName);
  }

  /** People whose consent is gone, whichever segment of the definition says so. */
  #withdrawnNow(): Set<Member> {
    const without = this.slotsIn.flatMap(({ rows }) => [...rows].filter(([, consent]) => !consent));
    return new Set(without.map(([person]): Member => `p${person}`));
  }

  #range(): number[] {
    return Array.from({ length: population }, (_, index) => index);
  }

  #owner() {
    return { namespace: 'shop', name: 'newsletter', uid: this.uid };
  }

  #nextUid(): string {
    this.#exports += 1;
    return `e0000000-0000-4000-${8000 + this.#lane}-${String(this.#exports).padStart(12, '0')}`;
  }
}

const domain = 'drill.example';

export function addressOf(member: Member): string {
  return `somebody.${member}@${domain}`;
}

export function digestOf(member: Member): string {
  return hash('sha256', addressOf(member));
}

/** What no output may hold. */
export const forbidden: readonly RegExp[] = [
  /drill\.example/,
  /somebody\.[pf][0-9]/,
  /\b[0-9a-f]{64}\b/i,
  /sandbox-secret/,
];
