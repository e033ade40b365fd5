import type { ExportRun } from '../api/rundocument.ts';
import type { Fault } from './fault.ts';
import type { Entry } from './ledger/head.ts';
import { consentDecision, type Decision, decide, type Ground, isIdle } from './mirror/decide.ts';
import { approvalToken, type Guarded } from './mirror/guard.ts';
import { matchSegments } from './mirror/match.ts';
import type { Digests } from './mirror/sets.ts';
import { decideRetirements, type Retiring, stoppedRetirements } from './retirerun.ts';
import { endsRun } from './severity.ts';
import { toFault, type World } from './world.ts';

/** What the source holds of an export's segments. */
export interface SourceSets {
  /** By segment: its people, or why there are none. */
  digests: Digests[];
  faults: (Fault | undefined)[];
  withdrawn: Digests;
}

/** All that a run decides, made on one state of the ledger. */
export interface RunPlan {
  decisions: SegmentPlan[];
  retiring: Retiring[];
  /** Segments that left the export and stayed at Criteo, with people in them whose consent is gone. */
  consentGone: Entry[];
  /** What the guard stops, and whether a person approved just that. */
  guarded: Guarded[];
  approved: boolean;
  isIdle: boolean;
}

export interface SegmentPlan {
  decision: Decision;
  entry: Entry | undefined;
  /** Nothing is to be sent or recorded. */
  isIdle: boolean;
}

export async function planRun(
  document: ExportRun,
  source: SourceSets,
  ground: Ground,
  world: World,
): Promise<RunPlan> {
  const match = matchSegments(document.segments, ground.records.head.entries, document.advertiserId);
  const decisions: SegmentPlan[] = [];
  for (const [index, segment] of document.segments.entries()) {
    const entry = match.entries[index];
    const fault = source.faults[index];
    const digests = source.digests[index] ?? new Uint8Array(0);
    const decision = await decideSegment({ document, segment, entry, digests, fault }, ground, world);
    const idle = decision.kind === 'Fill' && isIdle(decision, segment);
    decisions.push({ decision, entry, isIdle: idle });
  }
  const { maxPercent } = document.removalGuard;
  const retiring = await decideRetirements(match.left, document.deletionPolicy, maxPercent, ground, world);
  const guarded = [...decisions.flatMap(guardedFill), ...stoppedRetirements(retiring)];
  const token = approvalToken(document.export.uid, guarded);
  const staying = match.left.filter(
    (entry) => !retiring.some(({ retirement }) => retirement.entry === entry),
  );
  const consentGone = await withConsentGone(staying, ground);
  const refused = decisions.flatMap(({ decision, entry }) =>
    decision.kind === 'Refuse' && entry ? [entry] : [],
  );
  return {
    decisions,
    retiring,
    consentGone,
    guarded,
    approved: token !== undefined && token === document.approval,
    isIdle:
      retiring.length === 0 &&
      consentGone.length === 0 &&
      decisions.every(({ decision, isIdle: idle }) => idle || decision.kind === 'Refuse') &&
      (await withConsentGone(refused, ground)).length === 0,
  };
}

async function withConsentGone(entries: readonly Entry[], ground: Ground): Promise<Entry[]> {
  const found: Entry[] = [];
  // One after the other: each has its set in memory meanwhile.
  for (const entry of entries) if (await consentDecision(entry, ground)) found.push(entry);
  return found;
}

/** A fault of one segment is its own; one that the next would meet too ends the run. */
async function decideSegment(
  input: Parameters<typeof decide>[0],
  ground: Ground,
  world: World,
): Promise<Decision> {
  try {
    return await decide(input, ground);
  } catch (error) {
    const fault = toFault(error, world);
    if (endsRun(fault.reason)) throw fault;
    return { kind: 'Refuse', fault, entry: input.entry };
  }
}

function guardedFill({ decision }: SegmentPlan): Guarded[] {
  const isStopped = decision.kind === 'Fill' && decision.guarded && decision.entry !== undefined;
  return isStopped && decision.entry ? [{ entry: decision.entry, change: decision.change }] : [];
}
