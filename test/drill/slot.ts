import type { DeletionPolicy } from '../../api/rundocument.ts';

/** Somebody at Criteo: `p12` is a person of the sources, `f3` somebody whom others put into a segment. */
export type Member = `p${number}` | `f${number}`;

/** What is at Criteo for a segment of the source, as the last quiet point or a hand there left it. */
export interface Place {
  /** Criteo's id, where the segment is there for certain. */
  id: string | undefined;
  origin: 'Created' | 'Kept' | 'TakenOver';
  /** The ledger knew it at the last quiet point. */
  isKnown: boolean;
  /** Others put these in, and they stay. */
  foreign: Set<Member>;
  /** They go with the emptying of TakeOver, which may have happened. */
  toGo: Set<Member>;
  /** People of ours in it at the last quiet point. */
  people: Set<Member>;
}

/** One segment of the source, through all that becomes of it at Criteo. */
export interface Slot {
  readonly name: string;
  /** What the story would have it be: a segment of its own, or one that others made. */
  readonly kind: 'Refuse' | 'Keep' | 'TakeOver';
  /** Rows of the source: who, and whether with consent. */
  rows: Map<number, boolean>;
  /** The rows as they were before the last rounds, the latest last. */
  before: Map<number, boolean>[];
  criteoName: string;
  existing: 'Refuse' | 'Keep' | 'TakeOver';
  /** It is in the definition now. */
  isIn: boolean;
  /** It was in the definition of this very export at any time. */
  wasEverIn: boolean;
  place: Place;
  /** Names at Criteo that it may have by now. */
  names: Set<string>;
  /** With which deletionPolicy it may have been retired. */
  policies: Set<DeletionPolicy>;
  // Since the last quiet point:
  wasOut: boolean;
  isRenamed: boolean;
  isDeletedByHand: boolean;
  /** It has been in the definition for a run. */
  hasRunIn: boolean;
}

/** How a segment may be found at Criteo: all of `must` is in it, and else at most `may`. */
export type Expected =
  | 'Absent'
  | { must: Set<Member>; may: Set<Member>; marker: 'ours' | 'kept' | 'none' | 'any' };

/** What the expectations of one slot hang on beside itself. */
export interface Circumstances {
  /** People of the slot who are to be at Criteo. */
  wanted: Set<Member>;
  /** Everybody whom any source ever named. */
  everybody: Set<Member>;
  /** People whose consent is gone: by the sources of the last run; by those of any run since the last quiet point. */
  withdrawn: Set<Member>;
  everWithdrawn: Set<Member>;
}

export function nowhere(): Place {
  return {
    id: undefined,
    origin: 'Created',
    isKnown: false,
    foreign: new Set(),
    toGo: new Set(),
    people: new Set(),
  };
}

/** All ways in which the segment may rightly be found after a run that succeeded with everything settled. */
export function expectedOf(slot: Slot, circumstances: Circumstances): Expected[] {
  if (slot.isIn) return [expectedIn(slot, circumstances)];
  if (slot.policies.size === 0) return untouched(slot);
  return [...slot.policies].flatMap((policy) => expectedOut(slot, policy, circumstances));
}

/** Whether the segment must still be the one of the same id. */
export function keepsId(slot: Slot): boolean {
  return slot.place.id !== undefined && !mayBeMadeAnew(slot);
}

function mayBeMadeAnew({ place, wasOut, policies }: Slot): boolean {
  return place.origin === 'Created' && wasOut && policies.has('Delete');
}

/** What others put into a segment of ours goes with it, where it was deleted and made anew. */
function foreignOf(slot: Slot): { must: Set<Member>; may: Set<Member> } {
  const { foreign } = slot.place;
  return mayBeMadeAnew(slot) ? { must: new Set(), may: foreign } : { must: foreign, may: new Set() };
}

function expectedIn(slot: Slot, { wanted }: Circumstances): Expected {
  const { must, may } = foreignOf(slot);
  return { must: wanted.union(must), may, marker: slot.place.origin === 'Kept' ? 'kept' : 'ours' };
}

/** No run ever had it in its definition. */
function untouched({ place }: Slot): Expected[] {
  return place.id === undefined
    ? ['Absent']
    : [{ must: place.foreign.union(place.toGo), may: new Set(), marker: 'any' }];
}

function expectedOut(slot: Slot, policy: DeletionPolicy, circumstances: Circumstances): Expected[] {
  const { place } = slot;
  if (policy === 'Retain') return retained(slot, circumstances);
  if (place.origin !== 'Created') {
    return [{ must: place.foreign, may: place.toGo, marker: 'none' }];
  }
  const isEmptied: Expected = { ...foreignOf(slot), marker: 'any' };
  if (place.id === undefined) return policy === 'Delete' ? ['Absent'] : ['Absent', isEmptied];
  return policy === 'Delete' ? ['Absent'] : [isEmptied];
}

function retained(slot: Slot, { everybody, withdrawn, everWithdrawn }: Circumstances): Expected[] {
  const { place, hasRunIn } = slot;
  const isAsItWas = place.isKnown && !hasRunIn;
  const staying = isAsItWas ? place.people.difference(everWithdrawn) : new Set<Member>();
  const others = (isAsItWas ? place.people : everybody).difference(withdrawn);
  const foreign = foreignOf(slot);
  const expected: Expected = {
    must: foreign.must.union(staying),
    may: foreign.may.union(others).union(place.toGo),
    marker: 'any',
  };
  return place.id === undefined ? ['Absent', expected] : [expected];
}
