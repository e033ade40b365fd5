import type {
  ActiveRun,
  CriteoSegmentExportStatus,
  ScheduleStatus,
} from '../../api/generated/criteosegmentexport.ts';
import { parseTime } from '../../api/time.ts';
import { endOf, isOver } from './afterrun.ts';
import type { Approval } from './approval.ts';
import { claim } from './claim.ts';
import { refusedWord } from './conditions.ts';
import { goesBefore, type NextRetirement, nextRetirement, turnOf } from './connectionchange.ts';
import type { RunTemplate } from './cronjob.ts';
import type { ObservedExport } from './export.ts';
import { earliest } from './fields.ts';
import { isHeld, type Job } from './kubernetes.ts';
import { isOnePodLedger } from './ledger.ts';
import { podAtWork } from './pods.ts';
import { lookForRoomMs } from './room.ts';
import { type Decisions, decideRuns, type RunRules } from './runs.ts';
import { jitterMs } from './schedule.ts';
import type { Settings } from './settings.ts';
import type { Stop } from './stop.ts';

export interface NextRunInput {
  seen: ObservedExport;
  previous: Partial<CriteoSegmentExportStatus>;
  /** With the end of the run that status.activeRun named, where that has ended. */
  status: CriteoSegmentExportStatus;
  ended: boolean;
  approval: Approval;
  template: RunTemplate | undefined;
  /** Why nothing may start now. */
  blocked: string | undefined;
  schedule: ScheduleStatus;
  startingDeadlineMs: number;
  /** The entries of spec.runAfter. */
  followed: RunRules['followed'];
  /** Why a Job at work must end. */
  mustStop: (job: Job) => Stop | undefined;
  /** The run that a person ends by its name. */
  cancelledRun: string | undefined;
  now: number;
  settings: Settings;
}

export interface NextRun {
  /** What becomes of each Job of a run or a plan. */
  decisions: Decisions;
  retirement: NextRetirement;
  active: ActiveRun | undefined;
  stopping: Job[];
  /** Milliseconds until the next decision may differ without any object of the export having changed. */
  lookAgainAfterMs?: number;
}

/** Which Job of the export may be at work now: a run, a plan or a retirement, and never two. */
export function nextRun(input: NextRunInput): NextRun {
  const { seen, previous, status, mustStop, now, settings } = input;
  const { export: resource } = seen;
  const claimedUid = previous.activeRun?.jobUID;
  const turnInput = {
    resource,
    status,
    remembered: seen.remembered,
    jobs: seen.jobs.filter((job) => !(isHeld(job) && endOf(job, status))),
    claimedUid,
    approval: input.approval,
    settings,
  };
  const turn = turnOf(turnInput);
  const pod = podAtWork(seen.pods, seen.jobs);
  const crowded = noRoom(seen, settings);
  const decisions = decideRuns(seen.jobs, {
    now,
    templateHash: input.template?.hash,
    generation: status.definition?.generation,
    blocked: input.blocked ?? crowded,
    refused: seen.refusal && refusedWord(seen.refusal.message),
    goesBefore: (job) => goesBefore(job, turn),
    podAtWork: pod,
    startingDeadlineMs: input.startingDeadlineMs,
    jitterMs: jitterMs(resource),
    scheduleEffectiveSince: parseTime(input.schedule.effectiveSince) ?? now,
    followed: input.followed,
    resumedAt: parseTime(input.schedule.resumedAt),
    lastSuccess: lastSuccess(status),
    claimedUid,
    cancelledRun: input.cancelledRun,
    lastHandledPlan: status.lastHandledPlanRequestedAt,
    isOver: (job) => endOf(job, status) !== undefined,
  });
  const isQuiet = input.blocked === undefined && decisions.live.length === 0 && pod === undefined;
  const retirement = nextRetirement(turn, turnInput, decisions, isQuiet);
  const stopping = decisions.live.filter((job) => mustStop(job) !== undefined);
  const active = claim({
    resource,
    live: decisions.live,
    release: decisions.release ?? retirement.release,
    previous: previous.activeRun,
    ended: input.ended,
    over: decisions.live.filter((job) => stopping.includes(job) || isOver(job, status)),
    now,
  });
  const waitsForRoom = crowded !== undefined && decisions.waiting.length > 0;
  return {
    decisions,
    retirement,
    active,
    stopping,
    ...earliest(decisions.lookAgainAfterMs, waitsForRoom ? lookForRoomMs(resource) : undefined),
  };
}

/** The newest of all, of whatever definition: what it answers stays answered, also by a cache that is behind. */
function lastSuccess({ lastSuccessfulRun: run }: CriteoSegmentExportStatus): RunRules['lastSuccess'] {
  const startedAt = parseTime(run?.startedAt);
  if (!run || startedAt === undefined) return undefined;
  // It ended by Kubernetes' clock. By one of ours that is ahead it may have begun later than it ended.
  return { jobName: run.jobName, startedAt: Math.min(startedAt, parseTime(run.finishedAt) ?? startedAt) };
}

/** All runs of a connection share one budget of calls a minute, and some ledgers let in one pod at a time. */
function noRoom(seen: ObservedExport, settings: Settings): string | undefined {
  const { connection, otherRunsOfConnection: others } = seen;
  if (connection && isOnePodLedger(connection) && others > 0) {
    return `Another run of its connection is at work, and its ledger's volume lets in one pod at a time (ReadWriteOncePod).`;
  }
  return others >= settings.maxRunsPerConnection
    ? `${others} runs of its connection are at work.`
    : undefined;
}
