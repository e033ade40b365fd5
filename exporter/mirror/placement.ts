import type { ExportRun, RunSegment } from '../../api/rundocument.ts';
import { sameName } from '../criteo/directory.ts';
import { describe, markerIn, type Owner, withoutMarker } from '../criteo/marker.ts';
import type { Segment } from '../criteo/segments.ts';
import { Fault } from '../fault.ts';
import type { Entry } from '../ledger/head.ts';

/** Where a segment of the export goes to at Criteo, and what has to happen there before its list is changed. */
export type Placement =
  /** A segment that is there, with what is to be put right about it. */
  | { kind: 'Use'; segment: Segment; origin: Entry['origin']; newlyOurs: boolean; mend: Mend }
  /** Not there: made, or made again where it was deleted by hand. */
  | { kind: 'Create'; again: boolean; description: string }
  /** There and not ours: emptied once, then filled. */
  | { kind: 'TakeOver'; segment: Segment; mend: Mend };

export interface Mend {
  name?: string;
  description?: string;
}

export interface PlacementInput {
  owner: Owner;
  /** spec.name. */
  text: string;
  segment: RunSegment;
  mode: ExportRun['mode'];
  /** What the ledger has of it, where it has something. */
  entry: Entry | undefined;
  /** The segment of the entry's id, as Criteo shows it. */
  byId: Segment | 'Unlisted' | undefined;
  /** The segment that has the name now. */
  byName: Segment | undefined;
}

/**
 * @throws Fault SegmentOwnedByAnother, SegmentReadOnly, SegmentNotOurs, SegmentNotInLedger,
 * SegmentNameRefused. A count that the message needs is added by the caller.
 */
export function placementFor(input: PlacementInput): Placement {
  const { entry, byId, byName } = input;
  if (entry?.criteoSegmentId !== undefined && byId !== undefined) return known(input, entry, byId);
  const ofOurs = byName !== undefined && markerIn(byName.description)?.uid === input.owner.uid;
  // A create call of a run that did not finish took effect.
  if (entry && ofOurs) return use(input, byName, 'Created', false);
  if (byName) return existing(input, byName, ofOurs);
  const again = entry?.criteoSegmentId !== undefined;
  return { kind: 'Create', again, description: describe(input.text, input.owner, false) };
}

function known(input: PlacementInput, entry: Entry, found: Segment | 'Unlisted'): Placement {
  const segment: Segment =
    found === 'Unlisted'
      ? { id: entry.criteoSegmentId ?? '', name: entry.criteoName, description: '', isReadOnly: false }
      : found;
  refuseForeign(input, segment, true);
  if (segment.isReadOnly) throw new Fault('SegmentReadOnly');
  const { byName } = input;
  if (byName && byName.id !== segment.id && !sameName(segment.name, input.segment.criteoName)) {
    // To be renamed, and the name is another segment's.
    throw new Fault('SegmentNameRefused', { code: 'name-must-be-unique' });
  }
  if (entry.phase === 'Emptying')
    return { kind: 'TakeOver', segment, mend: mendOf(input, segment, 'TakenOver') };
  // What a lagging list does not show cannot be compared: it is left as it is.
  const mend = found === 'Unlisted' ? {} : mendOf(input, segment, entry.origin);
  return { kind: 'Use', segment, origin: entry.origin, newlyOurs: false, mend };
}

/** A segment of that name is there, and the ledger knows nothing of it. */
function existing(input: PlacementInput, segment: Segment, ofOurs: boolean): Placement {
  const wanted = input.segment.existing;
  refuseForeign(input, segment, false);
  if (ofOurs && input.mode === 'AddOnly' && wanted !== 'TakeOver') {
    return use(input, segment, markerIn(segment.description)?.kept ? 'Kept' : 'Created', false);
  }
  if (wanted === 'Refuse') throw new Fault(ofOurs ? 'SegmentNotInLedger' : 'SegmentNotOurs');
  if (segment.isReadOnly) throw new Fault('SegmentReadOnly');
  if (wanted === 'TakeOver') return { kind: 'TakeOver', segment, mend: mendOf(input, segment, 'TakenOver') };
  return use(input, segment, ofOurs && !markerIn(segment.description)?.kept ? 'Created' : 'Kept', !ofOurs);
}

function use(
  input: PlacementInput,
  segment: Segment,
  origin: Entry['origin'],
  newlyOurs: boolean,
): Placement {
  if (segment.isReadOnly) throw new Fault('SegmentReadOnly');
  return { kind: 'Use', segment, origin, newlyOurs, mend: mendOf(input, segment, origin) };
}

/**
 * Another export's segment is left alone, whatever `existing` says. The same name under
 * another uid is this export before it was deleted and made anew, or one of another
 * cluster: only a person can tell, and says so by Keep or TakeOver.
 * @param isFilled the ledger has filled it: then only our own marker, or none, is right.
 */
function refuseForeign(
  { owner, segment: { existing } }: PlacementInput,
  segment: Segment,
  isFilled: boolean,
): void {
  const marker = markerIn(segment.description);
  if (marker === undefined || marker.uid === owner.uid) return;
  const namesake = marker.namespace === owner.namespace && marker.name === owner.name;
  if (isFilled || !namesake || existing === 'Refuse') {
    throw new Fault('SegmentOwnedByAnother', { owner: `${marker.namespace}/${marker.name}` });
  }
}

/** Renamed by hand or by the manifest, or without its marker: put right. What people wrote before the marker stays. */
function mendOf(input: PlacementInput, segment: Segment, origin: Entry['origin']): Mend {
  const { criteoName } = input.segment;
  const kept = origin === 'Kept';
  const description = describe(withoutMarker(segment.description), input.owner, kept);
  return {
    ...(sameName(segment.name, criteoName) ? {} : { name: criteoName }),
    ...(segment.description === description ? {} : { description }),
  };
}
