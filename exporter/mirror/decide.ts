import type { ExportRun, RunSegment } from '../../api/rundocument.ts';
import type { SegmentDirectory } from '../criteo/directory.ts';
import { markerIn, type Owner } from '../criteo/marker.ts';
import type { Segment } from '../criteo/segments.ts';
import { Fault } from '../fault.ts';
import type { Entry } from '../ledger/head.ts';
import { type Change, changeFor, consentChange, isNothing, type Known, nothingKnown } from './change.ts';
import { isGuarded } from './guard.ts';
import { dueEchoes, type Settling } from './history.ts';
import { type Placement, placementFor } from './placement.ts';
import type { Records } from './records.ts';
import { type Digests, none } from './sets.ts';

/** What the decisions of one run share. */
export interface Ground {
  records: Records;
  owner: Owner;
  /** spec.name; goes before the marker of new segments. */
  text: string;
  directoryOf(advertiserId: string): SegmentDirectory;
  settling: Settling;
  /** People whose consent is gone. */
  withdrawn: Digests;
}

/** What is to be done for one segment of the export. */
export type Decision =
  /** To be filled. `guarded`: only where a person approved it. */
  | {
      kind: 'Fill';
      entry: Entry | undefined;
      placement: Placement;
      change: Change;
      guarded: boolean;
      resync: boolean;
    }
  /** Not to be filled; those whose consent is gone are removed all the same. */
  | { kind: 'Refuse'; fault: Fault; entry: Entry | undefined };

export interface DecisionInput {
  document: ExportRun;
  segment: RunSegment;
  entry: Entry | undefined;
  digests: Digests;
  /** Why the source has nothing for it, where that is so. */
  fault: Fault | undefined;
}

/** @throws Fault, Refusal of Criteo's where they end the whole run. */
export async function decide(input: DecisionInput, ground: Ground): Promise<Decision> {
  const { document, entry, digests } = input;
  const refuse = (fault: Fault): Decision => ({ kind: 'Refuse', fault, entry });
  if (input.fault) return refuse(input.fault);
  const placed = await place(input, ground);
  if (placed instanceof Fault) return refuse(placed);

  const known = await knownBy(entry, placed, ground);
  const mirror = document.mode === 'Mirror';
  const resync = isResyncDue(entry, document, ground.settling.now);
  const change = changeFor(known, { digests, withdrawn: ground.withdrawn, mirror, resync });
  const sourceIsEmpty = digests.length === 0;
  if (sourceIsEmpty && (change.present === 0 || !mirror)) return refuse(new Fault('SegmentEmpty'));
  const guarded = isGuarded(change, document.removalGuard.maxPercent, sourceIsEmpty);
  return { kind: 'Fill', entry, placement: placed, change, guarded, resync };
}

/** Whether a decision changes nothing, at Criteo or in the ledger. */
export function isIdle(decision: Decision & { kind: 'Fill' }, segment: RunSegment): boolean {
  const { entry, placement, change } = decision;
  if (!entry || placement.kind !== 'Use' || placement.segment.id !== entry.criteoSegmentId) return false;
  const isMended = placement.mend.name === undefined && placement.mend.description === undefined;
  const isRecorded =
    entry.phase === 'Filled' &&
    entry.intent === undefined &&
    entry.retired === undefined &&
    entry.name === segment.name &&
    entry.criteoName === segment.criteoName;
  return isNothing(change) && isMended && isRecorded && !decision.resync;
}

/** The removal of those whose consent is gone, from a segment that is not filled now. */
export async function consentDecision(entry: Entry, ground: Ground): Promise<Change | undefined> {
  if (entry.criteoSegmentId === undefined || entry.phase !== 'Filled') return undefined;
  const hasEchoes = entry.echoes.some(({ due }) => due <= ground.settling.now);
  if (ground.withdrawn.length === 0 && !hasEchoes) return undefined;
  return consentChange(await load(entry, ground), ground.withdrawn);
}

async function place(
  { document, segment, entry }: DecisionInput,
  { directoryOf, owner, text }: Ground,
): Promise<Placement | Fault> {
  const directory = directoryOf(document.advertiserId);
  const id = entry?.criteoSegmentId ?? (await idOfCreated(entry, directory, owner));
  const byId = id === undefined ? undefined : await directory.byId(id);
  const byName = await directory.byName(segment.criteoName);
  const known = entry && id !== undefined ? { ...entry, criteoSegmentId: id } : entry;
  try {
    return placementFor({ owner, text, segment, mode: document.mode, entry: known, byId, byName });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return await withCount(error, byName, directory);
  }
}

/** A run that was killed may have created the segment, under the name that it had in the definition then. */
async function idOfCreated(
  entry: Entry | undefined,
  directory: SegmentDirectory,
  owner: Owner,
): Promise<string | undefined> {
  const named = entry?.phase === 'Creating' ? await directory.byName(entry.criteoName) : undefined;
  return named && markerIn(named.description)?.uid === owner.uid ? named.id : undefined;
}

/** A person who decides between Keep and TakeOver wants to know how many are in there. */
async function withCount(
  fault: Fault,
  found: Segment | undefined,
  directory: SegmentDirectory,
): Promise<Fault> {
  const isCounted = fault.reason === 'SegmentNotOurs' || fault.reason === 'SegmentNotInLedger';
  const count = isCounted && found ? await directory.count(found.id) : undefined;
  return count === undefined ? fault : new Fault(fault.reason, { count });
}

/** What the ledger knows of the very segment at Criteo that the placement found. */
async function knownBy(entry: Entry | undefined, placement: Placement, ground: Ground): Promise<Known> {
  const isSame = placement.kind === 'Use' && placement.segment.id === entry?.criteoSegmentId;
  return entry && isSame ? await load(entry, ground) : nothingKnown;
}

/** What the ledger knows of an entry. */
export async function load(
  entry: Entry,
  { records, settling }: Pick<Ground, 'records' | 'settling'>,
): Promise<Known> {
  return {
    held: await records.load(entry.held),
    unsureAdds: entry.intent ? await records.load(entry.intent.adds) : none,
    unsureRemoves: entry.intent ? await records.load(entry.intent.removes) : none,
    echoes: await dueEchoes(entry, records, settling.now),
  };
}

function isResyncDue(entry: Entry | undefined, { ledger }: ExportRun, now: number): boolean {
  if (!entry || !ledger || entry.held.count === 0) return false;
  return now - entry.resyncedAt >= ledger.resyncEveryHours * 3_600_000;
}
