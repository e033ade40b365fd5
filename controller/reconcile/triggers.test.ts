import { beforeEach, expect, test } from 'vitest';
import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { labels, managedBy } from '../../api/names.ts';
import type { Job, Pod } from '../plan/kubernetes.ts';
import { connection, exportJob, podOf, segmentExport, timeAt } from '../plan/testkit/objects.ts';
import { type Caches, indexes } from './caches.ts';
import { FakeCache } from './fakecache.ts';
import { connectTriggers, type Queues } from './triggers.ts';

let caches: ReturnType<typeof newCaches>;
let queued: Set<string>;

function newCaches() {
  return {
    connections: new FakeCache<CriteoConnection>(indexes.connections),
    exports: new FakeCache<CriteoSegmentExport>(indexes.exports),
    jobs: new FakeCache<Job>(indexes.jobs),
    pods: new FakeCache<Pod>(indexes.pods),
    cronJobs: new FakeCache(indexes.cronJobs),
    otherJobs: new FakeCache(indexes.otherJobs),
    otherCronJobs: new FakeCache(indexes.otherCronJobs),
  };
}

beforeEach(() => {
  caches = newCaches();
  queued = new Set();
  const queue = { add: (key: string) => queued.add(key) };
  connectTriggers(caches as unknown as Caches, { connections: queue, exports: queue } as unknown as Queues);
  caches.connections.put(connection());
});

function put(name: string, status: object): void {
  caches.exports.put(segmentExport({ metadata: { name, uid: name }, status }));
}

/** A run at work, of an export of its own. */
function working(): Job {
  const running = segmentExport({ metadata: { name: 'running', uid: 'running' } });
  caches.exports.put(running);
  const job = exportJob({ name: 'run', uid: 'run', export: running, state: 'live' });
  caches.jobs.put(job);
  return job;
}

const claimed = { jobName: 'other', jobUID: 'other', trigger: 'Request', startedAt: timeAt(0) };

/** What a thousand exports at 04:00 are, in small. */
function crowd(): string[] {
  const names = Array.from({ length: 40 }, (_, index) => `waiting-${index}`);
  for (const name of names) put(name, { waitingRuns: 1 });
  return names.map((name) => `shop/${name}`);
}

test.each<[string, (job: Job) => void]>([
  ['a pod of a run starts', (job) => caches.pods.put(podOf(job, { phase: 'Running' }))],
  ['a pod of a run ends', (job) => caches.pods.put(podOf(job, { phase: 'Succeeded' }))],
  ['a Job counts its pod', (job) => caches.jobs.put({ ...job, status: { active: 1 } })],
  [
    'a Job is to be deleted, and its pod ends yet',
    (job) => {
      caches.jobs.put({ ...job, metadata: { ...job.metadata, deletionTimestamp: timeAt(9) } });
    },
  ],
])('%s: no export that waits for a place is looked at, for none became free', (_, change) => {
  crowd();
  const job = working();
  queued.clear();
  change(job);
  expect([...queued]).toEqual(['shop/running']);
});

test.each<[string, (job: Job) => void]>([
  ['ends', (job) => caches.jobs.put(ended(job))],
  ['is deleted', (job) => caches.jobs.remove(job)],
])('where a run %s, those that have waited longest are looked at, and not all', (_, end) => {
  const keys = crowd();
  const job = working();
  // It has just found that there is no room.
  put('waiting-0', { waitingRuns: 1 });
  queued.clear();
  end(job);
  expect([...queued]).toEqual(['shop/running', ...keys.slice(1, 11)]);
});

test('where a run ends, who waits for something else as well leaves the look to those who can start', () => {
  const noClaim = { type: 'Ready', status: 'False', reason: 'ClaimNotFound', message: '' };
  const conditions = [{ ...noClaim, observedGeneration: 1, lastTransitionTime: timeAt(0) }];
  for (let index = 0; index < 10; index++) put(`unready-${index}`, { waitingRuns: 1, conditions });
  put('waiting', { waitingRuns: 1 });
  const job = working();
  queued.clear();
  caches.jobs.put(ended(job));
  expect([...queued].slice(0, 3)).toEqual(['shop/running', 'shop/waiting', 'shop/unready-0']);
});

test('who has a run of its own at work, or nothing that waits, gets no place by the end of another', () => {
  put('busy', { waitingRuns: 1, activeRun: claimed });
  put('idle', {});
  put('waiting', { waitingRuns: 1 });
  const job = working();
  queued.clear();
  caches.jobs.put(ended(job));
  expect([...queued]).toEqual(['shop/running', 'shop/waiting']);
});

test('a deleted export, whose time runs out, is looked at in spite of a crowd', () => {
  crowd();
  put('deleted', { deletingSince: timeAt(0) });
  const job = working();
  queued.clear();
  caches.jobs.put(ended(job));
  expect([...queued].slice(0, 2)).toEqual(['shop/running', 'shop/deleted']);
});

test('the end of a check makes no place: its connection is looked at', () => {
  crowd();
  const check: Job = {
    metadata: {
      namespace: 'shop',
      name: 'check',
      labels: { [labels.managedBy]: managedBy, [labels.connectionUid]: 'connection-uid' },
    },
    spec: { template: { spec: {} } },
  };
  caches.jobs.put(check);
  queued.clear();
  caches.jobs.put(ended(check));
  expect([...queued]).toEqual(['shop/nordic']);
});

function ended(job: Job): Job {
  return { ...job, status: { conditions: [{ type: 'Complete', status: 'True' }] } };
}
