import type { CriteoConnection } from '../../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport } from '../../../api/generated/criteosegmentexport.ts';
import { annotations, labels } from '../../../api/names.ts';
import { encodeReport, exitCodeOf, noCounts, type Report, type SegmentReport } from '../../../api/report.ts';
import { formatTime, parseTime } from '../../../api/time.ts';
import { validateConnection, validateExport } from '../../../api/validate.ts';
import type { RunTemplate } from '../cronjob.ts';
import { exportTemplate } from '../exporttemplate.ts';
import type { CronJob, Job, Pod } from '../kubernetes.ts';
import { retireJob } from '../retirejob.ts';
import { approvedJob, plannedJob, requestedJob } from '../runjob.ts';
import { defaultSettings, type Settings } from '../settings.ts';

/** The time at which the tests' stories begin. */
export const start = parseTime('2026-11-22T04:00:00Z') ?? 0;
export const at = (seconds: number): number => start + seconds * 1000;
export const timeAt = (seconds: number): string => formatTime(at(seconds));

export const settings: Settings = { ...defaultSettings, image: 'registry.example/exporter@sha256:0' };

interface Changes<Spec, Status> {
  spec?: Partial<Spec>;
  metadata?: object;
  status?: Partial<Status>;
}

/** A connection as the API server gives it, Ready unless told. */
export function connection(
  changes: Changes<CriteoConnection['spec'], NonNullable<CriteoConnection['status']>> = {},
): CriteoConnection {
  const object = {
    apiVersion: 'segmentexport.io/v1alpha1',
    kind: 'CriteoConnection',
    metadata: {
      name: 'nordic',
      namespace: 'shop',
      uid: 'connection-uid',
      generation: 1,
      resourceVersion: '1',
      creationTimestamp: timeAt(-7200),
      ...changes.metadata,
    },
    spec: {
      credentialsSecretRef: { name: 'criteo-nordic' },
      advertiserId: '12345',
      dataPrivacy: { agreed: true, agreedBy: 'Head of marketing', agreedOn: '2026-11-22' },
      ...changes.spec,
    },
    status: changes.status ?? readyStatus(),
  };
  const result = validateConnection(object, { unknownFields: 'refuse' });
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.value;
}

/** What a connection with a ledger has in its spec. */
export const withLedger = { ledger: { volume: { size: '1Gi' } } };

export function readyStatus(generation = 1): NonNullable<CriteoConnection['status']> {
  return {
    observedGeneration: generation,
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        observedGeneration: generation,
        lastTransitionTime: timeAt(-3600),
        reason: 'CredentialsAccepted',
        message: 'Criteo accepted the credentials.',
      },
    ],
  };
}

/** An export as the API server gives it, with the defaults of its schema. */
export function segmentExport(
  changes: Changes<CriteoSegmentExport['spec'], NonNullable<CriteoSegmentExport['status']>> = {},
): CriteoSegmentExport {
  const object = {
    apiVersion: 'segmentexport.io/v1alpha1',
    kind: 'CriteoSegmentExport',
    metadata: {
      name: 'newsletter',
      namespace: 'shop',
      uid: 'export-uid',
      generation: 1,
      resourceVersion: '1',
      creationTimestamp: timeAt(-3600),
      ...changes.metadata,
    },
    spec: {
      connectionRef: { name: 'nordic' },
      match: { email: { field: 'email' } },
      source: {
        file: {
          persistentVolumeClaim: { claimName: 'people' },
          path: 'people.csv',
          segmentField: 'segment',
        },
      },
      segments: [{ name: 'readers' }, { name: 'lapsed' }],
      ...changes.spec,
    },
    status: changes.status ?? { observedGeneration: -1 },
  };
  const result = validateExport(object, { unknownFields: 'refuse' });
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.value;
}

/** A request, as the annotation that a person sets. */
export const requested = (value: string): object => ({ annotations: { [annotations.requestedAt]: value } });

export interface JobOptions {
  name?: string;
  uid?: string;
  /** Seconds after `start`. */
  created?: number;
  /** Value of the request that it answers. */
  request?: string;
  /** Value of the request for a plan. */
  plan?: string;
  /** The run whose approval it answers. */
  approved?: string;
  /** When the Jobs had succeeded that it follows, by the entry of spec.runAfter. */
  after?: Record<string, string>;
  /** Scheduled time, in seconds after `start`. */
  scheduled?: number;
  /** How many stood in its place before. */
  replacement?: number;
  state?: 'held' | 'live' | 'succeeded' | 'failed';
  failedBecause?: string;
  deleting?: boolean;
  /** Another definition's template. */
  outdated?: boolean;
  export?: CriteoSegmentExport;
  connection?: CriteoConnection;
}

export const token = '0123456789abcdef';

