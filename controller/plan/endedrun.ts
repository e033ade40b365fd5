import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type { ActiveRun } from '../../api/generated/criteosegmentexport.ts';
import type { ExportRun, RetireRun } from '../../api/rundocument.ts';
import { documentOf } from './jobdocument.ts';
import { isLive, type Job, type Pod } from './kubernetes.ts';
import type { MessageContext } from './messages/index.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import { podsOf } from './pods.ts';
import { runContext } from './runcontext.ts';
import type { Stop } from './stop.ts';

/** A run that is over, as status.activeRun knew it, and what came of it. */
export interface EndedRun {
  active: Omit<ActiveRun, 'jobUID'>;
  outcome: Outcome | ({ kind: 'Stopped' } & Stop);
  /** What the Job itself was told to do; the definition may have changed since. */
  document: ExportRun | RetireRun | undefined;
  context: MessageContext;
}

/**
 * The run that status.activeRun names, once it is over.
 * @param stop why it must end now, though it is at work.
 */
export function endedRun(
  active: ActiveRun | undefined,
  seen: { jobs: readonly Job[]; pods: readonly Pod[]; connection: CriteoConnection | undefined },
  stop: (job: Job) => Stop | undefined,
): EndedRun | undefined {
  if (active === undefined) return undefined;
  const job = seen.jobs.find((candidate) => candidate.metadata.uid === active.jobUID);
  const outcome = outcomeNow(job, seen.pods, stop);
  if (!outcome) return undefined;
  const { jobUID: _, ...run } = active;
  const document = job && documentOf(job);
  return {
    active: run,
    outcome,
    document: document?.kind === 'Check' ? undefined : document,
    context: runContext(document, job, seen.connection),
  };
}

function outcomeNow(
  job: Job | undefined,
  pods: readonly Pod[],
  stop: (job: Job) => Stop | undefined,
): EndedRun['outcome'] | undefined {
  if (!job) return { kind: 'Unknown', reason: 'JobDeleted' };
  const outcome = outcomeOf(job, podsOf(pods, job.metadata.name));
  if (outcome) return outcome;
  const why = isLive(job) ? stop(job) : undefined;
  return why && { kind: 'Stopped', ...why };
}
