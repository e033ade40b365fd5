import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { annotations } from '../../api/names.ts';
import type { ExportRun } from '../../api/rundocument.ts';
import { formatTime } from '../../api/time.ts';
import {
  type Answered,
  type Approved,
  afterOf,
  approvalOf,
  askOf,
  firstUid,
  momentOf,
  planRequestOf,
  replacementOf,
  triggerOf,
} from './ask.ts';
import { childName } from './childnames.ts';
import type { RunTemplate } from './cronjob.ts';
import type { Job, JobSpec } from './kubernetes.ts';
import { namespaceOf, ownedBy } from './owner.ts';

/** The Job that answers a request. Its name follows from the request, so that a crash after its creation makes no second. */
export function requestedJob(
  resource: CriteoSegmentExport,
  template: RunTemplate,
  value: string,
  now: number,
): Job {
  const name = childName(resource.metadata.name, 'req', [resource.metadata.uid, value]);
  return newJob(resource, template, name, { [annotations.request]: value, ...seenNow(now) });
}

/**
 * The Job of a run that follows others. Its name follows from what is answered so far: until that
 * moves, which the start of this Job does, another that is asked for by a cache that is behind is this one.
 */
export function followingJob(
  resource: CriteoSegmentExport,
  template: RunTemplate,
  { answers, before }: Following,
): Job {
  const name = childName(resource.metadata.name, 'after', [resource.metadata.uid, before]);
  return newJob(resource, template, name, { [annotations.after]: JSON.stringify(answers) });
}

/** A run that follows other Jobs. */
export interface Following {
  answers: Answered;
  /** What was answered before, by the entry of spec.runAfter. */
  before: Answered;
}

/** The Job that answers a request for a plan. */
export function plannedJob(
  resource: CriteoSegmentExport,
  template: RunTemplate,
  value: string,
  now: number,
): Job {
  const name = childName(resource.metadata.name, 'plan', [resource.metadata.uid, value]);
  return newJob(resource, template, name, { ...planAnnotations(value), ...seenNow(now) }, { plan: true });
}

/** The Job by which a person's approval is acted on: it may do what the approved run had told, and no more. */
export function approvedJob(
  resource: CriteoSegmentExport,
  template: RunTemplate,
  approved: Approved,
  now: number,
): Job {
  const { runName, token } = approved;
  const name = childName(resource.metadata.name, 'approved', [resource.metadata.uid, runName, token]);
  const extra = { ...approvalAnnotations(approved), ...seenNow(now) };
  return newJob(resource, template, name, extra, { approval: token });
}

/** Today's Job in the place of a held one of an older definition, asked for by the same event. */
export function replacementJob(resource: CriteoSegmentExport, template: RunTemplate, old: Job): Job {
  const count = replacementOf(old) + 1;
  const identity = [resource.metadata.uid, askOf(old), count, template.hash];
  const { extra, variant } = askIn(old);
  return newJob(
    resource,
    template,
    childName(resource.metadata.name, 'run', identity),
    { ...extra, [annotations.replacement]: String(count) },
    variant,
  );
}

/** What a run is told beside the definition. */
type Variant = Pick<ExportRun, 'plan' | 'approval'>;

/** The asking that a Job answers, for the one in its place. */
function askIn(old: Job): { extra: Record<string, string>; variant?: Variant } {
  const seen = keptOf(old, annotations.askedAt);
  const plan = planRequestOf(old);
  if (plan !== undefined) return { extra: { ...planAnnotations(plan), ...seen }, variant: { plan: true } };
  const approved = approvalOf(old);
  if (approved) {
    return { extra: { ...approvalAnnotations(approved), ...seen }, variant: { approval: approved.token } };
  }
  const askedAt = { [annotations.askedAt]: formatTime(momentOf(old)) };
  if (triggerOf(old) === 'Manual') return { extra: { [annotations.replaces]: firstUid(old), ...askedAt } };
  const answers = afterOf(old);
  if (answers) return { extra: { [annotations.after]: JSON.stringify(answers), ...askedAt } };
  return { extra: { ...keptOf(old, annotations.request, annotations.scheduledTimestamp), ...seen } };
}

function keptOf(old: Job, ...names: string[]): Record<string, string> {
  const kept = names.flatMap((name) => {
    const value = old.metadata.annotations?.[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(kept);
}

/** The API server dates the Job by another clock than the one by which a resume is seen. */
function seenNow(now: number): Record<string, string> {
  return { [annotations.askedAt]: formatTime(now) };
}

function planAnnotations(value: string): Record<string, string> {
  return { [annotations.planRequest]: value };
}

export function approvalAnnotations({ runName, token }: Approved): Record<string, string> {
  return { [annotations.approved]: runName, [annotations.approval]: token };
}

function newJob(
  resource: CriteoSegmentExport,
  template: RunTemplate,
  name: string,
  extra: Record<string, string>,
  variant?: Variant,
): Job {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      ...namespaceOf(resource),
      labels: template.metadata.labels,
      // The hash stays the definition's: by it a Job of an older one is recognised, whatever its variant.
      annotations: { ...template.metadata.annotations, ...extra },
      ownerReferences: [ownedBy(resource)],
    },
    spec: variant ? withVariant(template.spec, variant) : template.spec,
  };
}

function withVariant(spec: JobSpec, variant: Variant): JobSpec {
  const { metadata, ...template } = spec.template;
  const run = JSON.parse(metadata?.annotations?.[annotations.run] ?? '{}') as ExportRun;
  const changed = { ...metadata?.annotations, [annotations.run]: JSON.stringify({ ...run, ...variant }) };
  return { ...spec, template: { metadata: { ...metadata, annotations: changed }, ...template } };
}
