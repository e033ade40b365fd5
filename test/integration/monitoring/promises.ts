import { expect } from 'vitest';
import type { CriteoConnection } from '../../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport, RunSummary } from '../../../api/generated/criteosegmentexport.ts';
import type { Sample } from '../../support/prometheus.ts';
import type { Sample as PageSample } from '../../support/states/samples.ts';
import { conditionOf } from '../controller/shop.ts';

/** What kubectl shows while a panel is looked at. */
export interface Shown {
  exports: CriteoSegmentExport[];
  connections: CriteoConnection[];
  /** The leader's own /metrics. */
  page: PageSample[];
  /** Milliseconds since the epoch at which the panel's queries were asked. */
  at: number;
}

/** What the answers to a panel's queries must be, in their order. */
export type Promised = (answers: Sample[][], shown: Shown) => void;

/** By the panel's title. */
export const promises: Record<string, Promised> = {
  Exports: single(({ exports }) => exports.length),
  Ready: single(({ exports }) => exports.filter((one) => ready(one).status === 'True').length),
  Stalled: single(({ exports }) => exports.filter(isStalled).length),
  'Not ready yet': single(
    ({ exports }) => exports.filter((one) => ready(one).status !== 'True' && !isStalled(one)).length,
  ),
  Suspended: single(({ exports }) => exports.filter(({ spec }) => spec.suspend === true).length),
  'Await approval': single(({ exports }) => exports.filter(({ status }) => status?.pendingApproval).length),
  // A run that a person ended is no failure.
  'Runs not succeeded': single(
    ({ exports }) =>
      runsOf(exports).filter(({ outcome }) => !['Succeeded', 'Cancelled'].includes(outcome)).length,
  ),
  'Oldest success': single(({ exports, at }) => Math.max(...valuesOf(exports, sinceSuccess(at)).values())),
  'All exports': (answers, { exports, at }) => {
    const [conditions = [], ...columns] = answers;
    expect(conditions.map(({ labels }) => labels)).toEqual(
      sorted(exports.map((one) => ({ ...labelsOf(one), ...reasonOf(one) }))),
    );
    const expected = [
      sinceSuccess(at),
      failuresInARow,
      profiles,
      (one: CriteoSegmentExport) => millisecondsOf(one.status?.nextRunTime),
      duration,
    ];
    expect(columns).toHaveLength(expected.length);
    for (const [index, read] of expected.entries()) expectEach(columns[index], exports, read);
  },
  'Exports by reason': ([counts = []], { exports }) => {
    const reasons = exports.map((one) => JSON.stringify(reasonOf(one)));
    const expected = [...new Set(reasons)].map((reason) => ({
      labels: JSON.parse(reason) as Record<string, string>,
      value: reasons.filter((other) => other === reason).length,
    }));
    expect(sorted(counts)).toEqual(sorted(expected));
  },
  'Runs by outcome': ([increases = []], { exports }) => {
    const runs = runsOf(exports);
    const outcomes = ['Cancelled', 'Failed', 'PartiallySucceeded', 'Succeeded', 'Unknown'];
    expect(increases.map(({ labels }) => labels.outcome)).toEqual(outcomes);
    expect(runs.map(({ outcome }) => outcome)).toEqual(
      expect.arrayContaining(['Cancelled', 'Failed', 'Succeeded']),
    );
    for (const { labels, value } of increases) {
      expectIncrease(value, runs.filter(({ outcome }) => outcome === labels.outcome).length);
    }
  },

  'Profiles at Criteo': each(profiles),
  'Identifiers by outcome': ([increases = []], { exports }) => {
    const outcomes = ['duplicate', 'empty', 'invalid', 'malformed', 'read'];
    outcomes.push('refused', 'removed', 'selected', 'uploaded', 'withoutConsent');
    expect(increases.map(({ labels }) => labels.outcome)).toEqual(outcomes);
    for (const { labels, value } of increases) {
      const counts = runsOf(exports).map(({ profiles }) => {
        const counted = profiles as Record<string, number> | undefined;
        return counted?.[labels.outcome ?? ''] ?? 0;
      });
      expectIncrease(value, sum(counts));
    }
  },
  'Time since the last success': each((one, { at }) => sinceSuccess(at)(one)),
  'Time until the next run': each(({ status }, { at }) => {
    const next = millisecondsOf(status?.nextRunTime);
    return next === undefined ? undefined : (next - at) / 1000;
  }),
  'Duration of the last run': each(duration),
  'At work for': each(({ status }, { at }) => ago(status?.activeRun?.startedAt, at)),
  'Failures in a row': each(failuresInARow),
  'Waiting runs': each(({ status }) => status?.waitingRuns ?? 0),
  'Time since the last run': each(({ status }, { at }) => ago(status?.lastRun?.finishedAt, at)),
  'Calls to Criteo': eachIncrease(({ criteoCalls }) => criteoCalls),
  Throttled: eachIncrease(({ throttledSeconds }) => throttledSeconds),

  Connections: single(({ connections }) => connections.length),
  'Connections not ready': single(
    ({ connections }) => connections.filter((one) => ready(one).status !== 'True').length,
  ),
  'Deprecated API versions': single(
    ({ connections }) =>
      connections.filter((one) => conditionOf(one, 'ApiVersionDeprecated')?.status === 'True').length,
  ),
  'All connections': ([rows = []], { connections }) => {
    const expected = connections.map((one) => {
      const { namespace, name } = one.metadata;
      return { namespace, connection: name, ...reasonOf(one) };
    });
    expect(rows.map(({ labels }) => labels)).toEqual(sorted(expected));
  },

  Controllers: single(() => 2),
  Leaders: single(() => 1),
  Leader: ([replicas = []]) => {
    const leads = Object.fromEntries(replicas.map(({ labels, value }) => [labels.pod, value]));
    expect(leads).toEqual({ 'controller-0': 1, 'controller-1': 0 });
  },
  'Queue depth': perQueue('name', (value) => expect(value).toBe(0)),
  'Waiting in the queue': perQueue('name', expectPositive),
  'Reconciles by result': ([rates = []]) => {
    const names = rates.map(({ labels }) => labels.controller);
    expect([...new Set(names)]).toEqual(queues);
    const succeeded = rates.filter(({ labels }) =>
      ['success', 'requeue_after'].includes(labels.result ?? ''),
    );
    expectPositive(sum(succeeded.map(({ value }) => value)));
  },
  'Reconcile errors': (answers, shown) => {
    const counted = shown.page.filter(({ name }) => name === 'controller_runtime_reconcile_errors_total');
    // One that came before Prometheus first looked is in no increase.
    perQueue('controller', (value, queue) => {
      const count = counted.find(({ labels }) => labels.controller === queue)?.value ?? Number.NaN;
      expect(value).toBeLessThanOrEqual(count * 1.25);
    })(answers, shown);
  },
  'Time of a reconcile': (answers) => {
    expect(answers).toHaveLength(2);
    for (const answer of answers) perQueue('controller', expectPositive)([answer], nothingShown);
  },
  // A reconcile is ended after two minutes.
  'Longest reconcile now': perQueue('name', (value) => expect(value).toBeLessThan(120)),
  'Requests to the API server': ([rates = []]) => {
    const codes = rates.map(({ labels }) => labels.code);
    for (const code of codes) expect(code).toMatch(/^[2345]\d\d$|^<error>$/);
    expectPositive(rates.find(({ labels }) => labels.code === '200')?.value);
  },
  Memory: perReplica((bytes) => expect(bytes).toBeGreaterThan(1024 * 1024)),
  Processor: perReplica(expectPositive),
};

