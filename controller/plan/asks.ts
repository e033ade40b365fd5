import type {
  CriteoSegmentExport,
  CriteoSegmentExportStatus,
} from '../../api/generated/criteosegmentexport.ts';
import { parseTime } from '../../api/time.ts';
import type { PlannedEvent } from './action.ts';
import { type Approval, approvalEvents, readApproval, useUpUnstarted } from './approval.ts';
import { approvalOf, planRequestOf, requestOf } from './ask.ts';
import { isCredible } from './credible.ts';
import type { Job } from './kubernetes.ts';
import { newestHandled, type Request, readRequest, requestEvents } from './request.ts';
import type { Decisions } from './runs.ts';

type Status = CriteoSegmentExportStatus;

/** What the annotations of an export ask for now. */
export interface Asks {
  request: Request;
  planRequest: Request;
  approval: Approval;
}

export interface AsksContext {
  status: Status;
  jobs: readonly Job[];
  now: number;
  startingDeadlineMs: number;
  /** Why an approved run could not start, or an approved retirement of that connection. */
  blocked: (connection: string | undefined) => string | undefined;
}

export function readAsks({ metadata }: CriteoSegmentExport, context: AsksContext): Asks {
  const { status, jobs, now, startingDeadlineMs, blocked } = context;
  return {
    request: readRequest(metadata, {
      asksFor: 'run',
      lastHandled: status.lastHandledRequestedAt,
      lastIgnored: status.lastIgnoredRequestedAt,
      answered: jobs.map(requestOf),
      now,
      startingDeadlineMs,
    }),
    planRequest: readRequest(metadata, {
      asksFor: 'plan',
      lastHandled: status.lastHandledPlanRequestedAt,
      lastIgnored: status.lastIgnoredPlanRequestedAt,
      answered: jobs.map(planRequestOf),
      now,
      startingDeadlineMs,
    }),
    approval: readApproval(metadata, {
      status,
      answered: jobs.map((job) => approvalOf(job)?.runName),
      blocked,
    }),
  };
}

/** Acted on while all clocks were far ahead: kept, nothing could be asked for until that day. */
export function forgetAhead(status: Status, now: number): void {
  for (const field of ['lastHandledRequestedAt', 'lastHandledPlanRequestedAt'] as const) {
    if (!isCredible(parseTime(status[field]) ?? 0, now)) delete status[field];
  }
}

/**
 * What was acted on, so that it acts once. A request is handled when its Job is
 * claimed or skipped: before that the Job itself is the record.
 */
export function noteHandled(status: Status, asks: Asks, decisions: Pick<Decisions, 'skip' | 'drop'>): void {
  const { request, planRequest, approval } = asks;
  const { activeRun } = status;
  const skipped = decisions.skip.map(({ job }) => job);
  const run = newestHandled([
    status.lastHandledRequestedAt,
    activeRun?.trigger === 'Request' ? activeRun.requestedAt : undefined,
    ...skipped.map(requestOf),
    handledIn(request),
  ]);
  if (run !== undefined) status.lastHandledRequestedAt = run;
  const plan = newestHandled([
    status.lastHandledPlanRequestedAt,
    activeRun?.trigger === 'Plan' ? activeRun.requestedAt : undefined,
    ...skipped.map(planRequestOf),
    // Superseded: with its Job gone it would be made again.
    ...decisions.drop.map(planRequestOf),
    handledIn(planRequest),
  ]);
  if (plan !== undefined) status.lastHandledPlanRequestedAt = plan;
  if (request.kind === 'Ignore' && !request.handled) status.lastIgnoredRequestedAt = request.value;
  if (planRequest.kind === 'Ignore' && !planRequest.handled) {
    status.lastIgnoredPlanRequestedAt = planRequest.value;
  }
  if (approval.kind === 'Unsaid') delete status.lastHandledApprovedRun;
  if (approval.kind === 'Refuse') status.lastHandledApprovedRun = approval.value;
  for (const job of skipped) {
    const approved = approvalOf(job);
    if (approved) useUpUnstarted(status, approved.runName, job.metadata.name ?? '');
  }
}

export function askEvents({ request, planRequest, approval }: Asks): PlannedEvent[] {
  return [...requestEvents(request), ...requestEvents(planRequest), ...approvalEvents(approval)];
}

function handledIn(request: Request): string | undefined {
  return request.kind === 'Ignore' && request.handled ? request.value : undefined;
}
