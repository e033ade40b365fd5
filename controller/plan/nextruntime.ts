import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { formatTime, parseTime } from '../../api/time.ts';
import type { ExportReadiness } from './conditions.ts';
import { type Cron, canFire, nextFiring, parseCron } from './cron.ts';
import { defaultStartingDeadlineSeconds, defaultTimeZone } from './cronjob.ts';
import type { CronJob } from './kubernetes.ts';
import { jitterMs } from './schedule.ts';

/** A timer for longer is worth nothing: other reasons to look come sooner. */
const maxLookMs = 86_400_000;

export interface NextRunTime {
  /** RFC 3339, with the export's jitter. */
  nextRunTime?: string;
  lookAgainAfterMs?: number;
}

/**
 * When the schedule starts the next run, were nothing in its way.
 * @param effectiveSince since when the schedule holds, in milliseconds: of a time before that no run starts, though its
 * jitter may not be over.
 */
export function nextRunTime(
  resource: CriteoSegmentExport,
  cronJob: CronJob | undefined,
  now: number,
  effectiveSince = Number.NEGATIVE_INFINITY,
): NextRunTime {
  const jitter = jitterMs(resource);
  const next = firing(resource, cronJob, Math.max(now - jitter, effectiveSince));
  if (next === undefined) return {};
  const at = next + jitter;
  return { nextRunTime: formatTime(at), lookAgainAfterMs: Math.min(at - now + 1000, maxLookMs) };
}

/** A schedule that is accepted as it is written, and never starts anything. */
export function scheduleFault({ spec }: CriteoSegmentExport): ExportReadiness | undefined {
  const cron = cronOf(spec.schedule?.cron);
  if (!spec.schedule || !cron) return undefined;
  const message = neverFires(spec.schedule, cron);
  return message === undefined
    ? undefined
    : { status: 'False', reason: 'ScheduleNeverFires', message, progress: 'Stalled' };
}

function neverFires(
  schedule: NonNullable<CriteoSegmentExport['spec']['schedule']>,
  cron: Cron,
): string | undefined {
  if (cron.kind === 'Calendar') {
    return canFire(cron)
      ? undefined
      : `spec.schedule.cron: "${schedule.cron}" names a day that no month of it has, so that it never fires; name one that exists, such as "0 4 1 * *" for the first of each month.`;
  }
  const deadline = schedule.startingDeadlineSeconds ?? defaultStartingDeadlineSeconds;
  // Kubernetes counts the period from no earlier than the deadline allows: it is never over.
  return cron.periodMs < deadline * 1000
    ? undefined
    : `spec.schedule.cron: "${schedule.cron}" never fires, because its period is not shorter than spec.schedule.startingDeadlineSeconds (${deadline}); name times, such as "0 */6 * * *".`;
}

function firing(
  { spec: { schedule } }: CriteoSegmentExport,
  cronJob: CronJob | undefined,
  after: number,
): number | undefined {
  const cron = cronOf(schedule?.cron);
  if (!schedule || !cron) return undefined;
  if (cron.kind === 'Every') {
    const since = parseTime(cronJob?.status?.lastScheduleTime ?? cronJob?.metadata.creationTimestamp);
    if (since === undefined) return undefined;
    return since + Math.max(1, Math.floor((after - since) / cron.periodMs) + 1) * cron.periodMs;
  }
  try {
    return nextFiring(cron, schedule.timeZone ?? defaultTimeZone, after);
  } catch (error) {
    // The API server knows the zone, this runtime does not: the run comes, only its time cannot be told.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** What the CRD takes can be read; an object from before it is left to the CronJob, which refuses it. */
function cronOf(expression: string | undefined): Cron | undefined {
  if (expression === undefined) return undefined;
  try {
    return parseCron(expression);
  } catch {
    return undefined;
  }
}
