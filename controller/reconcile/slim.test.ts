import { expect, test } from 'vitest';
import { successOf } from '../plan/followed.ts';
import { slimCronJob, slimJob } from './slim.ts';

const metadata = {
  name: 'refresh-1',
  namespace: 'shop',
  uid: 'job-uid',
  resourceVersion: '7',
  generation: 1,
  creationTimestamp: '2026-11-22T04:00:00Z',
  labels: { app: 'refresh' },
  annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"kind":"Job"}' },
  finalizers: ['batch.kubernetes.io/job-tracking'],
  ownerReferences: [
    { apiVersion: 'batch/v1', kind: 'CronJob', name: 'refresh', uid: 'cronjob-uid', controller: true },
    { apiVersion: 'v1', kind: 'ConfigMap', name: 'other', uid: 'other-uid' },
  ],
};
const complete = {
  type: 'Complete',
  status: 'True',
  reason: 'CompletionsReached',
  message: 'Reached expected number',
};
const kept = {
  name: 'refresh-1',
  namespace: 'shop',
  uid: 'job-uid',
  resourceVersion: '7',
  labels: { app: 'refresh' },
  ownerReferences: [metadata.ownerReferences[0]],
};

test('of a Job that succeeded no more is kept than what tells so', () => {
  const job = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata,
    spec: {
      template: { spec: { containers: [{ name: 'refresh', env: [{ name: 'PASSWORD', value: 'secret' }] }] } },
    },
    status: {
      startTime: '2026-11-22T04:00:00Z',
      completionTime: '2026-11-22T04:01:00Z',
      succeeded: 1,
      conditions: [{ type: 'SuccessCriteriaMet', status: 'True' }, complete],
    },
  };
  expect(slimJob(job)).toEqual({
    metadata: kept,
    status: { completionTime: '2026-11-22T04:01:00Z', conditions: [{ type: 'Complete', status: 'True' }] },
  });
  expect(successOf(slimJob(job))).toBe(successOf(job));
});

test('of one at work, or that failed, only its name and its labels', () => {
  expect(slimJob({ metadata, status: { conditions: [] } })).toEqual({ metadata: kept });
  const failed = { conditions: [{ type: 'Failed', status: 'True' }] };
  expect(slimJob({ metadata, status: failed })).toEqual({ metadata: kept });
});

test('of a CronJob when it last succeeded', () => {
  const status = { lastScheduleTime: '2026-11-22T04:00:00Z', lastSuccessfulTime: '2026-11-22T04:01:00Z' };
  const { ownerReferences: _, ...plain } = kept;
  expect(slimCronJob({ metadata: { ...metadata, ownerReferences: [] }, status })).toEqual({
    metadata: plain,
    status: { lastSuccessfulTime: '2026-11-22T04:01:00Z' },
  });
});
