import type {
  CriteoSegmentExport,
  CriteoSegmentExportStatus,
} from '../../api/generated/criteosegmentexport.ts';
import type { PlannedEvent } from './action.ts';
import type { Approval } from './approval.ts';
import { type Approved, approvalOf, isRetirement, triggerOf } from './ask.ts';
import { policyOf } from './exportdocument.ts';
import { setOrDrop } from './fields.ts';
import { isHeld, type Job } from './kubernetes.ts';
import { forget, leftMessage } from './remembered.ts';
import {
  attempt,
  isDueFor,
  leave,
  type ObservedLedger,
  obstacleOf,
  type Target,
  targetsOf,
  unwantedAttempts,
  waitingEntry,
  withEntry,
} from './retirement.ts';
import type { Decisions } from './runs.ts';
import type { Settings } from './settings.ts';

/**
 * The export names another connection than the one that filled its segments. What
 * the first one sent is dealt with before the next run, because changing a
 * definition starts nothing by itself.
 */

type Status = Partial<CriteoSegmentExportStatus>;

/** With Retain there is nothing to do but to say so. */
export function forgetRetained(status: Status, resource: CriteoSegmentExport, why: string): PlannedEvent[] {
  if (policyOf(resource.spec) !== 'Retain') return [];
  const { namespace, name } = resource.metadata;
  const events: PlannedEvent[] = [];
  for (const { ledger } of targetsOf(resource, status, new Map())) {
    const note = leftMessage(ledger, `${namespace}/${name}`, why);
    events.push({ type: 'Normal', reason: 'SegmentsRetained', action: 'RetireSegments', note });
    status.retirements = withEntry(status, {
      connection: ledger.connection,
      deletionPolicy: 'Retain',
      outcome: 'LeftAtCriteo',
      reason: 'SegmentsRetained',
      message: note,
    });
    setOrDrop(status, 'ledgers', forget(status, ledger.connection));
  }
  return events;
}

export interface TurnInput {
  resource: CriteoSegmentExport;
  status: Status;
  remembered: ReadonlyMap<string, ObservedLedger>;
  jobs: readonly Job[];
  /** Uid of the Job that status.activeRun names. */
  claimedUid: string | undefined;
  approval: Approval;
  settings: Settings;
}

/** What may be dealt with now, and what of it goes before everything else. */
export interface Turn {
  open: Target[];
  urgent: { target: Target; approved: Approved | undefined } | undefined;
}

export function turnOf(input: TurnInput): Turn {
  const { resource, status, remembered, jobs, claimedUid, approval, settings } = input;
  const open = targetsOf(resource, status, remembered).filter(
    (target) => obstacleOf(target, settings)?.kind !== 'Waits',
  );
  const held = jobs.filter((job) => isRetirement(job) && isHeld(job));
  const claimed = held.find((job) => job.metadata.uid === claimedUid);
  for (const target of open) {
    const { entry, ledger } = target;
    // Claimed before a crash: it is this one that is released after it.
    if (claimed && entry?.jobName === claimed.metadata.name) {
      return { open, urgent: { target, approved: approvalOf(claimed) } };
    }
    const pending = entry?.pendingApproval;
    const isApproved =
      pending !== undefined &&
      (held.some((job) => approvalOf(job)?.runName === pending.runName) ||
        (approval.kind === 'Run' && approval.connection === ledger.connection));
    if (isApproved) return { open, urgent: { target, approved: pending } };
  }
  return { open, urgent: undefined };
}

/** What goes before a run; a plan sends nothing and need not wait. */
export function goesBefore(job: Job, { open, urgent }: Turn): string | undefined {
  const first =
    urgent?.target ?? (triggerOf(job) === 'Plan' ? undefined : open.find((target) => isDueFor(job, target)));
  return first && `What was sent by the connection "${first.ledger.connection}" is dealt with first.`;
}

export interface NextRetirement {
  create?: Job;
  /** It starts now. */
  release?: Job;
  remove: Job[];
  events: PlannedEvent[];
}

/** @param mayStart nothing is at work, and nothing else keeps runs from starting. */
export function nextRetirement(
  { open, urgent }: Turn,
  { resource, status, jobs, claimedUid, settings }: TurnInput,
  { heldBack }: Pick<Decisions, 'heldBack'>,
  mayStart: boolean,
): NextRetirement {
  const target = urgent?.target ?? (heldBack && open.find((candidate) => isDueFor(heldBack, candidate)));
  if (!target) return { remove: unwantedAttempts(jobs, undefined), events: [] };
  const obstacle = obstacleOf(target, settings);
  if (obstacle) {
    const events = [leave(status, target, resource, obstacle.message)];
    return { remove: unwantedAttempts(jobs, undefined), events };
  }
  const activeJob = jobs.find((job) => job.metadata.uid === claimedUid)?.metadata.name;
  const next = attempt({ resource, target, approved: urgent?.approved, activeJob, jobs }, settings);
  const remove = unwantedAttempts(jobs, next.release);
  return { ...(mayStart ? next : {}), remove, events: [] };
}

/** What status tells of retirements, in agreement with what runs and what the export names now. */
export function tidyRetirements(
  status: Status,
  { resource, remembered, settings }: Pick<TurnInput, 'resource' | 'remembered' | 'settings'>,
): void {
  const named = resource.spec.connectionRef.name;
  const kept = (status.retirements ?? []).flatMap((entry) => {
    // Claimed, and then its Job was removed before it was released.
    const isStale = entry.outcome === 'Running' && entry.jobName !== status.activeRun?.jobName;
    const told = isStale ? { ...entry, ...awaitingRun } : entry;
    // The export is back to it: there is nothing to be dealt with any more.
    const isOpen = ['Waiting', 'Failed'].includes(told.outcome);
    return isOpen && told.connection === named ? [] : [told];
  });
  setOrDrop(status, 'retirements', kept.length > 0 ? kept : undefined);
  for (const target of targetsOf(resource, status, remembered)) {
    if (target.entry !== undefined && target.entry.outcome !== 'Waiting') continue;
    const message = obstacleOf(target, settings)?.message ?? awaitingRun.message;
    status.retirements = withEntry(status, waitingEntry(target, resource, message));
  }
}

const awaitingRun = {
  outcome: 'Waiting',
  reason: 'Waiting',
  message: 'It is dealt with before the next run.',
} as const;

/** For a plan: what the next run would do beside, and which no plan can count. */
export function alsoRetires(status: Status, resource: CriteoSegmentExport): string {
  const names = targetsOf(resource, status, new Map()).map(({ ledger }) => `"${ledger.connection}"`);
  if (names.length === 0 || policyOf(resource.spec) === 'Retain') return '';
  return ` Before the next run, what was sent by the connection ${names.join(', ')} is dealt with too (spec.deletionPolicy: ${policyOf(resource.spec)}); this plan does not count that.`;
}
