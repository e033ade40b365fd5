import { isSameRun } from '../plan/afterrun.ts';
import { defined } from '../plan/fields.ts';
import type { Fields } from '../runtime/log.ts';
import type { KubeObject, Resource } from '../runtime/resource.ts';

/** What a status tells of the end of a Job of ours. */
interface ToldEnd {
  jobName?: string;
  startedAt?: string;
  finishedAt?: string;
  trigger?: string;
  outcome: string;
  reason: string;
  criteoCalls?: number;
  throttledSeconds?: number;
  profiles?: object;
}

/** The places in the status of an export or a connection that tell such ends. */
interface Ends {
  lastRun?: ToldEnd;
  plan?: ToldEnd;
  lastCheck?: ToldEnd;
  retirements?: readonly ToldEnd[];
}

/**
 * Fields of every line about a run: `run` is the Job's name, as in the lines of its pod, so that one
 * search finds both.
 */
export function runFields(
  { kind }: Pick<Resource, 'kind'>,
  object: KubeObject,
  run: string | undefined,
): Fields {
  const { namespace, name } = object.metadata;
  return { run, namespace, [kind === 'CriteoConnection' ? 'connection' : 'export']: name };
}

/** What the new status tells of Jobs that have ended since the one before: one line's fields each. */
export function endedRuns(before: unknown, after: unknown): (Fields & { run: string })[] {
  const known = endsIn(before);
  return endsIn(after)
    .filter((end) => !known.some((other) => isSameRun(other, end)))
    .map(({ jobName, trigger, startedAt, finishedAt, outcome, reason, profiles, ...more }) => ({
      run: jobName,
      ...defined({ trigger, startedAt, finishedAt, outcome, reason }),
      ...defined({ criteoCalls: more.criteoCalls, throttledSeconds: more.throttledSeconds }),
      ...profiles,
    }));
}

function endsIn(status: unknown): (ToldEnd & { jobName: string })[] {
  const { lastRun, plan, lastCheck, retirements = [] } = (status ?? {}) as Ends;
  return [lastRun, plan, lastCheck, ...retirements].flatMap((end) =>
    end?.jobName === undefined || end.outcome === 'Running' ? [] : [{ ...end, jobName: end.jobName }],
  );
}
