import { describe, expect, test } from 'vitest';
import { annotations } from '../../api/names.ts';
import type { ObservedExport } from './export.ts';
import type { Job } from './kubernetes.ts';
import { CronScene, type CronSceneOptions } from './testkit/cronscene.ts';
import { FollowScene } from './testkit/followscene.ts';
import { exportJob, requested, segmentExport, timeAt } from './testkit/objects.ts';
import { actionLines, eventLines, exportPlan, observedExport } from './testkit/plans.ts';

/** What docs/schedule.md says of a controller that was away, and of clocks that jump. */

const schedule = { cron: '0 * * * *', timeZone: 'Etc/UTC', jitterSeconds: 0, startingDeadlineSeconds: 3600 };
const since = { hash: '', effectiveSince: timeAt(-3600), suspended: false };
const hourly = segmentExport({ spec: { schedule } });
const status = {
  schedule: { ...since, hash: exportPlan(observedExport({ export: hourly }), 0).status.schedule?.hash ?? '' },
};

function seeing(jobs: readonly Job[], changes: object = {}): ObservedExport {
  return observedExport({
    export: segmentExport({ spec: { schedule }, status: { ...status, ...changes } }),
    jobs,
  });
}

const scheduled = (seconds: number, name = `at-${seconds}`): Job =>
  exportJob({ name, scheduled: seconds, created: seconds, export: hourly });

const jobLines = (plan: Parameters<typeof actionLines>[0]) =>
  actionLines(plan).filter((line) => !line.includes('CronJob'));

describe('a controller that was away for three schedules', () => {
  const minutes = (scene: CronScene) =>
    scene.started.map(({ scheduled, at }) => [scheduled / 60, Math.floor(at / 60)]);
  const reasons = (scene: CronScene) =>
    scene.skips.map(({ type, note }) => `${type} ${/\((\w+)\)/.exec(note)?.[1]}`);

  function away(options: CronSceneOptions, fromSeconds: number, untilSeconds: number): CronScene {
    const scene = new CronScene(options);
    scene.until(fromSeconds - 1);
    scene.isWatched = false;
    scene.until(untilSeconds - 1);
    scene.isWatched = true;
    return scene;
  }

  test('starts the one that waits, where that is within the deadline: it is the only one of them', () => {
    const scene = away({ everyMinutes: 15, startingDeadlineSeconds: 3600 }, 0, 50 * 60);
    scene.until(70 * 60);
    expect(minutes(scene)).toEqual([
      [0, 50],
      [60, 60],
    ]);
    expect(reasons(scene)).toEqual(['Normal AnsweredByLastRun']);
    expect(scene.export.status?.lastSkippedRun).toMatchObject({
      trigger: 'Schedule',
      scheduledFor: timeAt(45 * 60),
      reason: 'AnsweredByLastRun',
    });
  });

  test('starts the one for the last time missed, where that which waits is past the deadline', () => {
    const scene = away({ everyMinutes: 60, startingDeadlineSeconds: 3600 }, 0, 150 * 60);
    scene.until(170 * 60);
    expect(minutes(scene)).toEqual([[120, 150]]);
    expect(reasons(scene)).toEqual(['Warning StartingDeadlineExceeded']);
    expect(scene.export.status?.lastSkippedRun).toMatchObject({
      scheduledFor: timeAt(0),
      skippedAt: timeAt(150 * 60),
      reason: 'StartingDeadlineExceeded',
    });
  });

  test('starts none where that is past it as well', () => {
    const scene = away({ everyMinutes: 60, startingDeadlineSeconds: 600 }, 0, 150 * 60);
    scene.until(170 * 60);
    expect(minutes(scene)).toEqual([]);
    expect(reasons(scene)).toEqual(['Warning StartingDeadlineExceeded']);
  });

  test('starts no second one because the definition was changed since: changing it starts nothing', () => {
    const scene = away({ everyMinutes: 15, startingDeadlineSeconds: 3600 }, 0, 50 * 60);
    scene.until(50 * 60);
    scene.change({ name: 'Readers' });
    scene.until(55 * 60);
    expect(minutes(scene).map(([scheduled]) => scheduled)).toEqual([0]);
  });

  test('starts a second one where the first failed', () => {
    const scene = away({ everyMinutes: 15, startingDeadlineSeconds: 3600 }, 0, 50 * 60);
    scene.reason = 'CriteoUnavailable';
    scene.until(55 * 60);
    expect(minutes(scene).map(([scheduled]) => scheduled)).toEqual([0, 45]);
  });
});

