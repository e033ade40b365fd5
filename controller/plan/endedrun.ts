import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type { ActiveRun } from '../../api/generated/criteosegmentexport.ts';
import { annotations } from '../../api/names.ts';
import { type ExportRun, parseRunDocument } from '../../api/rundocument.ts';
import { formatTime } from '../../api/time.ts';
import { stopped } from './afterrun.ts';
import { isLive, type Job, type Pod } from './kubernetes.ts';
import type { MessageContext } from './messages.ts';
import { outcomeOf } from './outcome.ts';
import { volumeNames } from './podtemplate.ts';
import { type RunResult, runResult } from './runresult.ts';

/**
 * The result of the run that status.activeRun names, once it is over.
 * @param stop why it must end now, though it is at work.
 */
export function endedRun(
  active: ActiveRun | undefined,
  seen: { jobs: readonly Job[]; pods: readonly Pod[]; connection: CriteoConnection | undefined },
  stop: (job: Job) => string | undefined,
  now: number,
): RunResult | undefined {
  if (active === undefined) return undefined;
  const job = seen.jobs.find((candidate) => candidate.metadata.uid === active.jobUID);
  const { jobUID: _, ...ended } = active;
  const run = job && runDocumentOfJob(job);
  const context = messageContext(run, job, seen.connection);

  if (!job) return runResult(ended, { kind: 'Unknown', reason: 'JobDeleted' }, undefined, context, now);
  const outcome = outcomeOf(job, podsOf(seen.pods, job.metadata.name));
  if (outcome) return runResult(ended, outcome, run, context, now);
  const reason = isLive(job) ? stop(job) : undefined;
  if (reason === undefined) return undefined;
  return {
    summary: { ...ended, finishedAt: formatTime(now), outcome: 'Failed', reason: stopped, message: reason },
    segments: [],
  };
}

export function podsOf(pods: readonly Pod[], jobName: string | undefined): Pod[] {
  return pods.filter((pod) => pod.metadata.labels?.['batch.kubernetes.io/job-name'] === jobName);
}

/** What the Job itself was told to do; the definition may have changed since. */
export function runDocumentOfJob(job: Job): ExportRun | undefined {
  const text = job.spec.template.metadata?.annotations?.[annotations.run];
  try {
    const run = parseRunDocument(text ?? '');
    return run.kind === 'Export' ? run : undefined;
  } catch {
    // Edited by hand, or of another version: the report's counts are still worth telling.
    return undefined;
  }
}

function messageContext(
  run: ExportRun | undefined,
  job: Job | undefined,
  connection: CriteoConnection | undefined,
): MessageContext {
  const mounted = mountedNames(job);
  const secretName = mounted.secretName ?? connection?.spec.credentialsSecretRef.name ?? '';
  const apiVersion = run?.api.version ?? connection?.spec.api.version ?? '';
  if (!run) return { secretName, apiVersion };
  const { file } = run.source;
  return {
    secretName,
    apiVersion,
    exportName: `${run.export.namespace}/${run.export.name}`,
    advertiserId: run.advertiserId,
    ...(mounted.claimName === undefined ? {} : { claimName: mounted.claimName }),
    path: file.path,
    ...(file.segmentField === undefined ? {} : { segmentField: file.segmentField }),
    emailFields: [run.match.email.field, ...run.match.email.fallbackFields],
    maxProfiles: run.maxProfiles,
  };
}

/** Names that the run document does not hold, because a pod has no use for them. */
function mountedNames(job: Job | undefined): { secretName?: string; claimName?: string } {
  const volumes = (job?.spec.template.spec.volumes ?? []) as {
    name: string;
    secret?: { secretName?: string };
    persistentVolumeClaim?: { claimName?: string };
  }[];
  const secretName = volumes.find(({ name }) => name === volumeNames.credentials)?.secret?.secretName;
  const claimName = volumes.find(({ name }) => name === volumeNames.source)?.persistentVolumeClaim?.claimName;
  return {
    ...(secretName === undefined ? {} : { secretName }),
    ...(claimName === undefined ? {} : { claimName }),
  };
}
