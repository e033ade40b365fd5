import { expect, test } from 'vitest';
import { annotations } from '../../api/names.ts';
import { heldBy } from './held.ts';
import { exportGaugesOf } from './metrics/exportgauges.ts';
import { exportJob, podOf, report, segmentExport, timeAt } from './testkit/objects.ts';
import { exportPlan, observedExport } from './testkit/plans.ts';

const active = { jobName: 'run', jobUID: 'uid-of-run', trigger: 'Manual', startedAt: timeAt(10) } as const;
const line = { outcome: 'Succeeded', reason: 'Succeeded' } as const;
const segments = [
  { ...line, name: 'readers', held: 20 },
  { ...line, name: 'lapsed', held: 3 },
];
const resource = segmentExport({ status: { activeRun: active, segments } });
const cancelled = {
  ...resource,
  metadata: { ...resource.metadata, annotations: { [annotations.cancelledRun]: 'run' } },
};
const live = exportJob({ name: 'run', state: 'live' });
const failed = exportJob({ name: 'run', state: 'failed' });

test.each([
  ['left no report', observedExport({ export: resource, jobs: [failed] }), 'Unknown'],
  ['lost its Job', observedExport({ export: resource }), 'Unknown'],
  ['was cancelled', observedExport({ export: cancelled, jobs: [live] }), 'Cancelled'],
])('after a run that %s kubectl get shows what Criteo has, as the metric does', (_, seen, outcome) => {
  const { status } = exportPlan(seen, 90);
  expect(status).toMatchObject({ lastRun: { outcome }, held: 23 });
  expect(exportGaugesOf({ ...seen.export, status }).profiles).toBe(23);
});

test('a run that told of its segments changes it', () => {
  const end = report({}, { uploaded: 20, held: 40 }, { uploaded: 3, held: 2 });
  const over = exportJob({ name: 'run', state: 'succeeded' });
  const seen = observedExport({ export: resource, jobs: [over], pods: [podOf(over, end)] });
  expect(exportPlan(seen, 90).status).toMatchObject({ held: 42, lastRun: { profiles: { held: 42 } } });
});

test('is absent where one segment is not known: a part of them would look like all', () => {
  expect(heldBy([{ held: 7 }, {}])).toBeUndefined();
  expect(heldBy([])).toBeUndefined();
  expect(heldBy(undefined)).toBeUndefined();
});