describe('a clock that jumps', () => {
  test('back: a run that waits for its jitter still waits, and is looked at again', () => {
    const plan = exportPlan(seeing([scheduled(0)]), -600);
    expect(jobLines(plan)).toEqual([]);
    expect(plan.status.waitingRuns).toBe(1);
    expect(plan.lookAgainAfterMs).toBe(600_000);
  });

  test('back: a request that was handled starts nothing again, and no event is told', () => {
    const value = timeAt(0);
    const metadata = requested(value);
    const resource = segmentExport({ metadata, status: { lastHandledRequestedAt: value } });
    const settled = exportPlan(observedExport({ export: resource }), 60).status;
    const plan = exportPlan(observedExport({ export: { ...resource, status: settled } }), -1800);
    expect(jobLines(plan)).toEqual([]);
    expect(eventLines(plan)).toEqual([]);
  });

  test('ahead: a run that ended before the time of the next one does not answer for that', () => {
    const lastSuccessfulRun = {
      jobName: 'at-0',
      outcome: 'Succeeded' as const,
      reason: 'Succeeded',
      trigger: 'Schedule' as const,
      // Ten minutes ahead it was claimed; when it ended, Kubernetes says.
      startedAt: timeAt(600),
      finishedAt: timeAt(60),
    };
    const plan = exportPlan(seeing([scheduled(300)], { lastSuccessfulRun }), 901);
    expect(jobLines(plan)).toEqual(['ReleaseJob at-300']);
  });

  test('back: the run at work stays the one at work', () => {
    const job = exportJob({ name: 'run', state: 'live', created: 0, export: hourly });
    const activeRun = {
      jobName: 'run',
      jobUID: 'uid-of-run',
      trigger: 'Manual' as const,
      startedAt: timeAt(0),
    };
    const plan = exportPlan(seeing([job], { activeRun }), -3000);
    expect(plan.status.activeRun).toEqual(activeRun);
    expect(jobLines(plan)).toEqual([]);
  });

  test('forward, and back again: what waited is told to be skipped, once, or runs; it is not lost in silence', () => {
    const ahead = exportPlan(seeing([scheduled(0)]), 4000);
    expect(jobLines(ahead)).toEqual(['DeleteJob at-0']);
    const back = exportPlan(observedExport({ export: { ...hourly, status: ahead.status } }), 10);
    expect(jobLines(back)).toEqual([]);
    const intact = exportPlan(seeing([scheduled(0)]), 10);
    expect(jobLines(intact)).toEqual(['ReleaseJob at-0']);
  });

  describe('far ahead while an export is resumed, and back again', () => {
    const month = 30 * 86_400;

    test('the next scheduled run starts', () => {
      const statusAt = (seconds: number, suspend: boolean, before: object) => {
        const object = segmentExport({ spec: { schedule, suspend }, status: before });
        return exportPlan(observedExport({ export: object }), seconds).status;
      };
      const suspended = statusAt(month, true, status);
      const resumed = statusAt(month + 10, false, suspended);
      expect(jobLines(exportPlan(seeing([scheduled(3600)], resumed), 3605))).toEqual(['ReleaseJob at-3600']);
    });

    test('the next success of what it follows starts a run', () => {
      const scene = new FollowScene({ runAfter: [{ cronJob: 'refresh' }] });
      scene.settle(0);
      scene.change({ suspend: true });
      scene.settle(month);
      scene.change({ suspend: false });
      scene.settle(month + 10);
      scene.succeed('CronJob refresh', 120);
      scene.settle(130);
      expect(scene.started).toMatchObject([{ at: 130 }]);
    });
  });

  test('far ahead and back again, with those of Kubernetes: what succeeds after it is followed, once', () => {
    const month = 30 * 86_400;
    const scene = new FollowScene({ runAfter: [{ cronJob: 'refresh' }] });
    scene.settle(0);
    scene.succeed('CronJob refresh', month);
    scene.settle(month + 5);
    scene.finish(month + 10);
    scene.settle(month + 11);
    scene.settle(90);
    scene.succeed('CronJob refresh', 120);
    scene.settle(130);
    scene.finish(140);
    scene.settle(150);
    // A person, or a time to live, takes the Jobs that ended away.
    scene.jobs = [];
    scene.settle(160);
    expect(scene.started.map(({ at }) => at)).toEqual([month + 5, 130]);
  });

  test.each(['requestedAt', 'planRequestedAt'] as const)(
    'far ahead and back again, with that of the person who set %s meanwhile: the next one acts, once',
    (asks) => {
      const month = 30 * 86_400;
      const see = (seconds: number, before: object, jobs: Job[] = []) => {
        const metadata = { annotations: { [annotations[asks]]: timeAt(seconds) } };
        return observedExport({ export: segmentExport({ metadata, status: before }), jobs });
      };
      const made = (seconds: number, state: 'held' | 'succeeded') => {
        const value = asks === 'requestedAt' ? { request: timeAt(seconds) } : { plan: timeAt(seconds) };
        return exportJob({ name: `asked-${seconds}`, created: seconds, state, ...value });
      };
      const ahead = exportPlan(see(month, {}, [made(month, 'held')]), month).status;
      const ended = exportPlan(see(month, ahead, [made(month, 'succeeded')]), month + 70).status;
      const back = exportPlan(see(month, ended), 60);
      expect(jobLines(back)).toEqual([]);
      expect(jobLines(exportPlan(see(90, back.status), 91))).toEqual([expect.stringContaining('CreateJob')]);
      expect(jobLines(exportPlan(see(90, ended, [made(90, 'held')]), 92))).toEqual(['ReleaseJob asked-90']);
      const claimed = exportPlan(see(90, back.status, [made(90, 'held')]), 92);
      expect(jobLines(claimed)).toEqual(['ReleaseJob asked-90']);
      const done = exportPlan(see(90, claimed.status, [made(90, 'succeeded')]), 200).status;
      const later = exportPlan(see(90, done), 201);
      expect(jobLines(later)).toEqual([]);
      expect(later.events).toEqual([]);
    },
  );

  test('either way the next run is told by the clock as it is', () => {
    const ahead = exportPlan(seeing([]), 86_400).status;
    expect(ahead.nextRunTime).toBe(timeAt(90_000));
    const back = exportPlan(observedExport({ export: { ...hourly, status: ahead } }), 0);
    expect(back.status.nextRunTime).toBe(timeAt(3600));
  });
});

