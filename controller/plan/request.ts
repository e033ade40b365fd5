import { annotations } from '../../api/names.ts';
import { formatTime, parseTime } from '../../api/time.ts';
import type { PlannedEvent } from './action.ts';
import { isCredible } from './credible.ts';
import type { ObjectMeta } from './kubernetes.ts';
import { saidValue } from './saidvalue.ts';

/** What an annotation with a time asks for now. */
export type Request =
  | { kind: 'None' }
  /** Make the Job of this value. */
  | { kind: 'Run'; value: string }
  /** Start nothing, say so once. `handled`: the value becomes the last one handled. */
  | { kind: 'Ignore'; value: string; handled: boolean; message: string };

export interface RequestContext {
  /** The annotation that asks, and what for. */
  asksFor: 'run' | 'plan';
  lastHandled: string | undefined;
  lastIgnored: string | undefined;
  /** Values that have a Job, which decides what becomes of them. */
  answered: readonly (string | undefined)[];
  now: number;
  startingDeadlineMs: number;
}

const annotationOf = { run: annotations.requestedAt, plan: annotations.planRequestedAt } as const;

/**
 * A value not seen before acts once. "Not seen" means newer than the last one
 * handled: a pipeline that reverts to an older commit must start nothing. One
 * older than the object is a restored backup's.
 */
export function readRequest(metadata: ObjectMeta, context: RequestContext): Request {
  const { asksFor, lastHandled, lastIgnored, now } = context;
  const value = saidValue(metadata, annotationOf[asksFor]);
  if (value === undefined || value === lastHandled || value === lastIgnored) return { kind: 'None' };
  const ignore = (handled: boolean, message: string): Request => ({
    kind: 'Ignore',
    value,
    handled,
    message,
  });
  const request = asksFor === 'run' ? 'request' : 'request for a plan';
  const started = asksFor === 'run' ? 'no run was started' : 'no plan was made';
  const again = asksFor === 'run' ? 'Set a newer time to start one.' : 'Set a newer time to get one.';

  const at = parseTime(value);
  if (at === undefined) {
    return ignore(
      false,
      `metadata.annotations[${annotationOf[asksFor]}]: it is not an RFC 3339 time; set it to the time of the request, such as ${formatTime(now)}.`,
    );
  }
  if (context.answered.includes(value)) return { kind: 'None' };
  if (at <= (parseTime(lastHandled) ?? Number.NEGATIVE_INFINITY)) {
    return ignore(
      false,
      `The ${request} of ${value} is not newer than the last one handled (${lastHandled}); ${started}. ${again}`,
    );
  }
  if (at < (parseTime(metadata.creationTimestamp) ?? 0)) {
    return ignore(true, `The ${request} of ${value} is older than this object; ${started}.`);
  }
  // A slip: once handled, nothing could be asked for until that day.
  if (!isCredible(at, now)) {
    return ignore(
      false,
      `The ${request} of ${value} lies more than a day ahead; ${started}. Set it to the present time, such as ${formatTime(now)}.`,
    );
  }
  if (now > at + context.startingDeadlineMs) {
    return ignore(
      true,
      `The ${request} of ${value} could not start within spec.schedule.startingDeadlineSeconds (${context.startingDeadlineMs / 1000}); ${started}. ${again}`,
    );
  }
  return { kind: 'Run', value };
}

/** The newest of the values that were acted on: what is not newer than it starts nothing again. */
export function newestHandled(values: readonly (string | undefined)[]): string | undefined {
  let newest: string | undefined;
  for (const value of values) {
    const at = parseTime(value);
    if (at !== undefined && at > (parseTime(newest) ?? Number.NEGATIVE_INFINITY)) newest = value;
  }
  return newest;
}

export function requestEvents(request: Request): PlannedEvent[] {
  if (request.kind !== 'Ignore') return [];
  return [{ type: 'Warning', reason: 'RequestIgnored', action: 'HandleRequest', note: request.message }];
}