function madeJob(resource: CriteoSegmentExport, template: RunTemplate, { plan, approved }: JobOptions): Job {
  if (plan !== undefined) return plannedJob(resource, template, plan, start);
  if (approved !== undefined) return approvedJob(resource, template, { runName: approved, token }, start);
  return requestedJob(resource, template, '', start);
}

/** A Job of the export's, made by hand unless told. */
export function exportJob(options: JobOptions = {}): Job {
  const resource = options.export ?? segmentExport();
  const used = options.connection ?? connection();
  const template = exportTemplate({ export: resource, connection: used, claimExists: true }, settings);
  if (!template) throw new Error('the definition has no template');
  const name = options.name ?? 'by-hand';
  const job: Job = structuredClone(madeJob(resource, template, options));
  const { state = 'held', created = 0 } = options;
  job.metadata = {
    ...job.metadata,
    name,
    uid: options.uid ?? `uid-of-${name}`,
    resourceVersion: '1',
    creationTimestamp: timeAt(created),
    annotations: {
      [annotations.templateHash]: options.outdated ? 'another' : template.hash,
      ...(options.request === undefined ? {} : { [annotations.request]: options.request }),
      ...(options.plan === undefined ? {} : { [annotations.planRequest]: options.plan }),
      ...(options.approved === undefined
        ? {}
        : { [annotations.approved]: options.approved, [annotations.approval]: token }),
      ...(options.after === undefined ? {} : { [annotations.after]: JSON.stringify(options.after) }),
      ...(options.replacement === undefined
        ? {}
        : { [annotations.replacement]: String(options.replacement) }),
      ...(options.scheduled === undefined
        ? {}
        : { [annotations.scheduledTimestamp]: timeAt(options.scheduled) }),
    },
    ...(options.deleting ? { deletionTimestamp: timeAt(created + 1) } : {}),
  };
  job.spec.suspend = state === 'held';
  if (state === 'succeeded' || state === 'failed') {
    job.status = endedStatus(state, created, options.failedBecause);
  }
  return job;
}

/** A report with one line a segment. */
export function report(changes: Partial<Report> = {}, ...segments: Partial<SegmentReport>[]): Report {
  return {
    kind: 'Export',
    reason: 'Succeeded',
    startedAt: start,
    finishedAt: at(30),
    calls: 3,
    throttledMs: 0,
    ...changes,
    segments: segments.map((segment) => ({ reason: 'Succeeded', action: 'None', ...noCounts, ...segment })),
  };
}

/** The pod of a Job that ended and left a report, or one whose state is told. */
export function podOf(
  job: Job,
  end: Report | NonNullable<Pod['status']>,
  name = `${job.metadata.name}-pod`,
): Pod {
  return {
    metadata: {
      name,
      namespace: 'shop',
      labels: {
        'batch.kubernetes.io/job-name': job.metadata.name ?? '',
        [labels.exportUid]: job.metadata.labels?.[labels.exportUid] ?? '',
      },
    },
    status: 'calls' in end ? terminated(end) : end,
  };
}

function terminated(end: Report): NonNullable<Pod['status']> {
  const exitCode = exitCodeOf(end);
  return {
    phase: exitCode === 0 ? 'Succeeded' : 'Failed',
    containerStatuses: [
      {
        name: 'exporter',
        state: {
          terminated: { exitCode, message: encodeReport(end), finishedAt: formatTime(end.finishedAt) },
        },
      },
    ],
  };
}

/** What the API server holds after a CronJob was applied. */
export function applied(cronJob: CronJob): CronJob {
  return {
    ...structuredClone(cronJob),
    metadata: { ...cronJob.metadata, uid: 'cronjob-uid', resourceVersion: '1' },
  };
}

/** A Job that deals with what a connection's runs had sent. */
export function retirementJob(
  options: Pick<JobOptions, 'uid' | 'created' | 'state' | 'export'> & {
    connection: CriteoConnection;
    attempt?: number;
    approved?: string;
  },
): Job {
  const { connection: used, attempt = 1, approved, state = 'held', created = 0 } = options;
  const approval = approved === undefined ? undefined : { runName: approved, token };
  const job = retireJob(
    options.export ?? segmentExport({ spec: { deletionPolicy: 'Empty' } }),
    used,
    { attempt, approved: approval, activeDeadlineSeconds: 60 },
    settings,
  );
  if (!job) throw new Error('the connection has no ledger');
  job.metadata = {
    ...job.metadata,
    uid: options.uid ?? 'uid-of-retirement',
    resourceVersion: '1',
    creationTimestamp: timeAt(created),
  };
  job.spec = { ...job.spec, suspend: state === 'held' };
  if (state !== 'held' && state !== 'live') job.status = endedStatus(state, created);
  return job;
}

function endedStatus(
  state: 'succeeded' | 'failed',
  created: number,
  reason = '',
): NonNullable<Job['status']> {
  const type = state === 'succeeded' ? 'Complete' : 'Failed';
  return { conditions: [{ type, status: 'True', reason, lastTransitionTime: timeAt(created + 60) }] };
}
