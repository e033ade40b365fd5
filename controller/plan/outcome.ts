import { decodeReport, exitCodeOf, type Report } from '../../api/report.ts';
import { parseTime } from '../../api/time.ts';
import type { UnreportedReason } from './endreasons.ts';
import { finished, isPodAtWork, type Job, type Pod } from './kubernetes.ts';

/** How a run ended, as far as the cluster tells. */
export type Outcome =
  | { kind: 'Reported'; report: Report; finishedAt?: string }
  /** No report came: the ledger is the truth, not this. */
  | { kind: 'Unknown'; reason: UnreportedReason; finishedAt?: string };

/** The outcome of a finished Job, or undefined while it runs. */
export function outcomeOf(job: Job, pods: readonly Pod[]): Outcome | undefined {
  const end = finished(job);
  if (!end) return undefined;
  const at = end.at === undefined ? {} : { finishedAt: end.at };
  const last = lastTermination(pods);
  if (last === undefined) {
    return {
      kind: 'Unknown',
      reason: end.reason === 'DeadlineExceeded' ? 'DeadlineExceeded' : 'ReportMissing',
      ...at,
    };
  }
  const report = decodeReport(last.message ?? '');
  // The pod of a Job that succeeded is gone, and what is left is an earlier one's.
  if (end.succeeded && last.exitCode !== 0) return { kind: 'Unknown', reason: 'ReportMissing', ...at };
  // The pod was told to end, and says so; that it was the deadline, only the Job knows.
  const outOfTime = end.reason === 'DeadlineExceeded' && (!report || report.reason === 'Interrupted');
  if (outOfTime) return { kind: 'Unknown', reason: 'DeadlineExceeded', ...at };
  // A report that says one thing and an exit code that says another is not believed.
  if (report && exitCodeOf(report) === last.exitCode) return { kind: 'Reported', report, ...at };
  if (last.reason === 'OOMKilled') return { kind: 'Unknown', reason: 'OutOfMemory', ...at };
  return { kind: 'Unknown', reason: last.message ? 'ReportInvalid' : 'ReportMissing', ...at };
}

/**
 * A Job may have had several pods, one after another; the last is the one that decided. The API
 * server dates them all. When they ended each node says by its own clock.
 */
function lastTermination(pods: readonly Pod[]) {
  return pods
    .flatMap(({ metadata, status }) => {
      const exporter = status?.containerStatuses?.find(({ name }) => name === 'exporter');
      const ended = exporter?.state?.terminated;
      return ended ? [{ created: metadata.creationTimestamp ?? '', ended }] : [];
    })
    .sort(
      (a, b) =>
        a.created.localeCompare(b.created) ||
        (a.ended.finishedAt ?? '').localeCompare(b.ended.finishedAt ?? ''),
    )
    .at(-1)?.ended;
}

export const unknownMessages: Record<UnreportedReason, string> = {
  ReportMissing: 'The pod left no report, so what Criteo received is not known; the next run puts it right.',
  ReportInvalid:
    'The report of the pod could not be read, so what Criteo received is not known; give controller and exporter the same version. The next run puts it right.',
  DeadlineExceeded:
    'The run was ended after spec.job.activeDeadlineSeconds; the next run puts it right. Raise it if the source is that large.',
  OutOfMemory:
    'The pod ran out of memory; raise spec.job.resources.limits.memory. The next run puts it right.',
  JobDeleted:
    'The Job was deleted before its report was read, so what Criteo received is not known; the next run puts it right.',
};

/** Kubelet's own reasons for which a container waits and a person must act; others are the ordinary start. */
const waitingReasons = new Set([
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
]);

/** A node may be on its way: only after this long is a pod that no node takes worth a word. */
const unschedulableMs = 30_000;

export interface StartFault {
  /** Kubernetes' own word for why the pod does not start; undefined where it does or just takes its time. */
  word?: string;
  /** Milliseconds until there may be one without any object having changed. */
  lookAgainAfterMs?: number;
}

/** Why a Job's pod does not start. */
export function startFault(pods: readonly Pod[], now: number): StartFault {
  for (const pod of pods.filter(isPodAtWork)) {
    const scheduled = pod.status?.conditions?.find((c) => c.type === 'PodScheduled');
    if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable') {
      const left = (parseTime(scheduled.lastTransitionTime) ?? 0) + unschedulableMs - now;
      return left > 0 ? { lookAgainAfterMs: left } : { word: scheduled.reason };
    }
    for (const status of pod.status?.containerStatuses ?? []) {
      const reason = status.state?.waiting?.reason;
      // The two take turns while the kubelet backs off; for the reader they are one.
      if (reason === 'ErrImagePull') return { word: 'ImagePullBackOff' };
      if (reason !== undefined && waitingReasons.has(reason)) return { word: reason };
    }
  }
  return {};
}
