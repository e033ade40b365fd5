import { annotations } from '../../api/names.ts';
import { formatTime, parseTime } from '../../api/time.ts';
import {
  afterOf,
  askOf,
  createdAt,
  isRetirement,
  momentOf,
  planRequestOf,
  replacementOf,
  seenAt,
  type Trigger,
  triggerOf,
} from './ask.ts';
import type { SkipReason } from './endreasons.ts';
import { documentOf } from './jobdocument.ts';
import { finished, isHeld, isLive, type Job } from './kubernetes.ts';

/**
 * Kubernetes says when, the controller says whether: every Job of an export is
 * born held, whoever made it, and this decides what becomes of each.
 */
export interface RunRules {
  now: number;
  /** Today's; a held Job of another one would run an older definition. */
  templateHash: string | undefined;
  /** Of the definition; see status.definition. */
  generation: number | undefined;
  /** Why nothing may start now, or undefined. */
  blocked: string | undefined;
  /** Kubernetes' word, where it refused what was to be done last: a release may be among it. */
  refused?: string | undefined;
  /** What goes before a run that may start, or undefined. */
  goesBefore: (job: Job) => string | undefined;
  /** A pod of an earlier run that has not ended though its Job is over or gone. */
  podAtWork: string | undefined;
  startingDeadlineMs: number;
  jitterMs: number;
  /** Scheduled times before this belong to an older schedule, or to a time of suspension. */
  scheduleEffectiveSince: number;
  /** The entries of spec.runAfter, and until when what succeeded is answered, in milliseconds. */
  followed: readonly { target: string; handledUntil: number }[];
  /** What was asked for before the last resume does not start by itself after it. */
  resumedAt: number | undefined;
  /** The last run that succeeded for all segments. */
  lastSuccess?: { jobName: string; startedAt: number } | undefined;
  /** The Job that status.activeRun names. */
  claimedUid: string | undefined;
  /** The run that a person ends by its name. */
  cancelledRun?: string | undefined;
  /** The newest request for a plan that was acted on. */
  lastHandledPlan: string | undefined;
  /** Whether the end of a Job was told, though it still looks held: the watch is late with it. */
  isOver: (job: Job) => boolean;
}

export interface Decisions {
  /** At most one: never two at work. */
  release?: Job;
  /** It would start, but for what goes before it. */
  heldBack?: Job;
  /** Held Jobs of an older definition: one from today's template takes their place. */
  replace: Job[];
  /** Held Jobs that answer what another Job answers already. */
  drop: Job[];
  skip: Skip[];
  waiting: { job: Job; why: string }[];
  /** Jobs that may have a pod at work. */
  live: Job[];
  /** Milliseconds until the next decision may differ without any object having changed. */
  lookAgainAfterMs?: number;
}

export interface Skip {
  job: Job;
  reason: SkipReason | 'Cancelled';
  message: string;
}

const cancelledByName: Omit<Skip, 'job'> = {
  reason: 'Cancelled',
  message: `it was cancelled by the annotation ${annotations.cancelledRun} before it started.`,
};

export function decideRuns(jobs: readonly Job[], rules: RunRules): Decisions {
  const live = jobs.filter(isLive);
  const runs = jobs.filter((job) => !isRetirement(job));
  const over = runs.filter((job) => isHeld(job) && rules.isOver(job));
  const held = inOrder(
    runs.filter((job) => isHeld(job) && !over.includes(job)),
    rules.claimedUid,
  );
  // An ended one is left alone, but what it answered is answered: the one that it replaced may still be there.
  const answered = new Set([...over, ...runs.filter((job) => isLive(job) || finished(job))].map(askOf));
  const unique = oneThatFollows(oneOfEachAsk(held), rules.claimedUid);
  // What stands for the same asking goes with it, or it would start in its place.
  const cancelled = held.filter(({ metadata }) => metadata.name === rules.cancelledRun).map(askOf);
  const decisions: Decisions = { replace: [], drop: [], skip: [], waiting: [], live };
  const looks: number[] = [];

  for (const job of held) {
    const due = dueAt(job, rules);
    const deadline = due + rules.startingDeadlineMs;
    const wait = waitReason(rules, live, decisions.release ?? decisions.heldBack, due);
    const why = wait ?? rules.goesBefore(job);
    const skip = cancelled.includes(askOf(job)) ? cancelledByName : skipReason(job, rules, deadline, why);
    if (answered.has(askOf(job)) || isSuperseded(job, held, rules) || isCovered(job, live, rules)) {
      decisions.drop.push(job);
    } else if (skip) {
      decisions.skip.push({ job, ...skip, message: `${skip.message}${approveAnew(job, skip.reason)}` });
    } else if (!unique.has(job)) {
      decisions.drop.push(job);
    } else if (!isTodays(job, rules)) {
      decisions.replace.push(job);
    } else if (why === undefined) {
      decisions.release = job;
    } else {
      decisions.waiting.push({ job, why });
      if (wait === undefined) decisions.heldBack = job;
      looks.push(deadline - rules.now + 1000);
      if (due > rules.now) looks.push(due - rules.now);
    }
  }
  if (looks.length > 0) decisions.lookAgainAfterMs = Math.min(...looks);
  return decisions;
}

