import { describe, expect, test } from 'vitest';
import type { Report } from '../../api/report.ts';
import type { Job, Pod } from './kubernetes.ts';
import { outcomeOf, startFault } from './outcome.ts';
import { at, exportJob, podOf, report, timeAt } from './testkit/objects.ts';

const failed = exportJob({ state: 'failed', failedBecause: 'BackoffLimitExceeded' });
const succeeded = exportJob({ state: 'succeeded' });
const late = exportJob({ state: 'failed', failedBecause: 'DeadlineExceeded' });

/** A pod that the API server dates, in seconds after the story's beginning. */
function created(seconds: number, { metadata, ...pod }: Pod): Pod {
  return { ...pod, metadata: { ...metadata, creationTimestamp: timeAt(seconds) } };
}

/** A pod whose container ended without a report that can be read. */
function ended(terminated: { exitCode: number; reason?: string; message?: string }): Pod {
  return podOf(failed, { phase: 'Failed', containerStatuses: [{ name: 'exporter', state: { terminated } }] });
}

function reasonOf(job: Job, ...pods: Pod[]): string | undefined {
  const outcome = outcomeOf(job, pods);
  if (outcome === undefined) return undefined;
  return outcome.kind === 'Reported' ? outcome.report.reason : `Unknown ${outcome.reason}`;
}

describe('how a run ended', () => {
  const busy: Report = report({ reason: 'CriteoUnavailable' });
  const interrupted: Report = report({ reason: 'Interrupted', finishedAt: at(50) });
  test.each<[string, Job, Pod[], string | undefined]>([
    ['it has not', exportJob({ state: 'live' }), [podOf(failed, { phase: 'Running' })], undefined],
    ['well', succeeded, [podOf(succeeded, report())], 'Succeeded'],
    ['by a fault that the pod reports', failed, [podOf(failed, busy)], 'CriteoUnavailable'],
    [
      'by the report of the last of its pods',
      failed,
      [
        podOf(failed, report({ reason: 'SourceNotFound', finishedAt: at(90) }), 'b'),
        podOf(failed, busy, 'a'),
      ],
      'SourceNotFound',
    ],
    [
      'well, after a pod that failed on a node whose clock is ahead',
      succeeded,
      [
        created(30, podOf(succeeded, report(), 'a')),
        created(0, podOf(succeeded, { ...busy, finishedAt: at(150) }, 'b')),
      ],
      'Succeeded',
    ],
    [
      'by the report of the last of its pods, on a node whose clock is behind',
      failed,
      [
        created(30, podOf(failed, report({ reason: 'SourceNotFound', finishedAt: at(-90) }), 'a')),
        created(0, podOf(failed, busy, 'b')),
      ],
      'SourceNotFound',
    ],
    ['without a pod', failed, [], 'Unknown ReportMissing'],
    ['without a pod, by its deadline', late, [], 'Unknown DeadlineExceeded'],
    [
      'by its deadline, of which the pod knew only that it was told to end',
      late,
      [podOf(late, interrupted)],
      'Unknown DeadlineExceeded',
    ],
    ['by its deadline, the moment after it was done', late, [podOf(late, report())], 'Succeeded'],
    ['out of memory', failed, [ended({ exitCode: 137, reason: 'OOMKilled' })], 'Unknown OutOfMemory'],
    [
      'with a report of another version',
      failed,
      [ended({ exitCode: 20, message: '{"v":2}' })],
      'Unknown ReportInvalid',
    ],
    ['without a word', failed, [ended({ exitCode: 1 })], 'Unknown ReportMissing'],
    ['well, but only a failed pod is left', succeeded, [podOf(succeeded, busy)], 'Unknown ReportMissing'],
  ])('%s', (_, job, pods, expected) => {
    expect(reasonOf(job, ...pods)).toBe(expected);
  });

  test('a report that its exit code contradicts is not believed', () => {
    const pod = podOf(succeeded, report());
    const [status] = pod.status?.containerStatuses ?? [];
    const message = status?.state?.terminated?.message ?? '';
    expect(reasonOf(failed, ended({ exitCode: 20, message }))).toBe('Unknown ReportInvalid');
  });
});

describe('why a pod does not start', () => {
  const waiting = (reason: string) => ({
    phase: 'Pending',
    containerStatuses: [{ name: 'exporter', state: { waiting: { reason } } }],
  });
  const unschedulable = {
    phase: 'Pending',
    conditions: [
      { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', lastTransitionTime: timeAt(0) },
    ],
  };
  test.each<[string, NonNullable<Pod['status']>, number, object]>([
    ['it runs', { phase: 'Running' }, 60, {}],
    ['it takes its time', waiting('ContainerCreating'), 60, {}],
    ['its image cannot be pulled', waiting('ImagePullBackOff'), 60, { word: 'ImagePullBackOff' }],
    ['its image could not be pulled this time', waiting('ErrImagePull'), 60, { word: 'ImagePullBackOff' }],
    [
      'its container cannot be made',
      waiting('CreateContainerConfigError'),
      60,
      { word: 'CreateContainerConfigError' },
    ],
    ['no node takes it yet', unschedulable, 10, { lookAgainAfterMs: 20_000 }],
    ['no node takes it', unschedulable, 30, { word: 'Unschedulable' }],
    ['no node took it before it was over', { ...unschedulable, phase: 'Failed' }, 60, {}],
  ])('%s', (_, status, seconds, expected) => {
    expect(startFault([podOf(failed, status)], at(seconds))).toEqual(expected);
  });
});
