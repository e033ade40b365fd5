import type { ActiveRun } from '../../api/generated/criteosegmentexport.ts';
import { annotations, labels } from '../../api/names.ts';
import { formatTime, parseTime } from '../../api/time.ts';
import { documentOf } from './jobdocument.ts';
import type { Job } from './kubernetes.ts';
import { newestHandled } from './request.ts';

export type Trigger = 'Schedule' | 'After' | 'Request' | 'Manual' | 'Approval' | 'Plan';

/** What made a Job of a run or a plan. */
export function triggerOf(job: Job): Trigger {
  if (planRequestOf(job) !== undefined) return 'Plan';
  if (approvalOf(job) !== undefined) return 'Approval';
  if (requestOf(job) !== undefined) return 'Request';
  if (afterOf(job) !== undefined) return 'After';
  return scheduledFor(job) === undefined ? 'Manual' : 'Schedule';
}

/** The value of the request that a Job answers. Anyone can annotate a Job: what is no time is no request of ours. */
export function requestOf(job: Job): string | undefined {
  return timeIn(job, annotations.request);
}

/** The value of the request for a plan that a Job answers. What the pod is told decides: a run that sends is none. */
export function planRequestOf(job: Job): string | undefined {
  const value = timeIn(job, annotations.planRequest);
  if (value === undefined) return undefined;
  const document = documentOf(job);
  return document?.kind === 'Export' && document.plan ? value : undefined;
}

/** The run that a person approved, and the token that binds the approval to what it had seen. */
export interface Approved {
  runName: string;
  token: string;
}

export function approvalOf(job: Job): Approved | undefined {
  const runName = job.metadata.annotations?.[annotations.approved] ?? '';
  const token = job.metadata.annotations?.[annotations.approval] ?? '';
  const isOne = /^[a-z0-9][a-z0-9.-]{0,62}$/.test(runName) && /^[0-9a-f]{16}$/.test(token);
  return isOne ? { runName, token } : undefined;
}

/** When the Jobs had succeeded that a run follows: RFC 3339, by the entry of spec.runAfter. */
export type Answered = Readonly<Record<string, string>>;

/** What a Job answers that follows others. Anyone can annotate a Job: what is no such map is nothing of ours. */
export function afterOf(job: Job): Answered | undefined {
  const text = job.metadata.annotations?.[annotations.after];
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const times: unknown[] = Object.values(value);
  const isOne =
    times.length > 0 && times.every((time) => typeof time === 'string' && parseTime(time) !== undefined);
  return isOne ? (value as Answered) : undefined;
}

/** Deals with segments that left the export: it answers no asking, the controller makes it by itself. */
export function isRetirement(job: Job): boolean {
  return job.metadata.labels?.[labels.runKind] === 'Retire';
}

/** The time for which the run was asked, in milliseconds: scheduled, requested, or the Job's creation. */
export function momentOf(job: Job): number {
  const created = createdAt(job);
  const requested = parseTime(planRequestOf(job) ?? requestOf(job));
  // A request's clock may run ahead of the cluster's; its Job's age is what the deadline is about.
  if (requested !== undefined) return Math.min(requested, created);
  return scheduledFor(job) ?? seenAt(job) ?? created;
}

/** When the controller saw what a Job answers that it made, by its own clock. */
export function seenAt(job: Job): number | undefined {
  return timeOf(job, annotations.askedAt);
}

/**
 * Which asking a Job answers: two Jobs of the same are one run. After a crash, or
 * by a cache that is behind, a held Job and the one in its place may both be there.
 */
export function askOf(job: Job): string {
  const trigger = triggerOf(job);
  switch (trigger) {
    case 'Plan':
      return `Plan ${planRequestOf(job)}`;
    case 'Approval':
      return `Approval ${approvalOf(job)?.runName}`;
    case 'Request':
      return `Request ${requestOf(job)}`;
    case 'After':
      return `After ${job.metadata.annotations?.[annotations.after]}`;
    case 'Schedule':
      return `Schedule ${scheduledFor(job)}`;
    case 'Manual':
      return `Manual ${firstUid(job)}`;
  }
}

type Asking = Pick<ActiveRun, 'requestedAt' | 'approvedRun' | 'completedAt' | 'scheduledFor'> & {
  trigger: Trigger;
};

/** What made a Job of a run or a plan, as status tells it. */
export function askingOf(job: Job): Asking {
  const trigger = triggerOf(job);
  switch (trigger) {
    case 'Plan':
      return { trigger, requestedAt: planRequestOf(job) ?? '' };
    case 'Request':
      return { trigger, requestedAt: requestOf(job) ?? '' };
    case 'Approval':
      return { trigger, approvedRun: approvalOf(job)?.runName ?? '' };
    case 'After':
      return { trigger, completedAt: newestHandled(Object.values(afterOf(job) ?? {})) ?? '' };
    case 'Schedule':
      return { trigger, scheduledFor: formatTime(momentOf(job)) };
    case 'Manual':
      return { trigger };
  }
}

/** The uid of the Job that a person made, whatever took its place since. */
export function firstUid(job: Job): string {
  return job.metadata.annotations?.[annotations.replaces] ?? job.metadata.uid ?? '';
}

/** How many Jobs stood in this one's place before it. */
export function replacementOf(job: Job): number {
  const count = Number(job.metadata.annotations?.[annotations.replacement] ?? 0);
  return Number.isSafeInteger(count) ? count : 0;
}

export function createdAt(job: Job): number {
  return parseTime(job.metadata.creationTimestamp) ?? 0;
}

function scheduledFor(job: Job): number | undefined {
  return timeOf(job, annotations.scheduledTimestamp);
}

function timeOf(job: Job, annotation: string): number | undefined {
  return parseTime(job.metadata.annotations?.[annotation]);
}

/** The annotation as it is written, where it is a time. */
function timeIn(job: Job, annotation: string): string | undefined {
  return timeOf(job, annotation) === undefined ? undefined : job.metadata.annotations?.[annotation];
}
