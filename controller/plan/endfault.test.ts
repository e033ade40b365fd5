import { expect, test } from 'vitest';
import type { Pod } from './kubernetes.ts';
import { exportJob, podOf, segmentExport, timeAt } from './testkit/objects.ts';
import { eventLines, exportPlan, observedExport, readyLine } from './testkit/plans.ts';

const job = exportJob({ name: 'run', state: 'live' });
const activeRun = { jobName: 'run', jobUID: 'uid-of-run', trigger: 'Manual' as const, generation: 1 };
const running = podOf(job, { phase: 'Running' });
const toldToEnd = { ...running, metadata: { ...running.metadata, deletionTimestamp: timeAt(100) } };

function planAt(seconds: number, pod: Pod = toldToEnd) {
  return exportPlan(
    observedExport({ export: segmentExport({ status: { activeRun } }), jobs: [job], pods: [pod] }),
    seconds,
  );
}

test('a pod that is there half a minute after it should have ended is told, by its name', () => {
  const plan = planAt(130);
  expect(readyLine(plan.status)).toBe('False PodNotEnded Reconciling');
  expect(plan.status.conditions?.[0]?.message).toContain('The pod run-pod was told to end and has not');
  expect(eventLines(plan)).toContain('Warning PodNotEnded');
  expect(plan.status.activeRun?.jobName).toBe('run');
});

test('before that it is looked at again at that time', () => {
  const plan = planAt(110);
  expect(readyLine(plan.status)).toBe('True AwaitingRun');
  expect(plan.lookAgainAfterMs).toBe(20_000);
});

test('one that was not told to end, or has ended, is none', () => {
  expect(readyLine(planAt(500, running).status)).toBe('True AwaitingRun');
  const ended = { ...toldToEnd, status: { phase: 'Failed' } };
  expect(readyLine(planAt(500, ended).status)).toBe('True AwaitingRun');
});
