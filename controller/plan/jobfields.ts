import type { CriteoSegmentExportSpec } from '../../api/generated/criteosegmentexport.ts';
import { group, labels as ownLabels } from '../../api/names.ts';
import type { ExportReadiness } from './conditions.ts';
import { defined } from './fields.ts';
import type { Settings } from './settings.ts';

type JobFields = NonNullable<CriteoSegmentExportSpec['job']>;
type AllowLists = Pick<Settings, 'allowedJobLabels' | 'allowedPriorityClasses' | 'allowedTolerations'>;

/** What a tenant's definition puts on the pods of its runs, of what whoever runs the controller allows. */
export type ListedFields = Pick<JobFields, 'labels' | 'priorityClassName' | 'tolerations'>;

/** Why a pod of a run may not have what spec.job asks for, if so. */
export function jobFieldFault(job: JobFields | undefined, lists: AllowLists): ExportReadiness | undefined {
  for (const key of Object.keys(job?.labels ?? {})) {
    if (isReservedLabel(key)) {
      return refused(
        `spec.job.labels: "${key}" is a label of Kubernetes' own or of the controller's, and nobody can allow it; remove it.`,
      );
    }
    if (!isAllowedLabel(key, lists)) {
      return notListed(`spec.job.labels: "${key}"`, '--allowed-job-label', lists.allowedJobLabels);
    }
  }
  for (const [index, toleration] of (job?.tolerations ?? []).entries()) {
    const field = `spec.job.tolerations[${index}]`;
    if (!toleration.key) {
      return refused(
        `${field}: it has no key, and tolerates every taint; name the key of one that --allowed-toleration lists. ${listOf(lists.allowedTolerations)}`,
      );
    }
    if (!isAllowedToleration(toleration, lists)) {
      return notListed(`${field}.key: "${toleration.key}"`, '--allowed-toleration', lists.allowedTolerations);
    }
  }
  const name = job?.priorityClassName;
  if (name === undefined || isAllowedClass(name, lists)) return undefined;
  return notListed(
    `spec.job.priorityClassName: "${name}"`,
    '--allowed-priority-class',
    lists.allowedPriorityClasses,
  );
}

/**
 * Without what is not allowed: a Job that the policy on the controller refuses would
 * hold up the deletion of an export whose definition nobody checks any more.
 */
export function allowedJobFields(job: JobFields | undefined, lists: AllowLists): ListedFields {
  const labels = Object.entries(job?.labels ?? {}).filter(([key]) => isAllowedLabel(key, lists));
  const tolerations = (job?.tolerations ?? []).filter((toleration) => isAllowedToleration(toleration, lists));
  const name = job?.priorityClassName;
  return defined({
    labels: labels.length > 0 ? Object.fromEntries(labels) : undefined,
    tolerations: tolerations.length > 0 ? tolerations : undefined,
    priorityClassName: name !== undefined && isAllowedClass(name, lists) ? name : undefined,
  });
}

/**
 * Whether a key, or a prefix that ends in "/", is no tenant's under any list: by our
 * labels the controller knows its pods, by those of Kubernetes a Job does.
 */
export function isReservedLabel(keyOrPrefix: string): boolean {
  const slash = keyOrPrefix.indexOf('/');
  if (slash < 0) return keyOrPrefix === 'controller-uid' || keyOrPrefix === 'job-name';
  const domain = keyOrPrefix.slice(0, slash);
  if (domain === 'app.kubernetes.io') {
    const own: string[] = [ownLabels.managedBy, ownLabels.partOf];
    return keyOrPrefix.endsWith('/') || own.includes(keyOrPrefix);
  }
  return [group, 'kubernetes.io', 'k8s.io'].some(
    (reserved) => domain === reserved || domain.endsWith(`.${reserved}`),
  );
}

function isAllowedLabel(key: string, { allowedJobLabels }: AllowLists): boolean {
  return (
    !isReservedLabel(key) &&
    allowedJobLabels.some((allowed) => (allowed.endsWith('/') ? key.startsWith(allowed) : key === allowed))
  );
}

function isAllowedToleration({ key }: { key?: string }, { allowedTolerations }: AllowLists): boolean {
  return key !== undefined && allowedTolerations.includes(key);
}

function isAllowedClass(name: string, { allowedPriorityClasses }: AllowLists): boolean {
  return allowedPriorityClasses.includes(name);
}

function notListed(what: string, flag: string, allowed: readonly string[]): ExportReadiness {
  return refused(
    `${what} is not allowed; remove it, or have it added with ${flag} by whoever runs the controller. ${listOf(allowed)}`,
  );
}

function listOf(allowed: readonly string[]): string {
  return allowed.length === 0 ? 'None is allowed now.' : `Allowed now: ${allowed.join(', ')}.`;
}

function refused(message: string): ExportReadiness {
  return { status: 'False', reason: 'JobFieldNotAllowed', message, progress: 'Stalled' };
}
