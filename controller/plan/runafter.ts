import type {
  ActiveRun,
  CriteoSegmentExport,
  CriteoSegmentExportStatus,
  RunAfterStatus,
} from '../../api/generated/criteosegmentexport.ts';
import { formatTime, parseTime } from '../../api/time.ts';
import { endOf } from './afterrun.ts';
import { type Answered, afterOf, triggerOf } from './ask.ts';
import { isCredible, momentBefore } from './credible.ts';
import { setOrDrop } from './fields.ts';
import { type Followed, successesOf, targetOf } from './followed.ts';
import { finished, isHeld, isLive, type Job } from './kubernetes.ts';
import type { Following } from './runjob.ts';
import type { Decisions } from './runs.ts';

/**
 * Runs that follow other Jobs. Status keeps, for each entry of spec.runAfter, until
 * when its successes are answered; that moves when the Job of a run that follows is
 * claimed or skipped. Before that, the Job itself is the record.
 */

type Status = CriteoSegmentExportStatus;
type Policy = NonNullable<Status['runAfterPolicy']>;

/**
 * Kubernetes' times have whole seconds: until this one is over, another success may
 * come that has the same time, and could not be told from one that was answered.
 */
const secondMs = 1000;

export interface RunAfterContext {
  /** As it was before this plan. */
  previous: Partial<Status>;
  /** With the end of the run that was active. */
  status: Partial<Status>;
  followed: ReadonlyMap<string, Followed>;
  jobs: readonly Job[];
  /** Nothing is asked for meanwhile: the definition is at fault, or the export or its connection is suspended. */
  rests: boolean;
  /** When it was last resumed, in milliseconds. */
  resumedAt: number | undefined;
  now: number;
}

/** An entry of spec.runAfter; times in milliseconds. */
interface Entry {
  target: string;
  /** What succeeded until then starts nothing any more. */
  handledUntil: number;
  /** The newest success that was seen. */
  completedAt?: number;
}

export interface RunsAfter {
  entries: Entry[];
  policy: Policy;
  /** A run is asked for, and has no Job yet. */
  following?: Following;
  /** Milliseconds until a success that is seen counts. */
  lookAgainAfterMs?: number;
}

export function readRunAfter({ metadata, spec }: CriteoSegmentExport, context: RunAfterContext): RunsAfter {
  const { previous, status, followed, jobs, now } = context;
  const policy = spec.runAfterPolicy ?? 'Any';
  const before = (previous.runAfter ?? []).map((entry) => believed(entryOf(entry), now));
  let soonest = Number.POSITIVE_INFINITY;
  let entries = [...new Set(spec.runAfter?.map(targetOf))].map((target): Entry => {
    const seen = successesOf(followed.get(target), metadata.uid).filter((at) => isCredible(at, now));
    const known = before.find((entry) => entry.target === target);
    const completedAt = newest([known?.completedAt, ...seen.filter((at) => at + secondMs <= now)]);
    const handledUntil = known ? known.handledUntil : firstLook(seen, metadata, context);
    const entry = moved({ target, handledUntil }, alsoHandled(target, completedAt, context));
    for (const at of seen) {
      if (at + secondMs > now && at > entry.handledUntil) soonest = Math.min(soonest, at + secondMs - now);
    }
    return completedAt === undefined ? entry : { ...entry, completedAt };
  });
  entries = withoutTheChangesOwn(entries, policy, before, previous.runAfterPolicy);
  const waits = jobs.some((job) => follows(job) && isHeld(job) && endOf(job, status) === undefined);
  return {
    entries,
    policy,
    ...(isEnough(entries, policy) && !waits ? { following: followingOf(entries) } : {}),
    ...(soonest < Number.POSITIVE_INFINITY ? { lookAgainAfterMs: soonest } : {}),
  };
}

/** Written while a clock was far ahead: kept, it would hide what succeeds until that day. */
function believed({ target, handledUntil, completedAt }: Entry, now: number): Entry {
  const seen = completedAt !== undefined && isCredible(completedAt, now) ? { completedAt } : {};
  if (isCredible(handledUntil, now)) return { target, handledUntil, ...seen };
  // What was seen then was handled, or held to be.
  return { target, handledUntil: Math.max(seen.completedAt ?? 0, momentBefore(now)), ...seen };
}

/**
 * What succeeded until then lies before the entry. For a new export the API server
 * says when that was, so that nothing is lost where the controller was away.
 */
function firstLook(
  seen: readonly number[],
  { creationTimestamp }: CriteoSegmentExport['metadata'],
  { previous, now }: RunAfterContext,
): number {
  const isNew = (previous.observedGeneration ?? -1) < 0;
  const created = parseTime(creationTimestamp);
  return isNew && created !== undefined ? created : (newest([now, ...seen]) ?? now);
}