const queues = ['criteoconnection', 'criteosegmentexport'];
const nothingShown = {} as Shown;

type Read = (one: CriteoSegmentExport, shown: Shown) => number | undefined;

/** One number, which is not 0: that is also what a query shows that finds nothing. */
function single(wanted: (shown: Shown) => number): Promised {
  return (answers, shown) => {
    expectPositive(wanted(shown));
    expect(answers).toHaveLength(1);
    expect(answers[0]).toHaveLength(1);
    expect(answers[0]?.[0]?.value).toBeCloseTo(wanted(shown), 2);
  };
}

/** A number for each export that has one, and no series for the others. */
function each(read: Read): Promised {
  return ([samples], shown) => expectEach(samples, shown.exports, (one) => read(one, shown));
}

function expectEach(
  samples: readonly Sample[] | undefined,
  exports: readonly CriteoSegmentExport[],
  read: (one: CriteoSegmentExport) => number | undefined,
): void {
  const expected = valuesOf(exports, read);
  expectPositive(Math.max(...expected.values()));
  expect(samples?.map(({ labels }) => labels)).toEqual(
    sorted(exports.map(labelsOf).filter(({ export: name }) => expected.has(name))),
  );
  for (const { labels, value } of samples ?? []) {
    expect(value, labels.export).toBeCloseTo(expected.get(labels.export ?? '') ?? Number.NaN, 2);
  }
}

