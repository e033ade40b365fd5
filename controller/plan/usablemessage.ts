import type {
  CriteoSegmentExport,
  CriteoSegmentExportStatus,
  RunAfterStatus,
} from '../../api/generated/criteosegmentexport.ts';

/** For Ready, where no run by this definition has ended yet: what starts runs, and whether one is at work. */
export function usableMessage(
  { spec }: Pick<CriteoSegmentExport, 'spec'>,
  status: Partial<CriteoSegmentExportStatus>,
): string {
  return `${atWork(status)}The definition is usable; ${startedBy(spec)}.${notSucceeded(status)}`;
}

function startedBy({ schedule, runAfter = [] }: CriteoSegmentExport['spec']): string {
  if (runAfter.length === 0) {
    return schedule
      ? 'the next run is the scheduled one'
      : 'no schedule is set, so runs are started on request';
  }
  const following = 'follows the Jobs of spec.runAfter';
  return schedule
    ? `the next run is the scheduled one, or one that ${following}`
    : `the next run ${following}`;
}

/** It comes first: a column of kubectl shows the beginning. */
function atWork({ activeRun, lastRun }: Partial<CriteoSegmentExportStatus>): string {
  if (!activeRun || activeRun.trigger === 'Plan' || activeRun.trigger === 'Retire') return '';
  return lastRun ? 'A run is at work. ' : 'The first run is at work. ';
}

/** Labels that no Job has, or a CronJob that never succeeds, would else be waited for in silence. */
function notSucceeded({ runAfter = [] }: Partial<CriteoSegmentExportStatus>): string {
  const [first, ...others] = runAfter.filter(({ completedAt }) => completedAt === undefined);
  if (!first) return '';
  const more = others.length > 0 ? ` Nor has one of ${others.length} more: see status.runAfter.` : '';
  return ` No Job ${described(first)} has succeeded yet that can be seen.${more}`;
}

/** `Jobs app=load,tier=raw` or `CronJob refresh`, as status names its target. */
function described({ target }: RunAfterStatus): string {
  const prefix = 'Jobs ';
  return target.startsWith(prefix) ? `with the labels ${target.slice(prefix.length)}` : `of the ${target}`;
}