describe('where the controller’s clock is ahead of the API server’s', () => {
  /** An export is resumed and asked for in one step; the API server dates the Job that answers. */
  function resumed(annotation: string, secondsBehind: number) {
    const suspended = segmentExport({ spec: { suspend: true } });
    const before = exportPlan(observedExport({ export: suspended }), 0).status;
    const object = segmentExport({
      metadata: { annotations: { [annotation]: timeAt(60) } },
      status: before,
    });
    const plan = exportPlan(observedExport({ export: object }), 60);
    const made = plan.actions.flatMap((action) => (action.kind === 'CreateJob' ? [action.job] : []));
    const jobs = made.map((job) => ({
      ...job,
      metadata: { ...job.metadata, uid: 'uid', creationTimestamp: timeAt(60 - secondsBehind) },
    }));
    const next = exportPlan(observedExport({ export: { ...object, status: plan.status }, jobs }), 61);
    return jobLines(next).map((line) => line.split(' ')[0]);
  }

  test.each([
    ['run', annotations.requestedAt],
    ['plan', annotations.planRequestedAt],
  ])('a %s that is asked for together with a resume starts', (_, annotation) => {
    expect(resumed(annotation, 2)).toEqual(['ReleaseJob']);
  });
});

describe('a CronJob that is deleted by hand, and its Jobs with it', () => {
  const request = timeAt(30);
  const active = {
    jobName: 'at-0',
    jobUID: 'uid-of-at-0',
    trigger: 'Schedule' as const,
    startedAt: timeAt(1),
  };
  // What answers an annotation belongs to the export itself.
  const waits = exportJob({ name: 'asked', request, created: 30, export: hourly });
  const plan = exportPlan(seeing([waits], { activeRun: active, waitingRuns: 2 }), 60);

  test('is made again, with the next time of the schedule', () => {
    expect(actionLines(plan)).toContainEqual(expect.stringMatching(/^ApplyCronJob /));
    expect(plan.status.nextRunTime).toBe(timeAt(3600));
  });

  test('ends the run at work, and status says so', () => {
    expect(plan.status.lastRun).toMatchObject({
      jobName: 'at-0',
      outcome: 'Unknown',
      reason: 'JobDeleted',
    });
    expect(plan.status.waitingRuns).toBeUndefined();
  });

  test('takes nothing with it that an annotation has asked for', () => {
    expect(jobLines(plan)).toEqual(['ReleaseJob asked']);
  });
});
