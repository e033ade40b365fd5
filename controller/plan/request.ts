import { annotations } from '../../api/names.ts';
import { formatTime, parseTime } from '../../api/time.ts';
import type { ObjectMeta } from './kubernetes.ts';
import { cut } from './text.ts';

/** As long as status keeps it; an RFC 3339 time is far shorter. */
const maxValueLength = 64;

/** A value further ahead is a slip: once handled, nothing could be asked for until that day. */
const maxAheadMs = 86_400_000;

/** What the annotation requestedAt asks for now. */
export type Request =
  | { kind: 'None' }
  /** Make the Job of this value. */
  | { kind: 'Run'; value: string }
  /** Start nothing, say so once. `handled`: the value becomes the last one handled. */
  | { kind: 'Ignore'; value: string; handled: boolean; message: string };

export interface RequestContext {
  lastHandled: string | undefined;
  lastIgnored: string | undefined;
  /** Values that have a Job, which decides what becomes of them. */
  answered: readonly (string | undefined)[];
  now: number;
  startingDeadlineMs: number;
}

/**
 * A value not seen before acts once. "Not seen" means newer than the last one
 * handled: a pipeline that reverts to an older commit must start nothing. One
 * older than the object is a restored backup's.
 */
export function readRequest(metadata: ObjectMeta, context: RequestContext): Request {
  const annotation = metadata.annotations?.[annotations.requestedAt];
  const { lastHandled, lastIgnored, now } = context;
  if (annotation === undefined) return { kind: 'None' };
  const value = cut(annotation, maxValueLength);
  if (value === lastHandled || value === lastIgnored) return { kind: 'None' };
  const ignore = (handled: boolean, message: string): Request => ({
    kind: 'Ignore',
    value,
    handled,
    message,
  });

  const at = parseTime(value);
  if (at === undefined) {
    return ignore(
      false,
      `metadata.annotations[${annotations.requestedAt}]: it is not an RFC 3339 time; set it to the time of the request, such as ${formatTime(now)}.`,
    );
  }
  if (context.answered.includes(value)) return { kind: 'None' };
  if (at <= (parseTime(lastHandled) ?? Number.NEGATIVE_INFINITY)) {
    return ignore(
      false,
      `The request of ${value} is not newer than the last one handled (${lastHandled}); no run was started. Set a newer time to start one.`,
    );
  }
  if (at < (parseTime(metadata.creationTimestamp) ?? 0)) {
    return ignore(true, `The request of ${value} is older than this object; no run was started.`);
  }
  if (at > now + maxAheadMs) {
    return ignore(
      false,
      `The request of ${value} lies more than a day ahead; no run was started. Set it to the present time, such as ${formatTime(now)}.`,
    );
  }
  if (now > at + context.startingDeadlineMs) {
    return ignore(
      true,
      `The request of ${value} could not start within spec.schedule.startingDeadlineSeconds (${context.startingDeadlineMs / 1000}); no run was started. Set a newer time to start one.`,
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
