import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { shortHash } from '../../api/hash.ts';
import { annotations, labels, managedBy } from '../../api/names.ts';
import { childName } from './childnames.ts';
import { jobSpec } from './jobspec.ts';
import type { CronJob, JobSpec, PodTemplate } from './kubernetes.ts';
import { namespaceOf, ownedBy } from './owner.ts';

/** Pods of one run that may fail by a passing fault: with Kubernetes' back-off some minutes. */
export const exportBackoffLimit = 3;
export const defaultActiveDeadlineSeconds = 14_400;
export const defaultStartingDeadlineSeconds = 3600;
/** As the schema has it. */
export const defaultTimeZone = 'Etc/UTC';

/** Where there is no schedule the CronJob is suspended; it is there for `kubectl create job --from`. */
const neverUsedSchedule = '0 0 1 1 *';

/** A Job's template and what a Job must carry to be recognised. */
export interface RunTemplate {
  hash: string;
  metadata: { labels: Record<string, string>; annotations: Record<string, string> };
  spec: JobSpec;
}

export function runTemplate(
  resource: CriteoSegmentExport,
  pod: PodTemplate,
  connectionUid: string,
): RunTemplate {
  const spec = jobSpec(pod, {
    backoffLimit: exportBackoffLimit,
    activeDeadlineSeconds: resource.spec.job?.activeDeadlineSeconds ?? defaultActiveDeadlineSeconds,
    held: true,
  });
  const hash = shortHash(spec, 16);
  return {
    hash,
    metadata: {
      labels: { ...childLabels(resource), [labels.connectionUid]: connectionUid },
      annotations: { [annotations.templateHash]: hash },
    },
    spec,
  };
}

export function childLabels(
  resource: CriteoSegmentExport,
  runKind: 'Export' | 'Retire' = 'Export',
): Record<string, string> {
  return {
    [labels.managedBy]: managedBy,
    [labels.exportUid]: resource.metadata.uid ?? '',
    [labels.runKind]: runKind,
  };
}

export function cronJobName(resource: CriteoSegmentExport): string {
  return childName(resource.metadata.name, 'export', resource.metadata.uid);
}

/** One export is one CronJob; it only makes held Jobs. */
export function cronJob(resource: CriteoSegmentExport, template: RunTemplate, suspended: boolean): CronJob {
  const { schedule } = resource.spec;
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: {
      name: cronJobName(resource),
      ...namespaceOf(resource),
      labels: childLabels(resource),
      ownerReferences: [ownedBy(resource)],
    },
    spec: {
      schedule: schedule?.cron ?? neverUsedSchedule,
      timeZone: schedule?.timeZone ?? defaultTimeZone,
      suspend: suspended || schedule === undefined,
      concurrencyPolicy: 'Forbid',
      // Without it, a hundred missed starts stop a CronJob for ever.
      startingDeadlineSeconds: schedule?.startingDeadlineSeconds ?? defaultStartingDeadlineSeconds,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 3,
      jobTemplate: { metadata: template.metadata, spec: template.spec },
    },
  };
}
