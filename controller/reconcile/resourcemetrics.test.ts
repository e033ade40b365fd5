import { beforeEach, expect, test } from 'vitest';
import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport, RunSummary, SkippedRun } from '../../api/generated/criteosegmentexport.ts';
import { connection, segmentExport, timeAt } from '../plan/testkit/objects.ts';
import type { Handler } from '../runtime/informer.ts';
import { Registry } from '../runtime/metrics.ts';
import { type KubeObject, objectKey } from '../runtime/resource.ts';
import { connectMetrics } from './resourcemetrics.ts';

/** A cache that changes when a test says so. */
class Cache<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #handlers = new Set<Handler<T>>();
  readonly store = { list: () => [...this.#objects.values()] };

  addHandler(handler: Handler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.#objects.values()) handler(undefined, object);
    return () => this.#handlers.delete(handler);
  }

  put(object: T): void {
    const before = this.#objects.get(objectKey(object));
    this.#objects.set(objectKey(object), object);
    for (const handler of this.#handlers) handler(before, object);
  }

  remove(object: T): void {
    this.#objects.delete(objectKey(object));
    for (const handler of this.#handlers) handler(object, undefined);
  }
}

const name = { namespace: 'shop', name: 'newsletter' };
const finished: RunSummary = {
  jobName: 'newsletter-1',
  startedAt: timeAt(0),
  finishedAt: timeAt(40),
  outcome: 'Succeeded',
  reason: 'Succeeded',
  profiles: { read: 5, invalid: 1, empty: 0, duplicate: 0, selected: 4, uploaded: 4, refused: 0, held: 4 },
  criteoCalls: 6,
  throttledSeconds: 2,
};
const never = segmentExport({ metadata: name, status: {} });
const lastSkippedRun: SkippedRun = {
  jobName: 'newsletter-0',
  trigger: 'Schedule',
  reason: 'StartingDeadlineExceeded',
  skippedAt: timeAt(-60),
};
const ran = segmentExport({
  metadata: name,
  status: { lastRun: finished, history: [finished], lastSkippedRun },
});

let registry: Registry;
let caches: { connections: Cache<CriteoConnection>; exports: Cache<CriteoSegmentExport> };
let disconnect: () => void;

beforeEach(() => {
  registry = new Registry();
  caches = { connections: new Cache(), exports: new Cache() };
});

function lead(): void {
  disconnect = connectMetrics(caches, registry);
}

/** The series of /metrics whose names begin so, without the comments. */
function series(prefix: string): string[] {
  const lines = registry.expose().split('\n');
  return lines.filter((line) => line.startsWith(prefix)).sort();
}

test('an export shows zeros before its first run, so that increase() sees that', () => {
  lead();
  caches.exports.put(never);
  expect(series('criteo_export_runs_total')).toEqual(
    ['Cancelled', 'Failed', 'PartiallySucceeded', 'Succeeded', 'Unknown'].map(
      (outcome) => `criteo_export_runs_total{namespace="shop",export="newsletter",outcome="${outcome}"} 0`,
    ),
  );
  expect(series('criteo_export_api_calls_total')).toEqual([
    'criteo_export_api_calls_total{namespace="shop",export="newsletter"} 0',
  ]);
});

test('a run that ends is counted once, with all that it did', () => {
  lead();
  caches.exports.put(never);
  caches.exports.put(ran);
  caches.exports.put({ ...ran, metadata: { ...ran.metadata, annotations: { changed: 'yes' } } });
  const labels = 'namespace="shop",export="newsletter"';
  expect(series('criteo_export')).toEqual(
    expect.arrayContaining([
      `criteo_export_runs_total{${labels},outcome="Succeeded"} 1`,
      `criteo_export_runs_total{${labels},outcome="Failed"} 0`,
      `criteo_export_identifiers_total{${labels},outcome="uploaded"} 4`,
      `criteo_export_identifiers_total{${labels},outcome="withoutConsent"} 0`,
      `criteo_export_api_calls_total{${labels}} 6`,
      `criteo_export_throttled_seconds_total{${labels}} 2`,
      `criteo_export_last_run_duration_seconds{${labels}} 40`,
    ]),
  );
});

test('a run that ended before this controller led is shown, and not counted again', () => {
  caches.exports.put(ran);
  lead();
  expect(series('criteo_export_runs_total').filter((line) => !line.endsWith(' 0'))).toEqual([]);
  expect(series('criteo_export_last_run_timestamp_seconds')).toHaveLength(1);
});

test('conditions of exports and connections show their present state alone', () => {
  lead();
  caches.connections.put(connection());
  const ready = (status: 'True' | 'False', reason: string) => ({
    conditions: [{ type: 'Ready', status, reason, message: 'm', lastTransitionTime: timeAt(0) }],
  });
  caches.exports.put(segmentExport({ metadata: name, status: ready('True', 'AwaitingRun') }));
  expect(series('criteo_export_condition')).toEqual([
    'criteo_export_condition{namespace="shop",export="newsletter",type="Ready",status="True",reason="AwaitingRun"} 1',
  ]);
  caches.exports.put(segmentExport({ metadata: name, status: ready('False', 'SourceNotFound') }));
  expect(series('criteo_export_condition')).toEqual([
    'criteo_export_condition{namespace="shop",export="newsletter",type="Ready",status="False",reason="SourceNotFound"} 1',
  ]);
  expect(series('criteo_connection_condition')).toEqual([
    'criteo_connection_condition{namespace="shop",connection="nordic",type="Ready",status="True",reason="CredentialsAccepted"} 1',
  ]);
});

test('a run that was skipped is told by its newest reason alone, whoever led then', () => {
  const skipped = (reason: string) =>
    segmentExport({
      metadata: name,
      status: {
        lastSkippedRun: { jobName: 'newsletter-2', trigger: 'Schedule', reason, skippedAt: timeAt(0) },
      },
    });
  caches.exports.put(skipped('StartingDeadlineExceeded'));
  lead();
  const labels = 'namespace="shop",export="newsletter",trigger="Schedule"';
  const metric = 'criteo_export_last_skipped_run_timestamp_seconds';
  const time = Date.parse(timeAt(0)) / 1000;
  expect(series(metric)).toEqual([`${metric}{${labels},reason="StartingDeadlineExceeded"} ${time}`]);
  caches.exports.put(skipped('ScheduleChanged'));
  expect(series(metric)).toEqual([`${metric}{${labels},reason="ScheduleChanged"} ${time}`]);
});

test('a deleted export leaves nothing behind', () => {
  lead();
  caches.exports.put(ran);
  caches.exports.remove(ran);
  expect(series('criteo_export')).toEqual([]);
});

test('an export that was deleted and made again while nobody watched begins anew', () => {
  lead();
  caches.exports.put(never);
  caches.exports.put(ran);
  const other = { ...finished, jobName: 'newsletter-9' };
  caches.exports.put(
    segmentExport({ metadata: { ...name, uid: 'another' }, status: { lastRun: other, history: [other] } }),
  );
  expect(series('criteo_export_runs_total').filter((line) => !line.endsWith(' 0'))).toEqual([]);
  expect(series('criteo_export_runs_total')).toHaveLength(5);
});

test('who leads no more shows nothing, and begins anew when it leads again', () => {
  lead();
  caches.connections.put(connection());
  caches.exports.put(never);
  caches.exports.put(ran);
  expect(series('criteo_').length).toBeGreaterThan(10);
  disconnect();
  expect(series('criteo_')).toEqual([]);
  caches.exports.put(never);
  caches.exports.put(ran);
  expect(series('criteo_')).toEqual([]);
  lead();
  expect(series('criteo_export_runs_total').filter((line) => !line.endsWith(' 0'))).toEqual([]);
});
