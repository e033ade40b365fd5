import type { CriteoSegmentExportStatus, PendingApproval } from '../../api/generated/criteosegmentexport.ts';
import { annotations } from '../../api/names.ts';
import type { PlannedEvent } from './action.ts';
import type { Approved } from './ask.ts';
import { setOrDrop } from './fields.ts';
import type { ObjectMeta } from './kubernetes.ts';
import { saidValue } from './saidvalue.ts';

type Status = Partial<CriteoSegmentExportStatus>;

/** What the annotation approvedRun asks for now. */
export type Approval =
  | { kind: 'None' }
  /** The annotation is not there: set again, whatever it names, it is said anew. */
  | { kind: 'Unsaid' }
  /** Make the Job of this approval: of a run, or of the segments that a connection filled. */
  | { kind: 'Run'; approved: Approved; connection?: string }
  /** Start nothing, say so once. */
  | { kind: 'Refuse'; value: string; message: string };

export interface ApprovalContext {
  status: Status;
  /** The approved runs that have a Job, which decides what becomes of them. */
  answered: readonly (string | undefined)[];
  /** Why an approved run could not start, or an approved retirement of that connection. */
  blocked: (connection: string | undefined) => string | undefined;
}

/**
 * An approval is of one run, by its name: the one that waits for it. It is bound
 * to what that run had seen by the token; the exporter stops where that has changed.
 */
export function readApproval(metadata: ObjectMeta, context: ApprovalContext): Approval {
  const { status, answered } = context;
  const value = saidValue(metadata, annotations.approvedRun);
  if (value === undefined) return { kind: 'Unsaid' };
  if (value === status.lastHandledApprovedRun || answered.includes(value)) return { kind: 'None' };
  const retirement = status.retirements?.find(({ pendingApproval }) => pendingApproval?.runName === value);
  const pending = [status.pendingApproval, retirement?.pendingApproval].find((one) => one?.runName === value);
  if (!pending) return { kind: 'Refuse', value, message: refusal(value, status) };
  const blocked = context.blocked(retirement?.connection);
  if (blocked !== undefined) {
    return {
      kind: 'Refuse',
      value,
      message: `The approval of the run ${value} cannot be acted on: ${blocked} Mend that; then take the annotation away and set it again, or, where the definition was changed, ask for a plan and approve that.`,
    };
  }
  return {
    kind: 'Run',
    approved: { runName: value, token: pending.token },
    ...(retirement ? { connection: retirement.connection } : {}),
  };
}

function refusal(value: string, status: Status): string {
  const waiting = pendingOf(status).map(({ runName }) => runName);
  const instead =
    waiting.length > 0
      ? `The one that waits is ${waiting.join(' or ')}: read its message in status, and approve that.`
      : 'Nothing waits for an approval: ask for a plan, and approve that where it says so.';
  return `metadata.annotations[${annotations.approvedRun}]: no run "${value}" waits for an approval, or the definition was changed since; nothing was started. ${instead}`;
}

function pendingOf(status: Status): PendingApproval[] {
  const all = [status.pendingApproval, ...(status.retirements ?? []).map((entry) => entry.pendingApproval)];
  return all.flatMap((pending) =>
    pending && pending.runName !== status.lastHandledApprovedRun ? [pending] : [],
  );
}

/**
 * What waits already for just this: the same token stands for the same removals.
 * Then the run that people were told to approve stays the one to name, however
 * often a schedule runs into the guard meanwhile. But a name counts once: said
 * again, it would do nothing, and say nothing.
 */
export function sameApproval(
  { pendingApproval: pending, lastHandledApprovedRun }: Status,
  token: string | undefined,
  generation: number | undefined,
): PendingApproval | undefined {
  if (!pending || pending.runName === lastHandledApprovedRun) return undefined;
  return pending.token === token && pending.generation === generation ? pending : undefined;
}

/**
 * An approved run came to nothing: what it was to do waits as before, now by its own
 * name. The token is the same, so that the exporter still does just what was seen.
 */
export function waitAgain(pending: PendingApproval, jobName: string): PendingApproval {
  const [old, name] = [pending.runName, jobName].map((run) => `${annotations.approvedRun}=${run}`);
  return { ...pending, runName: jobName, message: pending.message.replace(old ?? '', name ?? '') };
}

/** The same, where its Job was skipped: it used the approval up, and did nothing. */
export function useUpUnstarted(status: Status, runName: string, jobName: string): void {
  useUp(status, runName);
  const pending = status.pendingApproval;
  if (pending?.runName === runName) status.pendingApproval = waitAgain(pending, jobName);
}

/** What a person reads of a removal that waits. A command that would do nothing is not told. */
export function waitsFor(pending: PendingApproval, status: Status): string {
  const { runName, message } = pending;
  if (status.activeRun?.approvedRun === runName) {
    return `What the run ${runName} was stopped from was approved; the run ${status.activeRun.jobName} is at it.`;
  }
  return runName === status.lastHandledApprovedRun
    ? `Its approval was acted on or refused already: to approve it again, take the annotation away first. ${message}`
    : message;
}

/** What a person saw was of the definition as it was then: a changed one waits for nobody. */
export function dropOutdatedApprovals(status: Status, generation: number | undefined): void {
  const holds = (pending: PendingApproval | undefined) => pending?.generation === generation;
  if (!holds(status.pendingApproval)) delete status.pendingApproval;
  const { retirements } = status;
  if (!retirements?.some((entry) => entry.pendingApproval && !holds(entry.pendingApproval))) return;
  status.retirements = retirements.map((entry) => {
    if (!entry.pendingApproval || holds(entry.pendingApproval)) return entry;
    const { pendingApproval: _, ...rest } = entry;
    return rest;
  });
}

/**
 * An approval counts once: with its Job claimed, or skipped, it is used up. What it was
 * given for is remembered until a run has decided about it.
 */
export function useUp(status: Status, runName: string): void {
  status.lastHandledApprovedRun = runName;
  const used = status.retirements?.map((entry) => {
    if (entry.pendingApproval?.runName !== runName) return entry;
    const { pendingApproval: _, ...rest } = entry;
    return rest;
  });
  setOrDrop(status, 'retirements', used);
}

export function approvalEvents(approval: Approval): PlannedEvent[] {
  if (approval.kind !== 'Refuse') return [];
  return [{ type: 'Warning', reason: 'ApprovalRefused', action: 'HandleApproval', note: approval.message }];
}
