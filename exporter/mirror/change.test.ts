import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { changeFor, consentChange, type Known, nothingKnown, type Wanted } from './change.ts';
import type { Digests } from './sets.ts';

const person = fc.integer({ min: 0, max: 15 });
const people = fc.uniqueArray(person, { maxLength: 12 }).map((names) => new Set(names));

function setOf(indexes: Iterable<number>): Digests {
  return Buffer.concat([...indexes].sort((a, b) => a - b).map((index) => Buffer.alloc(32, index)));
}

function namesOf(set: Digests): Set<number> {
  return new Set(Array.from({ length: set.length / 32 }, (_, index) => set[index * 32] ?? -1));
}

/** What a ledger may know: an intent's two sides are disjoint. */
const known = fc
  .record({ held: people, unsureAdds: people, unsureRemoves: people, echoes: people })
  .map(({ held, unsureAdds, unsureRemoves, echoes }) => ({
    held: setOf(held),
    unsureAdds: setOf(unsureAdds),
    unsureRemoves: setOf(unsureRemoves.difference(unsureAdds)),
    echoes: setOf(echoes),
  }));

const wanted = fc
  .record({ digests: people, withdrawn: people, mirror: fc.boolean(), resync: fc.boolean() })
  .map((each) => ({
    ...each,
    digests: setOf(each.digests.difference(each.withdrawn)),
    withdrawn: setOf(each.withdrawn),
  }));

/** Every way in which Criteo may stand: what is unsure is there or not. */
function worlds({ held, unsureAdds, unsureRemoves }: Known): Set<number>[] {
  const unsure = namesOf(unsureAdds).union(namesOf(unsureRemoves));
  const sure = namesOf(held).difference(unsure);
  return [sure, sure.union(unsure), ...[...unsure].map((one) => sure.union(new Set([one])))];
}

describe('changeFor', () => {
  test('wherever Criteo may stand, it ends where it should, and nobody is sent both ways', () => {
    fc.assert(
      fc.property(known, wanted, (before, want) => {
        const { adds, removes, after } = changeFor(before, want);
        expect(namesOf(adds).isDisjointFrom(namesOf(removes))).toBe(true);
        for (const world of worlds(before)) {
          expect(world.difference(namesOf(removes)).union(namesOf(adds))).toEqual(namesOf(after));
        }
        if (want.mirror) expect(namesOf(after)).toEqual(namesOf(want.digests));
      }),
    );
  });

  test('nobody whose consent is gone stays, in either mode', () => {
    fc.assert(
      fc.property(known, wanted, (before, want) => {
        const { after, removes } = changeFor(before, want);
        const gone = namesOf(want.withdrawn);
        expect(namesOf(after).isDisjointFrom(gone)).toBe(true);
        const present = namesOf(before.held).union(namesOf(before.unsureAdds));
        expect(present.intersection(gone).isSubsetOf(namesOf(removes))).toBe(true);
      }),
    );
  });

  test('AddOnly removes nobody else, but those an unfinished run was removing', () => {
    fc.assert(
      fc.property(known, wanted, (before, want) => {
        const { removes, guarded } = changeFor(before, { ...want, mirror: false });
        const may = namesOf(want.withdrawn)
          .union(namesOf(before.unsureRemoves))
          .union(namesOf(before.echoes));
        expect(namesOf(removes).isSubsetOf(may)).toBe(true);
        expect(guarded).toBe(0);
      }),
    );
  });

  test('what is there already is not sent, and what changed is all that is', () => {
    const held = setOf([1, 2, 3]);
    const same = { digests: held, withdrawn: setOf([]), mirror: true, resync: false };
    expect(changeFor({ ...nothingKnown, held }, same)).toMatchObject({ guarded: 0, present: 3 });
    expect(changeFor({ ...nothingKnown, held }, same).adds).toHaveLength(0);
    const change = changeFor({ ...nothingKnown, held }, { ...same, digests: setOf([2, 3, 4]) });
    expect([namesOf(change.adds), namesOf(change.removes)]).toEqual([new Set([4]), new Set([1])]);
    expect(namesOf(changeFor({ ...nothingKnown, held }, { ...same, resync: true }).adds)).toEqual(
      new Set([1, 2, 3]),
    );
  });

  test('the guard counts who leaves the source, not whose consent is gone, nor what was decided before', () => {
    const before = { ...nothingKnown, held: setOf([1, 2, 3, 4]), unsureRemoves: setOf([4]) };
    const want: Wanted = { digests: setOf([1]), withdrawn: setOf([2]), mirror: true, resync: false };
    expect(changeFor(before, want)).toMatchObject({ guarded: 1, present: 4 });
  });
});

test('the change for consent alone removes these people and keeps the rest', () => {
  const before = { ...nothingKnown, held: setOf([1, 2, 3]) };
  const change = consentChange(before, setOf([2, 9]));
  expect(namesOf(change?.removes ?? setOf([]))).toEqual(new Set([2]));
  expect(namesOf(change?.after ?? setOf([]))).toEqual(new Set([1, 3]));
  expect(consentChange(before, setOf([9]))).toBeUndefined();
});

test('what is to be sent once more is sent with it, also where nobody\u2019s consent is gone', () => {
  const before = { ...nothingKnown, held: setOf([1, 2]), echoes: setOf([2, 3]) };
  const change = consentChange(before, setOf([]));
  expect(namesOf(change?.adds ?? setOf([]))).toEqual(new Set([2]));
  expect(namesOf(change?.removes ?? setOf([]))).toEqual(new Set([3]));
});
