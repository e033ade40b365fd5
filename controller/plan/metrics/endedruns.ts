import type { CriteoSegmentExport, RunSummary } from '../../../api/generated/criteosegmentexport.ts';
import { isSameRun } from '../afterrun.ts';
import { listOf, numberOf } from './read.ts';

type Outcome = RunSummary['outcome'];
type IdentifierOutcome = Exclude<keyof NonNullable<RunSummary['profiles']>, 'held'>;

// As objects, so that an outcome that is added to the CRD and forgotten here does not compile.
const outcomes: Record<Outcome, true> = {
  Succeeded: true,
  PartiallySucceeded: true,
  Failed: true,
  Cancelled: true,
  Unknown: true,
};
const identifiers: Record<IdentifierOutcome, true> = {
  read: true,
  invalid: true,
  malformed: true,
  empty: true,
  duplicate: true,
  withoutConsent: true,
  selected: true,
  uploaded: true,
  removed: true,
  refused: true,
};

export const runOutcomes = Object.keys(outcomes) as Outcome[];
export const identifierOutcomes = Object.keys(identifiers) as IdentifierOutcome[];

/** What one run that ended adds to the counters. */
export interface RunCounts {
  outcome: Outcome;
  identifiers: Record<IdentifierOutcome, number>;
  apiCalls: number;
  throttledSeconds: number;
}

/**
 * The runs that ended between two states of one export. Of the history and not of lastRun: a watch that was away may
 * bring several at once.
 */
export function endedRuns(before: CriteoSegmentExport, now: CriteoSegmentExport): RunCounts[] {
  const known = historyOf(before);
  return historyOf(now)
    .filter((run) => !known.some((other) => isSameRun(run, other)))
    .map(countsOf);
}

function historyOf({ status }: CriteoSegmentExport): RunSummary[] {
  return listOf(status?.history).filter(({ outcome }) => runOutcomes.includes(outcome));
}

function countsOf({ outcome, profiles, criteoCalls, throttledSeconds }: RunSummary): RunCounts {
  const counted = identifierOutcomes.map((name) => [name, numberOf(profiles?.[name]) ?? 0] as const);
  return {
    outcome,
    identifiers: Object.fromEntries(counted) as RunCounts['identifiers'],
    apiCalls: numberOf(criteoCalls) ?? 0,
    throttledSeconds: numberOf(throttledSeconds) ?? 0,
  };
}
