import { expect, test } from 'vitest';
import { finalizer } from '../../api/names.ts';
import { lookForRoomMs } from './room.ts';
import { connection, exportJob, segmentExport, settings, timeAt, withLedger } from './testkit/objects.ts';
import { exportPlan, observedExport } from './testkit/plans.ts';

const others = settings.maxRunsPerConnection;

function expectWithinMinutes(ms: number | undefined): void {
  expect(ms).toBeGreaterThanOrEqual(30_000);
  expect(ms).toBeLessThan(90_000);
}

test('a run that finds no room is looked at again within minutes, and not only when it is too late', () => {
  const seen = observedExport({ jobs: [exportJob({ name: 'run' })], otherRunsOfConnection: others });
  expectWithinMinutes(exportPlan(seen).lookAgainAfterMs);
  expect(exportPlan({ ...seen, jobs: [] }).lookAgainAfterMs).toBeUndefined();
});

test('so is a deleted export: its time runs out', () => {
  const used = connection({ spec: withLedger });
  const resource = segmentExport({
    metadata: { finalizers: [finalizer], deletionTimestamp: timeAt(0) },
    spec: { deletionPolicy: 'Empty' },
    status: { ledgers: [{ connection: 'nordic', connectionUID: 'connection-uid', segments: [] }] },
  });
  const remembered = new Map([['nordic', { connection: used, otherRuns: others }]]);
  const plan = exportPlan(observedExport({ export: resource, connection: used, remembered }));
  expectWithinMinutes(plan.lookAgainAfterMs);
});

test('of a crowd they are not looked at all at once', () => {
  const looks = Array.from({ length: 600 }, (_, index) =>
    lookForRoomMs(segmentExport({ metadata: { name: `export-${index}` } })),
  );
  const perSecond = new Map<number, number>();
  for (const ms of looks) {
    const second = Math.floor(ms / 1000);
    perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
  }
  expect(Math.max(...perSecond.values())).toBeLessThan(30);
});
