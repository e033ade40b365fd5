import { describe, expect, test } from 'vitest';
import type { CriteoSegmentExport, RunAfterStatus } from '../../api/generated/criteosegmentexport.ts';
import { FollowScene } from './testkit/followscene.ts';
import { exportJob, segmentExport, timeAt } from './testkit/objects.ts';
import { exportPlan, observedExport, readyMessage } from './testkit/plans.ts';
import { usableMessage } from './usablemessage.ts';

const schedule = { cron: '0 4 * * *', timeZone: 'Etc/UTC', jitterSeconds: 0, startingDeadlineSeconds: 3600 };
const runAfter = [{ cronJob: 'refresh' }];
const handledUntil = timeAt(0);

describe('what starts the first run:', () => {
  test.each<[string, Partial<CriteoSegmentExport['spec']>, string]>([
    ['a person', {}, 'no schedule is set, so runs are started on request.'],
    ['the schedule', { schedule }, 'the next run is the scheduled one.'],
    ['other Jobs', { runAfter }, 'the next run follows the Jobs of spec.runAfter.'],
    [
      'either',
      { schedule, runAfter },
      'the next run is the scheduled one, or one that follows the Jobs of spec.runAfter.',
    ],
  ])('%s', (_, spec, words) => {
    expect(usableMessage(segmentExport({ spec }), {})).toBe(`The definition is usable; ${words}`);
  });
});

describe('a run at work is told first:', () => {
  const job = exportJob({ name: 'run', state: 'live' });

  test('the first', () => {
    const { status } = exportPlan(observedExport({ jobs: [job] }));
    expect(readyMessage(status)).toMatch(/^The first run is at work\. The definition is usable; /);
  });

  test('the first by a definition that was changed', () => {
    const lastRun = {
      jobName: 'before',
      outcome: 'Succeeded',
      reason: 'Succeeded',
      message: 'Criteo acknowledged 3 profiles in 1 segment.',
      generation: 1,
    } as const;
    const resource = segmentExport({ metadata: { generation: 2 }, status: { lastRun } });
    const { status } = exportPlan(observedExport({ export: resource, jobs: [job] }));
    expect(readyMessage(status)).toMatch(/^A run is at work\. The definition is usable; /);
  });

  test.each(['Plan', 'Retire'] as const)('but nothing that sends no one (%s)', (trigger) => {
    const activeRun = { jobName: 'run', jobUID: 'uid', trigger };
    expect(usableMessage(segmentExport(), { activeRun })).toMatch(/^The definition is usable; /);
  });
});

describe('Jobs that runs follow, and of which none has succeeded, are told:', () => {
  const follows = segmentExport({ spec: { runAfter } });
  const message = (...entries: RunAfterStatus[]) =>
    usableMessage(follows, { runAfter: entries }).split('spec.runAfter. ')[1];

  test('by their labels', () => {
    expect(message({ target: 'Jobs app=lod,tier=raw', handledUntil })).toBe(
      'No Job with the labels app=lod,tier=raw has succeeded yet that can be seen.',
    );
  });

  test('by their CronJob', () => {
    expect(message({ target: 'CronJob refresh', handledUntil })).toBe(
      'No Job of the CronJob refresh has succeeded yet that can be seen.',
    );
  });

  test('several by the first, and by how many more', () => {
    const seen = { target: 'CronJob seen', handledUntil, completedAt: timeAt(-60) };
    const more = [1, 2].map((nth) => ({ target: `CronJob other-${nth}`, handledUntil }));
    expect(message(seen, { target: 'Jobs app=lod', handledUntil }, ...more)).toBe(
      'No Job with the labels app=lod has succeeded yet that can be seen. Nor has one of 2 more: see status.runAfter.',
    );
  });

  test('until one is seen', () => {
    const story = new FollowScene({ runAfter: [{ jobSelector: { matchLabels: { app: 'load' } } }] });
    story.settle(0);
    expect(readyMessage(story.export.status ?? {})).toContain(
      'No Job with the labels app=load has succeeded',
    );
    story.succeed('Jobs app=load', 10);
    story.settle(12);
    expect(readyMessage(story.export.status ?? {})).toMatch(/follows the Jobs of spec\.runAfter\.$/);
  });
});