/** The claimed one first, so that a crash between claim and release changes nothing; then by age. */
function inOrder(jobs: readonly Job[], claimedUid: string | undefined): Job[] {
  const rank = (job: Job) => (job.metadata.uid === claimedUid ? 0 : 1);
  return jobs.toSorted(
    (a, b) =>
      rank(a) - rank(b) ||
      momentOf(a) - momentOf(b) ||
      ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1),
  );
}

/**
 * Of several held Jobs that stand for one asking, the last that took its place.
 * The choice rests on what never changes: by a cache that is behind, one that is
 * gone would else be kept, and the one that is there dropped.
 */
function oneOfEachAsk(held: readonly Job[]): Set<Job> {
  const kept = new Map<string, Job>();
  for (const job of held) {
    const other = kept.get(askOf(job));
    if (!other || isLater(job, other)) kept.set(askOf(job), job);
  }
  return new Set(kept.values());
}

/**
 * Any run that follows others answers all that is new. By a cache that is behind, another
 * may have been made for a later success, beside the one that took the first one's place.
 */
function oneThatFollows(unique: Set<Job>, claimedUid: string | undefined): Set<Job> {
  const following = [...unique].filter((job) => triggerOf(job) === 'After');
  const [first, ...others] = following;
  if (!first) return unique;
  const claimed = following.find((job) => job.metadata.uid === claimedUid);
  const kept = claimed ?? others.reduce((one, other) => (isLater(other, one) ? other : one), first);
  return new Set([...unique].filter((job) => job === kept || !following.includes(job)));
}

/** The same, where the other one is at work already: what had succeeded before its claim is in status. */
function isCovered(job: Job, live: readonly Job[], { followed, claimedUid }: RunRules): boolean {
  const answers = afterOf(job);
  if (triggerOf(job) !== 'After' || !answers || job.metadata.uid === claimedUid) return false;
  const isNew = followed.some(({ target, handledUntil }) => (parseTime(answers[target]) ?? 0) > handledUntil);
  return !isNew && live.some((other) => triggerOf(other) === 'After');
}

function isLater(a: Job, b: Job): boolean {
  const later = replacementOf(a) - replacementOf(b);
  return later > 0 || (later === 0 && (a.metadata.name ?? '') > (b.metadata.name ?? ''));
}

/** A plan tells what would happen now: of several that were asked for the last one is it. */
function isSuperseded(job: Job, held: readonly Job[], rules: RunRules): boolean {
  const at = parseTime(planRequestOf(job));
  if (at === undefined || job.metadata.uid === rules.claimedUid) return false;
  const others = [rules.lastHandledPlan, ...held.map(planRequestOf)];
  return others.some((other) => (parseTime(other) ?? 0) > at);
}

function isTodays(job: Job, { templateHash }: RunRules): boolean {
  return templateHash === undefined || job.metadata.annotations?.[annotations.templateHash] === templateHash;
}

/** When its own time comes. The deadline counts from here, or a jitter longer than the deadline would skip each run. */
function dueAt(job: Job, rules: RunRules): number {
  // The clock of the API server, which dates the others, may run ahead of ours.
  return triggerOf(job) === 'Schedule' ? momentOf(job) + rules.jitterMs : Math.min(momentOf(job), rules.now);
}

