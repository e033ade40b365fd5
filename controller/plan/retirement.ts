import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type {
  CriteoSegmentExport,
  CriteoSegmentExportStatus,
  RememberedLedger,
  Retirement,
} from '../../api/generated/criteosegmentexport.ts';
import { parseTime } from '../../api/time.ts';
import type { PlannedEvent } from './action.ts';
import { type Approved, createdAt, isRetirement } from './ask.ts';
import { defaultActiveDeadlineSeconds } from './cronjob.ts';
import { checkConnectionReady, checkConnectionUsed } from './definition.ts';
import type { RetirementReason } from './endreasons.ts';
import { policyOf } from './exportdocument.ts';
import { setOrDrop } from './fields.ts';
import { finished, isHeld, type Job } from './kubernetes.ts';
import { isOnePodLedger } from './ledger.ts';
import { forget, leftMessage } from './remembered.ts';
import { isDeleted, retireJob } from './retirejob.ts';
import type { Settings } from './settings.ts';

type Status = Partial<CriteoSegmentExportStatus>;

/** A connection whose name status remembers, as it is now. */
export interface ObservedLedger {
  /** It may be another object of the same name: the ledger goes by the name. */
  connection: CriteoConnection | undefined;
  /** Runs of other exports of it that are at work. */
  otherRuns: number;
}

/** Segments that are to be dealt with: those that one connection filled. */
export interface Target {
  ledger: RememberedLedger;
  observed: ObservedLedger;
  /** What was done about it so far. */
  entry: Retirement | undefined;
}

/**
 * The connections that the export no longer names, or all of them where it is deleted.
 */
export function targetsOf(
  resource: CriteoSegmentExport,
  status: Status,
  remembered: ReadonlyMap<string, ObservedLedger>,
): Target[] {
  return (status.ledgers ?? [])
    .filter(({ connection }) => isDeleted(resource) || connection !== resource.spec.connectionRef.name)
    .map((ledger) => ({
      ledger,
      observed: remembered.get(ledger.connection) ?? { connection: undefined, otherRuns: 0 },
      entry: entryOf(status, ledger.connection),
    }));
}

export function entryOf(status: Status, connection: string): Retirement | undefined {
  return status.retirements?.find((entry) => entry.connection === connection);
}

/** Why nothing can be done about a target: for good, or for now. */
export type Obstacle = { kind: 'Gone' | 'Waits'; message: string };

export function obstacleOf({ ledger, observed }: Target, settings: Settings): Obstacle | undefined {
  const { connection, otherRuns } = observed;
  const name = ledger.connection;
  if (!connection || connection.metadata.deletionTimestamp !== undefined) {
    return { kind: 'Gone', message: `the connection "${name}" is gone.` };
  }
  const resting = checkConnectionUsed({ connection }) ?? checkConnectionReady({ connection });
  if (resting) return { kind: 'Waits', message: resting.message };
  if (connection.spec.ledger === undefined) {
    return {
      kind: 'Waits',
      message: `The connection "${name}" has no spec.ledger any more, so that what was sent by it is not known; give it back.`,
    };
  }
  const most = isOnePodLedger(connection) ? 1 : settings.maxRunsPerConnection;
  if (otherRuns >= most)
    return { kind: 'Waits', message: `${otherRuns} runs of its connection are at work.` };
  return undefined;
}

/** A target whose turn may come before a run: it was not tried for this run yet, and waits for nobody's word. */
export function isDueFor(job: Job, { entry }: Target): boolean {
  if (entry?.pendingApproval) return false;
  return (parseTime(entry?.startedAt) ?? Number.NEGATIVE_INFINITY) < createdAt(job);
}

export interface AttemptInput {
  resource: CriteoSegmentExport;
  target: Target;
  approved: Approved | undefined;
  /** The Job that status.activeRun names. */
  activeJob: string | undefined;
  jobs: readonly Job[];
  activeDeadlineSeconds?: number | undefined;
}

/** The Job of the attempt that is to be made now: the one that is there, or one to be created. */
export function attempt(input: AttemptInput, settings: Settings): { create?: Job; release?: Job } {
  const { entry } = input.target;
  // A claimed one is the attempt that was counted already.
  const isClaimed = entry?.outcome === 'Running' && entry.jobName === input.activeJob;
  for (let count = (entry?.attempts ?? 0) + (isClaimed ? 0 : 1); ; count++) {
    const job = attemptJob(input, count, settings);
    if (!job) return {};
    const there = input.jobs.find(({ metadata }) => metadata.name === job.metadata.name);
    if (!there) return { create: job };
    // An export that goes back and forth between connections counts anew, and old attempts are still there.
    if (!finished(there)) return isHeld(there) ? { release: there } : {};
  }
}

function attemptJob(
  { resource, target, approved, activeDeadlineSeconds }: AttemptInput,
  count: number,
  settings: Settings,
): Job | undefined {
  const { connection } = target.observed;
  const seconds =
    activeDeadlineSeconds ?? resource.spec.job?.activeDeadlineSeconds ?? defaultActiveDeadlineSeconds;
  const options = { attempt: count, approved, activeDeadlineSeconds: seconds };
  return connection && retireJob(resource, connection, options, settings);
}

/** Held Jobs of attempts that are not to be made: of an older definition, or for a run that is gone. */
export function unwantedAttempts(jobs: readonly Job[], wanted: Job | undefined): Job[] {
  return jobs.filter((job) => isRetirement(job) && isHeld(job) && job !== wanted);
}

/** Puts an entry first. */
export function withEntry(status: Status, entry: Retirement & { reason: RetirementReason }): Retirement[] {
  const others = (status.retirements ?? []).filter(({ connection }) => connection !== entry.connection);
  return [entry, ...others].slice(0, 10);
}

/** What status tells of a target that nothing was done about yet. */
export function waitingEntry(
  { ledger, entry }: Target,
  resource: CriteoSegmentExport,
  message: string,
): Retirement & { reason: RetirementReason } {
  const { pendingApproval: _, ...kept } = entry ?? {};
  return {
    ...kept,
    connection: ledger.connection,
    deletionPolicy: policyOf(resource.spec),
    outcome: 'Waiting',
    reason: 'Waiting',
    message,
  };
}

/** Nothing can be done: it is told, once, and forgotten. */
export function leave(
  status: Status,
  { ledger, entry }: Target,
  resource: CriteoSegmentExport,
  why: string,
): PlannedEvent {
  const { namespace, name } = resource.metadata;
  const message = leftMessage(ledger, `${namespace}/${name}`, why);
  const { pendingApproval: _, ...kept } = entry ?? {};
  status.retirements = withEntry(status, {
    ...kept,
    connection: ledger.connection,
    deletionPolicy: policyOf(resource.spec),
    outcome: 'LeftAtCriteo',
    reason: 'LeftAtCriteo',
    message,
  });
  setOrDrop(status, 'ledgers', forget(status, ledger.connection));
  return { type: 'Warning', reason: 'LeftAtCriteo', action: 'RetireSegments', note: message, logged: true };
}