function alsoHandled(
  target: string,
  completedAt: number | undefined,
  { jobs, status, rests, resumedAt, now }: RunAfterContext,
): (number | undefined)[] {
  // Started by a person's hand, a Job may be over before its claim.
  const started = jobs.filter(
    (job) =>
      follows(job) &&
      (isLive(job) || finished(job) || endOf(job, status) !== undefined) &&
      // Made while a clock was far ahead, it answers for nothing that has come since.
      isCredible(parseTime(afterOf(job)?.[target]) ?? 0, now),
  );
  return [
    resumedAt,
    rests ? completedAt : undefined,
    ...started.map((job) => answeredBy(job, target, completedAt)),
  ];
}

/** Changing an export starts nothing: an entry less, or Any for All, does not make enough of what was too little. */
function withoutTheChangesOwn(
  entries: Entry[],
  policy: Policy,
  before: readonly Entry[],
  policyBefore: Policy | undefined,
): Entry[] {
  const known = (target: string) => before.find((entry) => entry.target === target)?.completedAt;
  const old = entries.map(({ target, handledUntil }) => ({
    target,
    handledUntil,
    completedAt: known(target) ?? handledUntil,
  }));
  if (!isEnough(old, policy) || isEnough(before, policyBefore)) return entries;
  return entries.map((entry) => moved(entry, [known(entry.target)]));
}

/**
 * What was acted on. A run answers all that had succeeded before its claim, because
 * it reads the source after it. A skipped one answers what it was made for; one that
 * a person cancels all that there is, or another would take its place at once.
 */
export function noteRunsAfter(
  status: Status,
  { entries, policy }: RunsAfter,
  { skip }: Pick<Decisions, 'skip'>,
  claimed: ActiveRun | undefined,
): void {
  const skipped = skip.filter(({ job }) => follows(job));
  const answersAll = claimed?.trigger === 'After' || skipped.some(({ reason }) => reason === 'Cancelled');
  const answered = entries.map((entry) => {
    const { target, completedAt } = entry;
    const bySkips = skipped.map(({ job }) => answeredBy(job, target, completedAt));
    return moved(entry, [answersAll ? completedAt : undefined, ...bySkips]);
  });
  const isUsed = entries.length > 0;
  setOrDrop(status, 'runAfter', isUsed ? answered.map(statusOf) : undefined);
  setOrDrop(status, 'runAfterPolicy', isUsed ? policy : undefined);
}

/** Never back: what was answered is answered. */
function moved(entry: Entry, until: readonly (number | undefined)[]): Entry {
  return { ...entry, handledUntil: newest([entry.handledUntil, ...until]) ?? entry.handledUntil };
}

function isOpen({ handledUntil, completedAt }: Entry): boolean {
  return completedAt !== undefined && completedAt > handledUntil;
}

function isEnough(entries: readonly Entry[], policy: Policy | undefined): boolean {
  const open = entries.filter(isOpen);
  return open.length > 0 && (policy !== 'All' || open.length === entries.length);
}

function follows(job: Job): boolean {
  return triggerOf(job) === 'After';
}

/** Anyone can annotate a Job: what was never seen is not answered by it. */
function answeredBy(job: Job, target: string, completedAt: number | undefined): number | undefined {
  const at = parseTime(afterOf(job)?.[target]);
  return at === undefined || completedAt === undefined ? undefined : Math.min(at, completedAt);
}

function followingOf(entries: readonly Entry[]): Following {
  const inOrder = entries.toSorted((a, b) => (a.target < b.target ? -1 : 1));
  const times = (pairs: [string, number][]): Answered =>
    Object.fromEntries(pairs.map(([target, at]) => [target, formatTime(at)]));
  return {
    answers: times(inOrder.filter(isOpen).map(({ target, completedAt = 0 }) => [target, completedAt])),
    before: times(inOrder.map(({ target, handledUntil }) => [target, handledUntil])),
  };
}

function entryOf({ target, handledUntil, completedAt }: RunAfterStatus): Entry {
  const completed = parseTime(completedAt);
  const base = { target, handledUntil: parseTime(handledUntil) ?? 0 };
  return completed === undefined ? base : { ...base, completedAt: completed };
}

function statusOf({ target, handledUntil, completedAt }: Entry): RunAfterStatus {
  const base = { target, handledUntil: formatTime(handledUntil) };
  return completedAt === undefined ? base : { ...base, completedAt: formatTime(completedAt) };
}

/** One by one: there may be more than a call takes arguments. */
function newest(times: readonly (number | undefined)[]): number | undefined {
  let last: number | undefined;
  for (const at of times) if (at !== undefined && (last === undefined || at > last)) last = at;
  return last;
}
