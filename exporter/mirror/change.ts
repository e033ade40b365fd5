import { type Digests, difference, intersection, none, sizeOf, union } from './sets.ts';

/** What the ledger knows of one segment at Criteo, with the sets loaded. */
export interface Known {
  /** Acknowledged. */
  held: Digests;
  /** Changes of a run that did not finish: each may or may not be at Criteo. */
  unsureAdds: Digests;
  unsureRemoves: Digests;
  /** To be sent once more, now. */
  echoes: Digests;
}

export const nothingKnown: Known = { held: none, unsureAdds: none, unsureRemoves: none, echoes: none };

/** What is to be at Criteo. */
export interface Wanted {
  /** The source's people, those without consent left out. */
  digests: Digests;
  /** People of the source whose consent is gone. */
  withdrawn: Digests;
  /** People who left the source are removed. */
  mirror: boolean;
  /** Everything is sent again. */
  resync: boolean;
}

/** What is to be sent. The two are disjoint, so their order does not matter. */
export interface Change {
  adds: Digests;
  removes: Digests;
  /** What Criteo holds of ours once both are acknowledged. */
  after: Digests;
  /** Of what may be there by us, how many would go for other reasons than their consent, and were not decided before. */
  guarded: number;
  /** How many may be there by us. */
  present: number;
}

/**
 * The changes that lead from whatever Criteo may hold to what is wanted. What an
 * unfinished run left unsure is sent again, in whichever direction is wanted now.
 */
export function changeFor(known: Known, wanted: Wanted): Change {
  const { held, unsureAdds, unsureRemoves, echoes } = known;
  const present = union(held, unsureAdds);
  const unsure = union(unsureAdds, unsureRemoves);
  const staying = wanted.mirror
    ? none
    : difference(difference(present, wanted.withdrawn), difference(unsureRemoves, wanted.digests));
  const after = union(wanted.digests, staying);

  const missing = wanted.resync ? after : difference(after, difference(held, unsure));
  const adds = union(missing, intersection(echoes, after));
  const leaving = difference(union(present, unsureRemoves), after);
  const removes = union(leaving, difference(echoes, after));

  const undecided = difference(difference(present, after), unsureRemoves);
  return {
    adds,
    removes,
    after,
    guarded: sizeOf(difference(undecided, wanted.withdrawn)),
    present: sizeOf(present),
  };
}

/**
 * The change that removes those whose consent is gone and decides about nobody else: what is
 * done for a segment that may not be changed otherwise. What is to be sent once more is, or a removal that
 * was overtaken would never take effect in a segment that has left the export.
 */
export function consentChange(known: Known, withdrawn: Digests): Change | undefined {
  const present = union(known.held, known.unsureAdds);
  if (known.echoes.length === 0 && intersection(present, withdrawn).length === 0) return undefined;
  return changeFor(known, { digests: none, withdrawn, mirror: false, resync: false });
}

export function isNothing(change: Change): boolean {
  return change.adds.length === 0 && change.removes.length === 0;
}
