import type { CriteoSegmentExport, ScheduleStatus } from '../../api/generated/criteosegmentexport.ts';
import { shortHash } from '../../api/hash.ts';
import { formatTime } from '../../api/time.ts';
import { isAhead, momentBefore } from './credible.ts';

/**
 * Since when the schedule in force holds. Kubernetes starts missed runs when a
 * schedule is edited or resumed; this is how those are told from runs that are due.
 * @param suspended the export's own suspend, or its connection's.
 */
export function scheduleStatus(
  resource: CriteoSegmentExport,
  suspended: boolean,
  previous: ScheduleStatus | undefined,
  now: number,
): ScheduleStatus {
  const { cron, timeZone } = resource.spec.schedule ?? {};
  const hash = shortHash([cron ?? null, timeZone ?? null]);
  const resumed = previous?.suspended === true && !suspended;
  const changed = previous === undefined || previous.hash !== hash || resumed;
  const status: ScheduleStatus = {
    hash,
    effectiveSince: changed ? formatTime(now) : (believed(previous?.effectiveSince, now) ?? formatTime(now)),
    suspended,
  };
  const resumedAt = resumed ? formatTime(now) : believed(previous?.resumedAt, now);
  if (resumedAt !== undefined) status.resumedAt = resumedAt;
  return status;
}

/** Written while the clock was ahead, it would pass over all that comes until that day. */
function believed(written: string | undefined, now: number): string | undefined {
  return isAhead(written, now) ? formatTime(momentBefore(now)) : written;
}

/** Where in the jitter's span this export starts: the same each time, after a re-creation by a pipeline too, and another for each export. */
export function jitterMs(resource: CriteoSegmentExport): number {
  const seconds = resource.spec.schedule?.jitterSeconds ?? 0;
  return Math.floor(seconds * placeOf(resource)) * 1000;
}

/** From 0 to 1, which is left out. */
export function placeOf({ metadata: { namespace = '', name = '' } }: CriteoSegmentExport): number {
  return Number.parseInt(shortHash([namespace, name], 8), 16) / 0x1_0000_0000;
}
