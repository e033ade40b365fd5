import type { CriteoConnection, CriteoConnectionStatus } from '../../../api/generated/criteoconnection.ts';
import type {
  CriteoSegmentExport,
  CriteoSegmentExportStatus,
} from '../../../api/generated/criteosegmentexport.ts';
import type { Action, Plan } from '../action.ts';
import { findCondition } from '../conditions.ts';
import { type ObservedConnection, planConnection } from '../connection.ts';
import { type ObservedExport, planExport } from '../export.ts';
import type { Settings } from '../settings.ts';
import { applied, at, connection, segmentExport, settings } from './objects.ts';
import { statusFaults } from './rules.ts';

/** An export, its Ready connection and its claim, without Jobs, unless told. */
export function observedExport(changes: Partial<ObservedExport> = {}): ObservedExport {
  const used = 'connection' in changes ? changes.connection : connection();
  return {
    export: segmentExport(),
    connection: used,
    claimExists: true,
    cronJob: undefined,
    jobs: [],
    pods: [],
    connectionsOfJobs: used ? [used] : [],
    otherRunsOfConnection: 0,
    remembered: new Map(),
    followed: new Map(),
    ...changes,
  };
}

/** The plan, `seconds` after the beginning. @throws Error where its status breaks a rule. */
export function exportPlan(
  seen: ObservedExport,
  seconds = 0,
  flags: Settings = settings,
): Plan<CriteoSegmentExportStatus> {
  const plan = planExport(seen, at(seconds), flags);
  check({ ...seen.export, status: plan.status }, seen.export);
  return plan;
}

/** What is seen after the plan's status was written and its CronJob applied. */
export function next(seen: ObservedExport, seconds = 0): ObservedExport {
  const { status, actions } = exportPlan(seen, seconds);
  const apply = actions.find((action) => action.kind === 'ApplyCronJob');
  return {
    ...seen,
    export: { ...seen.export, status },
    ...(apply ? { cronJob: applied(apply.cronJob) } : {}),
  };
}

/** The plan, `seconds` after the beginning. @throws Error where its status breaks a rule. */
export function connectionPlan(
  seen: Partial<ObservedConnection> & { connection: CriteoConnection },
  seconds = 0,
  flags: Settings = settings,
): Plan<CriteoConnectionStatus> {
  const observed = { jobs: [], pods: [], ledgerClaim: undefined, credentialsFailedAt: undefined, ...seen };
  const plan = planConnection(observed, at(seconds), flags);
  check({ ...seen.connection, status: plan.status }, seen.connection);
  return plan;
}

/** Ready in one line: `True AwaitingRun`, and `Stalled` or `Reconciling` behind it. */
export function readyLine(status: Pick<CriteoConnectionStatus, 'conditions'>): string {
  const ready = findCondition(status.conditions, 'Ready');
  const progress = ['Stalled', 'Reconciling'].filter((type) => findCondition(status.conditions, type));
  return [ready?.status, ready?.reason, ...progress].join(' ');
}

export function readyMessage(status: Pick<CriteoConnectionStatus, 'conditions'>): string {
  return findCondition(status.conditions, 'Ready')?.message ?? '';
}

/** Actions in one line each: `ReleaseJob by-hand`. */
export function actionLines({ actions }: Pick<Plan<unknown>, 'actions'>): string[] {
  return actions.map((action) =>
    [action.kind, nameIn(action)].filter((word) => word !== undefined).join(' '),
  );
}

function nameIn(action: Action): string | undefined {
  if ('job' in action) return action.job.metadata.name;
  if ('cronJob' in action) return action.cronJob.metadata.name;
  return 'claim' in action ? action.claim.metadata.name : undefined;
}

export function eventLines({ events }: Pick<Plan<unknown>, 'events'>): string[] {
  return events.map(({ type, reason }) => `${type} ${reason}`);
}

function check(
  after: CriteoConnection | CriteoSegmentExport,
  before: CriteoConnection | CriteoSegmentExport,
): void {
  const faults = statusFaults(after, before.status?.conditions);
  if (faults.length > 0) throw new Error(faults.join('\n'));
}
