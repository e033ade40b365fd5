import type { Criteo } from './criteo.ts';
import type { Random } from './random.ts';
import type { Slot } from './slot.ts';
import type { Story } from './story.ts';

const weights = {
  nothing: 4,
  churn: 10,
  largeChurn: 2,
  takeBack: 14,
  consent: 5,
  rename: 4,
  takeOut: 5,
  putBack: 6,
  deleteByHand: 2,
  renameByHand: 1,
  guard: 2,
};
export type EventName = keyof typeof weights;

/**
 * What happens between two runs: in the source, in the definition, at Criteo by hand. Returns what it was.
 * @param wasKilled the last run: what it had begun is the more often no longer wanted.
 */
export async function happen(
  story: Story,
  criteo: Criteo,
  random: Random,
  wasKilled: boolean,
): Promise<EventName[]> {
  const names: EventName[] = [];
  story.remember();
  if (wasKilled && random.chance(40)) {
    for (const slot of story.slots) story.takeBack(slot, 1);
    names.push('takeBack');
  }
  for (let count = random.whole(1, 2); count > 0; count--) {
    const name = random.weighted(weights);
    if (await play(name, story, criteo, random)) names.push(name);
  }
  story.mend();
  return names;
}

/** Whether it could happen. */
async function play(name: EventName, story: Story, criteo: Criteo, random: Random): Promise<boolean> {
  switch (name) {
    case 'nothing':
      return true;
    case 'churn':
    case 'largeChurn':
      for (const slot of random.some(story.slots, 2)) churn(slot, random, name === 'churn' ? 6 : 40);
      return true;
    case 'takeBack':
      // Changes that oppose the last ones, which may still be on their way.
      for (const slot of random.some(story.slots, 3)) story.takeBack(slot, random.whole(1, 3));
      return true;
    case 'consent':
      changeConsent(random.one(story.slots), random);
      return true;
    case 'guard':
      story.maxPercent = random.one([100, 100, 30]);
      return true;
    case 'rename':
      return withOne(story.slots.filter(mayBeRenamed), random, (slot) => story.rename(slot));
    case 'takeOut':
      // One that was renamed, by a run that may have been killed, goes with its export or at the next quiet point.
      return withOne(
        story.slotsIn.length < 3 ? [] : story.slotsIn.filter(({ isRenamed }) => !isRenamed),
        random,
        (slot) => {
          story.takeOut(slot);
          story.policy = random.one(['Retain', 'Empty', 'Delete']);
        },
      );
    case 'putBack':
      return withOne(
        story.slots.filter(({ isIn }) => !isIn),
        random,
        (slot) => story.putBack(slot),
      );
    case 'deleteByHand':
      return await deleteByHand(story, criteo, random);
    case 'renameByHand':
      return await renameByHand(story, criteo, random);
  }
}

function withOne(slots: readonly Slot[], random: Random, change: (slot: Slot) => void): boolean {
  if (slots.length === 0) return false;
  change(random.one(slots));
  return true;
}

/** People come and go; who went may come back. */
function churn({ rows }: Slot, random: Random, percent: number): void {
  for (const person of [...rows.keys()]) if (random.chance(percent)) rows.delete(person);
  const comers = Math.ceil((rows.size * percent) / 100);
  for (let index = 0; index < comers; index++) {
    const person = random.whole(0, 259);
    if (!rows.has(person)) rows.set(person, random.chance(95));
  }
}

/** Some take their consent back, some give it again. */
function changeConsent({ rows }: Slot, random: Random): void {
  for (const person of random.some(rows.keys(), random.whole(1, 4))) rows.set(person, !rows.get(person));
}

/** The ledger continues a segment by its own name only where it was never retired. */
function mayBeRenamed({ isIn, wasOut, place }: Slot): boolean {
  return isIn && !wasOut && (place.isKnown || place.origin === 'Created');
}

async function deleteByHand(story: Story, criteo: Criteo, random: Random): Promise<boolean> {
  const there = story.slots.filter(({ place }) => place.id !== undefined && criteo.sandbox.segment(place.id));
  if (there.length === 0) return false;
  const slot = random.one(there);
  await criteo.deleteByHand(slot.place.id ?? '');
  story.deletedByHand(slot);
  return true;
}

/** Only of segments that the ledger knows by their ids. */
async function renameByHand(story: Story, criteo: Criteo, random: Random): Promise<boolean> {
  const there = story.slots.filter(
    ({ place }) => place.id !== undefined && place.isKnown && criteo.sandbox.segment(place.id),
  );
  if (there.length === 0) return false;
  const { place } = random.one(there);
  await criteo.renameByHand(place.id ?? '', `by hand ${random.whole(0, 1_000_000)}`);
  return true;
}