/** What is to be told of those that nobody can ask for again. */
const beforeResume: Partial<Record<Trigger, string>> = {
  Schedule: 'its scheduled time lies before the export or its connection was resumed.',
  After: 'what it was to follow had succeeded before the export or its connection was resumed.',
};

/** What the last resume is compared with, in milliseconds. */
function askedAt(job: Job, trigger: Trigger): number {
  // A request may be applied together with the resume, a moment before the controller sees both. When it sees them
  // it tells by one clock: that of the API server, which dates the Job, may be behind.
  if (trigger === 'Request' || trigger === 'Plan') return seenAt(job) ?? createdAt(job);
  const answers = afterOf(job);
  // As status.runAfter does, by the clock of what succeeded: of its Job it is another's.
  if (trigger === 'After' && answers)
    return Math.max(...Object.values(answers).map((at) => parseTime(at) ?? 0));
  return momentOf(job);
}

function skipReason(
  job: Job,
  rules: RunRules,
  deadline: number,
  why: string | undefined,
): Omit<Skip, 'job'> | undefined {
  const trigger = triggerOf(job);
  if (trigger === 'Approval' && generationOf(job) !== rules.generation) {
    return {
      reason: 'DefinitionChanged',
      message:
        'the definition was changed since the run that was approved; ask for a plan, and approve that where it needs it.',
    };
  }
  const asked = askedAt(job, trigger);
  if (rules.resumedAt !== undefined && asked < rules.resumedAt) {
    return {
      reason: 'AskedBeforeResume',
      message:
        beforeResume[trigger] ??
        'it was asked for before the export or its connection was resumed; ask again.',
    };
  }
  if (trigger === 'Schedule' && asked < rules.scheduleEffectiveSince) {
    return {
      reason: 'ScheduleChanged',
      message: 'its scheduled time lies before the last change of the schedule.',
    };
  }
  const answers = afterOf(job);
  if (trigger === 'After' && answers && !rules.followed.some(({ target }) => target in answers)) {
    return {
      reason: 'ScheduleChanged',
      message: 'spec.runAfter names no more the Jobs that it was to follow.',
    };
  }
  const { lastSuccess } = rules;
  if (trigger === 'Schedule' && lastSuccess && isAnswered(dueAt(job, rules), lastSuccess, rules.now)) {
    return {
      reason: 'AnsweredByLastRun',
      message: `the run ${lastSuccess.jobName} began after its time, at ${formatTime(lastSuccess.startedAt)}, and succeeded.`,
    };
  }
  if (rules.now <= deadline) return undefined;
  return {
    reason: 'StartingDeadlineExceeded',
    message: [
      `it could not start within spec.schedule.startingDeadlineSeconds (${rules.startingDeadlineMs / 1000}).`,
      ...[why ?? rules.refused].filter((word) => word !== undefined),
    ].join(' '),
  };
}

/** The approval is used up with its Job: set again as it stands, the annotation would do nothing. */
function approveAnew(job: Job, reason: Skip['reason']): string {
  return triggerOf(job) === 'Approval' && reason !== 'DefinitionChanged'
    ? ' Its approval is used up; if it is still to be done, approve the run that status.pendingApproval names now.'
    : '';
}

/**
 * A run that began later read the source after that time. Kubernetes makes one held Job at a time, so that of
 * several schedules that were missed the next comes when the first has run. What lies ahead of our clock was
 * written before that went back, and began we know not when.
 */
function isAnswered(due: number, { startedAt }: { startedAt: number }, now: number): boolean {
  return due <= startedAt && startedAt <= now;
}

function generationOf(job: Job): number | undefined {
  const document = documentOf(job);
  return document?.kind === 'Export' ? document.generation : undefined;
}

function waitReason(
  rules: RunRules,
  live: readonly Job[],
  released: Job | undefined,
  due: number,
): string | undefined {
  if (rules.blocked !== undefined) return rules.blocked;
  const other = live[0] ?? released;
  if (other) return `The run ${other.metadata.name} is not finished.`;
  if (rules.podAtWork !== undefined) return `The pod ${rules.podAtWork} of an earlier run has not ended.`;
  if (due > rules.now) return 'Its time, with the delay of spec.schedule.jitterSeconds, has not come.';
  return undefined;
}
