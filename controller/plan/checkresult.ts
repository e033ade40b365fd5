import type { CriteoConnection, CriteoConnectionStatus } from '../../api/generated/criteoconnection.ts';
import { isRunReason, type RunReason, runReasons } from '../../api/reasons.ts';
import { formatTime } from '../../api/time.ts';
import { deprecatedByCriteo } from './conditionreasons.ts';
import type { ConnectionReadiness, Wanted } from './conditions.ts';
import type { EndReason } from './endreasons.ts';
import { documentOf } from './jobdocument.ts';
import type { Job } from './kubernetes.ts';
import { messageFor } from './messages/index.ts';
import type { Outcome } from './outcome.ts';
import { runContext } from './runcontext.ts';

type LastCheck = NonNullable<CriteoConnectionStatus['lastCheck']>;

export interface CheckResult {
  check: Omit<LastCheck, 'generation'> & { reason: EndReason };
  advertisers?: NonNullable<CriteoConnectionStatus['advertisers']>;
  readiness: ConnectionReadiness;
  /** ApiVersionDeprecated, where Criteo's replies said so. */
  deprecated?: Wanted;
}

const credentialsAccepted = 'CredentialsAccepted';
const checkFailed = 'CheckFailed';

/** Whether a reason of Ready is what a check said, and not what kept one from ending. */
export function isCheckReason(
  reason: string,
): reason is typeof credentialsAccepted | typeof checkFailed | RunReason {
  return reason === credentialsAccepted || reason === checkFailed || isRunReason(reason);
}

const minute = 60_000;
const afterSuccessMs = 60 * minute;
const firstRetryMs = 30_000;
const longestRetryMs = 5 * minute;

/** A mended Secret needs no action of the user's, so a broken connection is looked at soon and again. */
export function nextCheckAt(consecutiveFailures: number, now: number): number {
  if (consecutiveFailures === 0) return now + afterSuccessMs;
  return now + Math.min(firstRetryMs * 2 ** (consecutiveFailures - 1), longestRetryMs);
}

export function checkResult(
  job: Job,
  outcome: Outcome,
  connection: CriteoConnection,
  now: number,
): CheckResult {
  const base = {
    jobName: job.metadata.name ?? '',
    ...(job.metadata.creationTimestamp === undefined ? {} : { startedAt: job.metadata.creationTimestamp }),
    finishedAt: outcome.finishedAt ?? formatTime(now),
  };
  if (outcome.kind === 'Unknown') {
    return {
      check: { ...base, outcome: 'Unknown', reason: outcome.reason },
      readiness: {
        status: 'False',
        reason: checkFailed,
        message: `The check of the credentials ended without a report (${outcome.reason}); it is repeated. See kubectl describe job ${base.jobName}.`,
        progress: 'Reconciling',
      },
    };
  }
  const { report } = outcome;
  const { spec } = connection;
  const context = {
    ...runContext(documentOf(job), job, connection),
    ...(spec.advertiserId === undefined ? {} : { advertiserId: spec.advertiserId }),
  };
  const passing = runReasons[report.reason] === 'passing';
  const succeeded = report.reason === 'Succeeded';
  const deprecated = report.deprecated ? deprecation(spec.api.version, report.deprecated.sunset) : undefined;
  return {
    check: { ...base, outcome: succeeded ? 'Succeeded' : 'Failed', reason: report.reason },
    ...(report.advertisers ? { advertisers: report.advertisers } : {}),
    readiness: succeeded
      ? {
          status: 'True',
          reason: credentialsAccepted,
          message: `Criteo accepted the credentials; they may use ${advertiserCount(report.advertisers?.total ?? 0)}.`,
        }
      : {
          status: 'False',
          reason: report.reason,
          message: `${messageFor(report.reason, report.details, context)}${passing ? ' The check is repeated.' : ''}`,
          progress: passing ? 'Reconciling' : 'Stalled',
        },
    ...(deprecated ? { deprecated } : {}),
  };
}

function advertiserCount(total: number): string {
  return total === 1 ? '1 advertiser' : `${total} advertisers`;
}

function deprecation(version: string, sunset: string | undefined): Wanted {
  return {
    type: 'ApiVersionDeprecated',
    status: 'True',
    reason: deprecatedByCriteo,
    message: `spec.api.version: Criteo ends version ${version}${sunset === undefined ? '' : ` on ${sunset}`}; name a newer one.`,
  };
}
