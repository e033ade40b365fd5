import { expect, test } from 'vitest';
import { formatTime } from '../../api/time.ts';
import { readyLine } from '../../controller/plan/testkit/plans.ts';
import { Cluster } from './cluster.ts';
import { kinds, Process } from './process.ts';

/** An export was applied just now, and names a connection that does not exist. */
async function firstLook(clockAheadMs: number) {
  const cluster = new Cluster([], 'Retain');
  cluster.setExport((object) => ({
    ...object,
    metadata: { ...object.metadata, creationTimestamp: formatTime(cluster.now) },
  }));
  const process = new Process(cluster, clockAheadMs);
  process.sync(...kinds);
  const { requeueAfterMs } = await process.reconcile();
  return { requeueAfterMs, status: cluster.world.export.status ?? {} };
}

test.each([
  ['right', 0],
  ['a second behind', -1000],
])(
  'by a clock that is %s, what an export names is given a moment to be heard of',
  async (_, clockAheadMs) => {
    const { status, requeueAfterMs } = await firstLook(clockAheadMs);
    expect(status.conditions).toBeUndefined();
    expect(requeueAfterMs).toBeGreaterThan(0);
  },
);

test.each([
  ['behind', -3_600_000],
  ['ahead', 3_600_000],
])(
  'by a clock that is an hour %s, an export says at once what it names and is not there',
  async (_, clockAheadMs) => {
    expect(readyLine((await firstLook(clockAheadMs)).status)).toBe('False ConnectionNotFound Reconciling');
  },
);
