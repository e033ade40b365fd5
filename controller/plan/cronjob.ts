import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { shortHash } from '../../api/hash.ts';
import { annotations, apiVersion, labels, managedBy } from '../../api/names.ts';
import { formatTime } from '../../api/time.ts';
import { askOf, firstUid, momentOf, replacementOf, triggerOf } from './ask.ts';
import { childName } from './childnames.ts';
import { jobSpec } from './jobspec.ts';
import type { CronJob, Job, JobSpec, ObjectMeta, OwnerReference, PodTemplate } from './kubernetes.ts';

/** Pods of one run that may fail by a passing fault: with Kubernetes' back-off some minutes. */
const exportBackoffLimit = 3;
export const defaultActiveDeadlineSeconds = 14_400;
export const defaultStartingDeadlineSeconds = 3600;

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

export function childLabels(resource: CriteoSegmentExport): Record<string, string> {
  return {
    [labels.managedBy]: managedBy,
    [labels.exportUid]: resource.metadata.uid ?? '',
    [labels.runKind]: 'Export',
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
      timeZone: schedule?.timeZone ?? 'Etc/UTC',
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

/** The Job that answers a request. Its name follows from the request, so that a crash after its creation makes no second. */
export function requestedJob(resource: CriteoSegmentExport, template: RunTemplate, value: string): Job {
  return newJob(
    resource,
    template,
    childName(resource.metadata.name, 'req', [resource.metadata.uid, value]),
    { [annotations.request]: value },
  );
}

/** Today's Job in the place of a held one of an older definition, asked for by the same event. */
export function replacementJob(resource: CriteoSegmentExport, template: RunTemplate, old: Job): Job {
  const count = replacementOf(old) + 1;
  const identity = [resource.metadata.uid, askOf(old), count, template.hash];
  return newJob(resource, template, childName(resource.metadata.name, 'run', identity), {
    ...askAnnotations(old),
    [annotations.replacement]: String(count),
  });
}

function askAnnotations(old: Job): Record<string, string> {
  if (triggerOf(old) === 'Manual') {
    return { [annotations.replaces]: firstUid(old), [annotations.askedAt]: formatTime(momentOf(old)) };
  }
  const kept = [annotations.request, annotations.scheduledTimestamp].flatMap((name) => {
    const value = old.metadata.annotations?.[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(kept);
}

function newJob(
  resource: CriteoSegmentExport,
  template: RunTemplate,
  name: string,
  extra: Record<string, string>,
): Job {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      ...namespaceOf(resource),
      labels: template.metadata.labels,
      annotations: { ...template.metadata.annotations, ...extra },
      ownerReferences: [ownedBy(resource)],
    },
    spec: template.spec,
  };
}

function ownedBy(resource: CriteoSegmentExport): OwnerReference {
  return {
    apiVersion,
    kind: 'CriteoSegmentExport',
    name: resource.metadata.name,
    uid: resource.metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}

function namespaceOf(resource: CriteoSegmentExport): Pick<ObjectMeta, 'namespace'> {
  return resource.metadata.namespace === undefined ? {} : { namespace: resource.metadata.namespace };
}
