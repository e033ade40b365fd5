import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { labels } from '../../api/names.ts';
import type { ExportReadiness } from './conditions.ts';
import { childLabels, cronJobName } from './cronjob.ts';
import { type Followed, hasLabels, targetOf } from './followed.ts';

/** An export that followed its own Jobs would never rest. */
export function runAfterFault(
  resource: CriteoSegmentExport,
  connectionUid: string | undefined,
): ExportReadiness | undefined {
  for (const [index, { cronJob, jobSelector }] of (resource.spec.runAfter ?? []).entries()) {
    if (cronJob === cronJobName(resource)) {
      return itself(
        `spec.runAfter[${index}].cronJob: "${cronJob}" is this export's own CronJob`,
        'name the CronJob that refreshes the source',
      );
    }
    if (
      jobSelector &&
      ownLabels(resource, connectionUid).some((own) => hasLabels(own, jobSelector.matchLabels))
    ) {
      return itself(
        `spec.runAfter[${index}].jobSelector.matchLabels: this export's own Jobs carry these labels`,
        'choose labels that only the Jobs have that refresh the source',
      );
    }
  }
  return undefined;
}

/** It may come, and meanwhile runs start by what else asks for them. */
export function runAfterNotFound(
  { spec }: CriteoSegmentExport,
  followed: ReadonlyMap<string, Followed>,
): ExportReadiness | undefined {
  const index = (spec.runAfter ?? []).findIndex(
    (target) => target.cronJob !== undefined && followed.get(targetOf(target))?.cronJob === undefined,
  );
  if (index < 0) return undefined;
  return {
    status: 'False',
    reason: 'RunAfterNotFound',
    message: `spec.runAfter[${index}].cronJob: no CronJob "${spec.runAfter?.[index]?.cronJob}" is in this namespace; create it or name another. No run follows it meanwhile.`,
    progress: 'Reconciling',
  };
}

function itself(what: string, instead: string): ExportReadiness {
  const message = `${what}, so that each run would start the next; ${instead}.`;
  return { status: 'False', reason: 'RunAfterItself', message, progress: 'Stalled' };
}

function ownLabels(
  resource: CriteoSegmentExport,
  connectionUid: string | undefined,
): { labels: Record<string, string> }[] {
  const ofConnection: Record<string, string> =
    connectionUid === undefined ? {} : { [labels.connectionUid]: connectionUid };
  return (['Export', 'Retire'] as const).map((kind) => ({
    labels: { ...childLabels(resource, kind), ...ofConnection },
  }));
}
