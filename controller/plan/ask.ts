import { annotations } from '../../api/names.ts';
import { parseTime } from '../../api/time.ts';
import type { Job } from './kubernetes.ts';

export type Trigger = 'Schedule' | 'Request' | 'Manual';

/** What made a Job. */
export function triggerOf(job: Job): Trigger {
  if (requestOf(job) !== undefined) return 'Request';
  return scheduledFor(job) === undefined ? 'Manual' : 'Schedule';
}

/** The value of the request that a Job answers. Anyone can annotate a Job: what is no time is no request of ours. */
export function requestOf(job: Job): string | undefined {
  const value = job.metadata.annotations?.[annotations.request];
  return parseTime(value) === undefined ? undefined : value;
}

/** The time for which the run was asked, in milliseconds: scheduled, requested, or the Job's creation. */
export function momentOf(job: Job): number {
  const created = createdAt(job);
  const requested = parseTime(requestOf(job));
  // A request's clock may run ahead of the cluster's; its Job's age is what the deadline is about.
  if (requested !== undefined) return Math.min(requested, created);
  return scheduledFor(job) ?? parseTime(job.metadata.annotations?.[annotations.askedAt]) ?? created;
}

/**
 * Which asking a Job answers: two Jobs of the same are one run. After a crash, or
 * by a cache that is behind, a held Job and the one in its place may both be there.
 */
export function askOf(job: Job): string {
  const trigger = triggerOf(job);
  if (trigger === 'Request') return `Request ${requestOf(job)}`;
  return trigger === 'Schedule' ? `Schedule ${scheduledFor(job)}` : `Manual ${firstUid(job)}`;
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
  return parseTime(job.metadata.annotations?.[annotations.scheduledTimestamp]);
}
