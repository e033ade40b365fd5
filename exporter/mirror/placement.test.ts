import { expect, test } from 'vitest';
import { describe as descriptionOf } from '../criteo/marker.ts';
import type { Segment } from '../criteo/segments.ts';
import { type Entry, emptySet } from '../ledger/head.ts';
import { type PlacementInput, placementFor } from './placement.ts';

const owner = { namespace: 'shop', name: 'newsletter', uid: 'ours' };
const marked = descriptionOf('Text', owner);
const theirs = descriptionOf('', { ...owner, name: 'other', uid: 'theirs' });
const namesakes = descriptionOf('', { ...owner, uid: 'before' });

const segment = (change: Partial<Segment> = {}): Segment => ({
  id: '7',
  name: 'Readers',
  description: '',
  isReadOnly: false,
  ...change,
});
const entry = (change: Partial<Entry> = {}): Entry => ({
  id: 'e',
  advertiserId: '1',
  name: 'r',
  criteoName: 'Readers',
  criteoSegmentId: '7',
  origin: 'Created',
  phase: 'Filled',
  held: emptySet,
  recent: [],
  echoes: [],
  resyncedAt: 0,
  ...change,
});

type Existing = PlacementInput['segment']['existing'];
interface Story extends Partial<Omit<PlacementInput, 'segment'>> {
  existing?: Existing;
  criteoName?: string;
}

/** What becomes of it in one line, or the reason of the refusal. */
function outcome({ existing = 'Refuse', criteoName = 'Readers', ...change }: Story): string {
  try {
    const placement = placementFor({
      owner,
      text: 'Text',
      segment: { name: 'r', criteoName, existing },
      mode: 'Mirror',
      entry: undefined,
      byId: undefined,
      byName: undefined,
      ...change,
    });
    if (placement.kind === 'Create')
      return `Create${placement.again ? ' again' : ''} ${placement.description}`;
    const mend = JSON.stringify(placement.mend);
    if (placement.kind === 'TakeOver') return `TakeOver ${placement.segment.id} ${mend}`;
    return `Use ${placement.segment.id} ${placement.origin}${placement.newlyOurs ? ' newly' : ''} ${mend}`;
  } catch (error) {
    return (error as { reason: string }).reason;
  }
}

const kept = descriptionOf('by hand', owner, true);
const whole = descriptionOf('by hand', owner);

test.each<[string, Story, string]>([
  ['nothing there', {}, `Create ${marked}`],
  ['nobody\u2019s', { byName: segment() }, 'SegmentNotOurs'],
  [
    'nobody\u2019s, Keep',
    { byName: segment({ description: 'by hand' }), existing: 'Keep' },
    `Use 7 Kept newly {"description":"${kept}"}`,
  ],
  [
    'nobody\u2019s, TakeOver',
    { byName: segment({ description: 'by hand' }), existing: 'TakeOver' },
    `TakeOver 7 {"description":"${whole}"}`,
  ],
  ['read-only, Keep', { byName: segment({ isReadOnly: true }), existing: 'Keep' }, 'SegmentReadOnly'],
  ['read-only, TakeOver', { byName: segment({ isReadOnly: true }), existing: 'TakeOver' }, 'SegmentReadOnly'],
  [
    'another export\u2019s',
    { byName: segment({ description: theirs }), existing: 'Keep' },
    'SegmentOwnedByAnother',
  ],
  [
    'another export\u2019s, TakeOver',
    { byName: segment({ description: theirs }), existing: 'TakeOver' },
    'SegmentOwnedByAnother',
  ],
  ['a namesake\u2019s', { byName: segment({ description: namesakes }) }, 'SegmentOwnedByAnother'],
  [
    'a namesake\u2019s, Keep',
    { byName: segment({ description: namesakes }), existing: 'Keep' },
    `Use 7 Kept newly {"description":"${descriptionOf('', owner, true)}"}`,
  ],
  [
    'a namesake\u2019s, TakeOver',
    { byName: segment({ description: namesakes }), existing: 'TakeOver' },
    `TakeOver 7 {"description":"${descriptionOf('', owner)}"}`,
  ],
  ['ours, and the ledger is lost', { byName: segment({ description: marked }) }, 'SegmentNotInLedger'],
  [
    'ours, the ledger is lost, TakeOver',
    { byName: segment({ description: marked }), existing: 'TakeOver' },
    'TakeOver 7 {}',
  ],
  [
    'ours, the ledger is lost, Keep',
    { byName: segment({ description: marked }), existing: 'Keep' },
    'Use 7 Created {}',
  ],
  ['ours, AddOnly', { byName: segment({ description: marked }), mode: 'AddOnly' }, 'Use 7 Created {}'],
])('a segment that the ledger does not know: %s', (_, story, expected) => {
  expect(outcome(story)).toBe(expected);
});

test.each<[string, Story, string]>([
  ['as it was left', { byId: segment({ description: marked }) }, 'Use 7 Created {}'],
  [
    'renamed by hand',
    { byId: segment({ name: 'Mine', description: marked }) },
    'Use 7 Created {"name":"Readers"}',
  ],
  [
    'renamed by the manifest',
    { byId: segment({ description: marked }), criteoName: 'Fans' },
    'Use 7 Created {"name":"Fans"}',
  ],
  [
    'renamed by the manifest to a name that is taken',
    {
      byId: segment({ description: marked }),
      criteoName: 'Fans',
      byName: segment({ id: '8', name: 'Fans' }),
    },
    'SegmentNameRefused',
  ],
  [
    'without its marker',
    { byId: segment({ description: 'by hand' }) },
    `Use 7 Created {"description":"${whole}"}`,
  ],
  [
    'marked by another',
    { byId: segment({ description: theirs }), existing: 'TakeOver' },
    'SegmentOwnedByAnother',
  ],
  ['made read-only', { byId: segment({ description: marked, isReadOnly: true }) }, 'SegmentReadOnly'],
  ['that a lagging list does not show', { byId: 'Unlisted' }, 'Use 7 Created {}'],
  ['deleted by hand', {}, `Create again ${marked}`],
  ['deleted by hand, its name taken by another', { byName: segment({ id: '8' }) }, 'SegmentNotOurs'],
  [
    'half emptied, whatever the manifest says by now',
    { byId: segment({ description: whole }), entry: entry({ phase: 'Emptying', origin: 'TakenOver' }) },
    'TakeOver 7 {}',
  ],
  [
    'kept, with what people wrote',
    { byId: segment({ description: kept }), entry: entry({ origin: 'Kept' }) },
    'Use 7 Kept {}',
  ],
])('a segment that the ledger knows: %s', (_, story, expected) => {
  expect(outcome({ entry: entry(), ...story })).toBe(expected);
});

test.each<Existing>(['Refuse', 'Keep', 'TakeOver'])(
  'a segment that the ledger knows is not emptied, whatever `existing` says: %s',
  (existing) => {
    const byId = segment({ description: marked });
    expect(outcome({ entry: entry(), byId, existing })).toBe('Use 7 Created {}');
    expect(outcome({ entry: entry(), byId: 'Unlisted', existing })).toBe('Use 7 Created {}');
    const taken = entry({ origin: 'TakenOver' });
    expect(outcome({ entry: taken, byId, existing })).toBe('Use 7 TakenOver {}');
  },
);

test('a segment that a killed run was creating is used where the call took effect', () => {
  const { criteoSegmentId: _, ...creating } = entry({ phase: 'Creating' });
  expect(outcome({ entry: creating, byName: segment({ description: marked }) })).toBe('Use 7 Created {}');
  expect(outcome({ entry: creating })).toBe(`Create ${marked}`);
});