/** What the runs of each export added up to. */
function eachIncrease(countOf: (run: RunSummary) => number | undefined): Promised {
  return ([samples = []], { exports }) => {
    expect(samples.map(({ labels }) => labels)).toEqual(sorted(exports.map(labelsOf)));
    const countsOf = (some: readonly CriteoSegmentExport[]): number =>
      sum(runsOf(some).map((run) => countOf(run) ?? 0));
    expectPositive(countsOf(exports));
    for (const one of exports) {
      const { value } = samples.find(({ labels }) => labels.export === one.metadata.name) ?? {};
      expectIncrease(value, countsOf([one]));
    }
  };
}

/** increase() does not know what was between two scrapes, and adds up to that much at the end. */
function expectIncrease(value: number | undefined, count: number): void {
  expect(value).toBeGreaterThanOrEqual(count);
  expect(value).toBeLessThanOrEqual(count * 1.25);
}

function perQueue(label: string, check: (value: number, queue: string | undefined) => void): Promised {
  return ([samples = []]) => {
    expect(samples.map(({ labels }) => labels)).toEqual(queues.map((name) => ({ [label]: name })));
    for (const { labels, value } of samples) check(value, labels[label]);
  };
}

function perReplica(check: (value: number) => void): Promised {
  return ([samples = []]) => {
    // Their order is that of the ports that they were given.
    expect(samples.map(({ labels }) => labels.pod).toSorted()).toEqual(['controller-0', 'controller-1']);
    for (const { value } of samples) check(value);
  };
}

function expectPositive(value: number | undefined): void {
  expect(value).toBeGreaterThan(0);
}

function labelsOf({ metadata }: CriteoSegmentExport): { export: string; namespace: string } {
  return { export: metadata.name ?? '', namespace: metadata.namespace ?? '' };
}

type Resource = CriteoSegmentExport | CriteoConnection;

function ready(resource: Resource): { status: string; reason: string } {
  return conditionOf(resource, 'Ready') ?? { status: '', reason: '' };
}

function reasonOf(resource: Resource): { reason: string; status: string } {
  const { reason, status } = ready(resource);
  return { reason, status };
}

function isStalled(one: CriteoSegmentExport): boolean {
  return conditionOf(one, 'Stalled')?.status === 'True';
}

function runsOf(exports: readonly CriteoSegmentExport[]): RunSummary[] {
  return exports.flatMap(({ status }) => status?.history ?? []);
}

function profiles({ status }: CriteoSegmentExport): number | undefined {
  const held = (status?.segments ?? []).map((segment) => segment.held);
  return held.length === 0 || held.includes(undefined) ? undefined : sum(held.map((count) => count ?? 0));
}

function failuresInARow({ status }: CriteoSegmentExport): number {
  return status?.consecutiveFailures ?? 0;
}

function duration({ status }: CriteoSegmentExport): number | undefined {
  const [start, end] = [status?.lastRun?.startedAt, status?.lastRun?.finishedAt].map(millisecondsOf);
  return start === undefined || end === undefined ? undefined : (end - start) / 1000;
}

function sinceSuccess(at: number): (one: CriteoSegmentExport) => number | undefined {
  return ({ status }) => ago(status?.lastSuccessfulRun?.finishedAt, at);
}

function ago(time: string | undefined, at: number): number | undefined {
  const then = millisecondsOf(time);
  return then === undefined ? undefined : (at - then) / 1000;
}

function millisecondsOf(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time);
}

function valuesOf(
  exports: readonly CriteoSegmentExport[],
  read: (one: CriteoSegmentExport) => number | undefined,
): Map<string, number> {
  const values = exports.map((one) => [one.metadata.name ?? '', read(one)] as const);
  return new Map(values.filter((entry): entry is [string, number] => entry[1] !== undefined));
}

/** In the order in which the test puts Prometheus' answers. */
export function sorted<T>(items: readonly T[]): T[] {
  return items.toSorted((a, b) => keyOf(a).localeCompare(keyOf(b)));
}

function keyOf(item: unknown): string {
  const labels = (item as { labels?: object }).labels ?? (item as object);
  return JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => a.localeCompare(b)));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
