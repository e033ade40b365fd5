import type { SegmentView } from '../sandbox/sandbox.ts';
import type { Criteo } from './criteo.ts';
import { type Expected, keepsId, type Member, type Slot } from './slot.ts';
import type { Story } from './story.ts';

export interface Found {
  id: string;
  name: string;
  members: Set<Member>;
}

export interface Comparison {
  /** What is not as it should be: names of segments and counts, nobody's address. */
  differences: string[];
  /** By the slot's name: what is at Criteo for it. */
  found: Map<string, Found>;
}

/** Holds Criteo against the story: after a run that succeeded with everything settled. */
export function compare(
  story: Story,
  criteo: Criteo,
  bystanders: ReadonlyMap<string, SegmentView>,
): Comparison {
  const differences: string[] = [];
  const found = new Map<string, Found>();
  const left = new Map(criteo.sandbox.segments().map((segment) => [segment.id, segment]));
  for (const [id, before] of bystanders) {
    if (JSON.stringify(left.get(id)) !== JSON.stringify(before))
      differences.push("somebody else's segment was changed");
    left.delete(id);
  }
  // Those with an id first: another slot may be looked for by name.
  const inOrder = story.slots.toSorted(
    (a, b) => Number(b.place.id !== undefined) - Number(a.place.id !== undefined),
  );
  for (const slot of inOrder) {
    const segment = take(slot, left);
    const members = segment && criteo.membersOf(segment, story.everybody());
    if (segment && members) found.set(slot.name, { id: segment.id, name: segment.name, members });
    const expected = story.expectedOf(slot);
    const alternatives = expected.map((each) => wrongWith(each, slot, story.uid, segment, members));
    if (alternatives.some((wrong) => wrong.length === 0)) continue;
    differences.push(`segment ${slot.name}: ${alternatives.map((wrong) => wrong.join(', ')).join('; or ')}`);
  }
  if (left.size > 0) {
    const counts = [...left.values()].map(
      ({ name, numberOfIdentifiers }) => `${name}: ${numberOfIdentifiers}`,
    );
    differences.push(`${left.size} segments that should not be there (${counts.join(', ')})`);
  }
  return { differences, found };
}

/** The segment of a slot, taken out of those that are left. */
function take(slot: Slot, left: Map<string, SegmentView>): SegmentView | undefined {
  const byId = slot.place.id === undefined ? undefined : left.get(slot.place.id);
  const segment =
    byId ?? [...left.values()].find(({ name }) => slot.names.has(name) || name === slot.criteoName);
  if (segment) left.delete(segment.id);
  return segment;
}

function wrongWith(
  expected: Expected,
  slot: Slot,
  uid: string,
  segment: SegmentView | undefined,
  members: Set<Member> | undefined,
): string[] {
  if (expected === 'Absent') return segment ? [`there, with ${segment.numberOfIdentifiers} identifiers`] : [];
  if (!segment || !members) return ['not there'];
  const wrong: string[] = [];
  const missing = expected.must.difference(members);
  const tooMany = members.difference(expected.must).difference(expected.may);
  const tell = (set: Set<Member>, word: string): void => {
    const foreign = [...set].filter((member) => member.startsWith('f')).length;
    if (set.size > foreign) wrong.push(`${set.size - foreign} people ${word}`);
    if (foreign > 0) wrong.push(`${foreign} foreign identifiers ${word}`);
  };
  tell(missing, 'missing');
  tell(tooMany, 'too many');
  if (slot.isIn && segment.name !== slot.criteoName) wrong.push('another name');
  if (slot.isIn && keepsId(slot) && segment.id !== slot.place.id) wrong.push('another segment than before');
  const marker = markerOf(segment.description ?? '', uid);
  if (expected.marker !== 'any' && expected.marker !== marker)
    wrong.push(`marker ${marker}, not ${expected.marker}`);
  return wrong;
}

function markerOf(description: string, uid: string): 'ours' | 'kept' | 'none' {
  const marker = new RegExp(String.raw`\[segmentexport\.io/v1 owner=shop/newsletter uid=${uid}( kept)?\]$`);
  const match = marker.exec(description);
  if (!match) return 'none';
  return match[1] === undefined ? 'ours' : 'kept';
}
