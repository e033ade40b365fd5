import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { annotations } from '../../api/names.ts';
import { FollowScene, secondsOf } from './testkit/followscene.ts';
import { connection, exportJob, segmentExport, timeAt } from './testkit/objects.ts';
import { actionLines, exportPlan, observedExport, readyLine, readyMessage } from './testkit/plans.ts';

/** At work. */
const byHand = exportJob({ name: 'by-hand', state: 'live' });

const refresh = 'CronJob refresh';
const load = 'Jobs app=load,tier=raw';
const both = [{ cronJob: 'refresh' }, { jobSelector: { matchLabels: { tier: 'raw', app: 'load' } } }];

/** An export that has been looked at, at 0. */
function scene(spec: ConstructorParameters<typeof FollowScene>[0] = {}): FollowScene {
  const made = new FollowScene({ runAfter: [{ cronJob: 'refresh' }], ...spec });
  made.settle(0);
  return made;
}

/** Until when the successes of an entry are answered, in seconds. */
const answered = ({ export: { status } }: FollowScene, target = refresh) =>
  secondsOf(status?.runAfter?.find((entry) => entry.target === target)?.handledUntil);

const answersOf = ({ started }: FollowScene) => started.map(({ answers }) => answers);

describe('what succeeds starts one run:', () => {
  test('it is told what it answers, and nothing starts again', () => {
    const story = scene();
    story.succeed(refresh, 10);
    story.settle(12);
    expect(answersOf(story)).toEqual([{ [refresh]: timeAt(10) }]);
    expect(story.export.status?.activeRun).toMatchObject({ trigger: 'After', completedAt: timeAt(10) });
    story.finish(60);
    story.settle(61);
    expect(story.export.status?.lastRun).toMatchObject({ trigger: 'After', completedAt: timeAt(10) });
    expect(story.export.status?.runAfter).toEqual([
      { target: refresh, handledUntil: timeAt(10), completedAt: timeAt(10) },
    ]);
    story.jobs = [];
    story.settle(7200);
    expect(story.started).toHaveLength(1);
  });

  test('several that nobody saw are one', () => {
    const story = scene();
    for (const seconds of [10, 20, 30]) story.succeed(refresh, seconds);
    story.settle(9000);
    expect(answersOf(story)).toEqual([{ [refresh]: timeAt(30) }]);
  });

  test('those that come while its Job waits are part of it', () => {
    const story = scene();
    story.jobs = [byHand];
    story.succeed(refresh, 10);
    story.settle(12);
    story.succeed(refresh, 20);
    story.settle(22);
    expect(story.held).toHaveLength(1);
    story.finish(30);
    story.settle(31);
    expect(story.started).toHaveLength(1);
    expect(answered(story)).toBe(20);
  });

  test('one that comes while the run is at work starts another after it', () => {
    const story = scene();
    story.succeed(refresh, 10);
    story.settle(12);
    story.succeed(refresh, 15);
    story.settle(20);
    expect(story.started).toHaveLength(1);
    expect(story.held).toHaveLength(1);
    story.finish(30);
    story.settle(31);
    expect(answersOf(story)).toEqual([{ [refresh]: timeAt(10) }, { [refresh]: timeAt(15) }]);
  });

  test('not before its second is over, because another could have the same time', () => {
    const story = scene();
    story.succeed(refresh, 10);
    const { lookAgainAfterMs } = story.look(10.4);
    expect(story.started).toEqual([]);
    expect(lookAgainAfterMs).toBe(600);
    story.settle(11);
    expect(story.started).toHaveLength(1);
  });

  test('though the Job is gone before the last of All has succeeded', () => {
    const story = scene({ runAfter: both, runAfterPolicy: 'All' });
    story.succeed(refresh, 10);
    story.settle(12);
    const gone = new FollowScene({ runAfter: both, runAfterPolicy: 'All' });
    gone.export = story.export;
    gone.settle(20);
    gone.succeed(load, 30);
    gone.settle(40);
    expect(answersOf(gone)).toEqual([{ [refresh]: timeAt(10), [load]: timeAt(30) }]);
  });

  test('no Job in the time to come, and none that a clock gone wrong has dated', () => {
    const story = scene();
    story.succeed(refresh, 400 * 86_400);
    expect(story.look(10).lookAgainAfterMs).toBeUndefined();
    story.succeed(refresh, 20);
    story.settle(30);
    expect(answersOf(story)).toEqual([{ [refresh]: timeAt(20) }]);
  });
});

test('what succeeds counts, though the clock was a year ahead when its entry was added', () => {
  const story = scene();
  story.change({ runAfter: both });
  story.settle(400 * 86_400);
  story.settle(100);
  story.succeed(load, 110);
  story.settle(120);
  expect(answersOf(story)).toEqual([{ [load]: timeAt(110) }]);
});

describe('of several entries', () => {
  test('Any: one is enough', () => {
    const story = scene({ runAfter: both });
    story.succeed(load, 10);
    story.settle(12);
    expect(answersOf(story)).toEqual([{ [load]: timeAt(10) }]);
  });

  test('All: each must have succeeded since the last such run', () => {
    const story = scene({ runAfter: both, runAfterPolicy: 'All' });
    story.succeed(refresh, 10);
    story.succeed(refresh, 20);
    story.settle(30);
    expect(story.started).toEqual([]);
    story.succeed(load, 40);
    story.settle(50);
    expect(answersOf(story)).toEqual([{ [refresh]: timeAt(20), [load]: timeAt(40) }]);
    story.finish(60);
    story.succeed(load, 70);
    story.settle(80);
    expect(story.started).toHaveLength(1);
    story.succeed(refresh, 90);
    story.settle(100);
    expect(story.started).toHaveLength(2);
  });

  test('two that are the same are one', () => {
    const story = scene({
      runAfter: [{ cronJob: 'refresh' }, { cronJob: 'refresh' }],
      runAfterPolicy: 'All',
    });
    story.succeed(refresh, 10);
    story.settle(12);
    expect(story.started).toHaveLength(1);
  });
});

describe('what starts nothing:', () => {
  test('what had succeeded before the export was applied', () => {
    const story = new FollowScene({ runAfter: [{ cronJob: 'refresh' }] });
    story.succeed(refresh, -10);
    story.succeed(refresh, 0);
    story.settle(5);
    expect(story.started).toEqual([]);
    expect(story.export.status?.runAfter).toEqual([
      { target: refresh, handledUntil: timeAt(0), completedAt: timeAt(0) },
    ]);
  });

  test('but what succeeded after it, though the controller was away then, does', () => {
    const story = new FollowScene({ runAfter: [{ cronJob: 'refresh' }] });
    story.succeed(refresh, 600);
    story.settle(9000);
    expect(answersOf(story)).toEqual([{ [refresh]: timeAt(600) }]);
  });

  test('what had succeeded before its entry was added, by a clock that is ahead too', () => {
    const story = scene();
    story.succeed(load, 10);
    story.succeed(load, 31);
    story.change({ runAfter: both });
    story.settle(30);
    story.settle(60);
    expect(story.started).toEqual([]);
    story.succeed(load, 61);
    story.settle(70);
    expect(answersOf(story)).toEqual([{ [load]: timeAt(61) }]);
  });

  test.each<[string, Parameters<FollowScene['change']>[0]]>([
    ['an entry less', { runAfter: [{ cronJob: 'refresh' }] }],
    ['Any for All', { runAfterPolicy: 'Any' }],
  ])('a change of the export: %s', (_, change) => {
    const story = scene({ runAfter: both, runAfterPolicy: 'All' });
    story.succeed(refresh, 10);
    story.settle(12);
    story.change(change);
    story.settle(20);
    story.settle(30);
    expect(story.started).toEqual([]);
    story.succeed(refresh, 40);
    story.settle(50);
    expect(story.started).toHaveLength(1);
  });

  test('an entry more, under All, forgets nothing', () => {
    const story = scene({ runAfter: both, runAfterPolicy: 'All' });
    story.succeed(refresh, 10);
    story.settle(12);
    story.change({ runAfter: [...both, { cronJob: 'third' }] });
    story.settle(20);
    story.succeed(load, 30);
    story.succeed('CronJob third', 31);
    story.settle(40);
    expect(story.started).toHaveLength(1);
  });

  test('what succeeded while the export was suspended', () => {
    const story = scene();
    story.change({ suspend: true });
    story.settle(5);
    story.succeed(refresh, 10);
    story.settle(12);
    // Its second is not over when the export is resumed.
    story.succeed(refresh, 20);
    story.change({ suspend: false });
    story.settle(20.5);
    story.settle(30);
    expect(story.started).toEqual([]);
    expect(story.jobs).toEqual([]);
    story.succeed(refresh, 31);
    story.settle(33);
    expect(story.started).toHaveLength(1);
  });

  test('what waited when the export was suspended', () => {
    const story = scene();
    story.jobs = [byHand];
    story.succeed(refresh, 10);
    story.settle(12);
    story.change({ suspend: true });
    story.settle(20);
    story.finish(25);
    story.settle(26);
    story.change({ suspend: false });
    expect(story.look(30).actions.filter(({ kind }) => kind === 'DeleteJob')).toMatchObject([
      { event: { reason: 'RunSkipped', note: expect.stringContaining('AskedBeforeResume') } },
    ]);
    expect(story.held).toEqual([]);
    story.settle(40);
    expect(story.started).toEqual([]);
  });

  test('what succeeded while the definition was at fault', () => {
    const story = scene();
    story.change({
      schedule: { cron: '0 0 30 2 *', timeZone: 'Etc/UTC', jitterSeconds: 0, startingDeadlineSeconds: 3600 },
    });
    story.settle(5);
    story.succeed(refresh, 10);
    story.settle(12);
    const { schedule: _, ...spec } = story.export.spec;
    story.export = { ...story.export, spec };
    story.change({});
    story.settle(20);
    expect(story.started).toEqual([]);
  });

  test('a run that does not end well is answered all the same', () => {
    const story = scene();
    story.succeed(refresh, 10);
    story.settle(12);
    story.jobs = story.jobs.map((job) => ({
      ...job,
      status: { conditions: [{ type: 'Failed', status: 'True', lastTransitionTime: timeAt(50) }] },
    }));
    story.settle(60);
    story.jobs = [];
    story.settle(70);
    expect(story.started).toHaveLength(1);
  });
});

describe('what waits', () => {
  /** A success at 10 that waits for a run by hand. */
  function waiting(): FollowScene {
    const story = scene();
    story.jobs = [byHand];
    story.succeed(refresh, 10);
    story.settle(12);
    return story;
  }

  test('is skipped after its starting deadline, and what succeeded meanwhile gets a Job of its own', () => {
    const story = waiting();
    story.succeed(refresh, 3000);
    story.settle(3010);
    const plan = story.look(3700);
    expect(plan.actions.filter(({ kind }) => kind === 'DeleteJob')).toMatchObject([
      { event: { reason: 'RunSkipped', note: expect.stringContaining('StartingDeadlineExceeded') } },
    ]);
    expect(answered(story)).toBe(10);
    story.settle(3701);
    expect(story.held).toMatchObject([
      { metadata: { annotations: { [annotations.after]: JSON.stringify({ [refresh]: timeAt(3000) }) } } },
    ]);
  });

  test('is cancelled by its name, with what succeeded meanwhile', () => {
    const story = waiting();
    story.succeed(refresh, 20);
    story.settle(30);
    const [job] = story.held;
    story.export.metadata.annotations = { [annotations.cancelledRun]: job?.metadata.name ?? '' };
    expect(actionLines(story.look(40)).filter((line) => line.startsWith('DeleteJob'))).toEqual([
      `DeleteJob ${job?.metadata.name}`,
    ]);
    story.settle(41);
    expect(story.held).toEqual([]);
    expect(answered(story)).toBe(20);
  });

  test('is replaced by a Job of a changed definition, which is as old, and then runs once', () => {
    const story = waiting();
    story.change({ name: 'Readers' });
    story.settle(100);
    expect(story.held).toHaveLength(1);
    expect(story.held[0]?.metadata.annotations?.[annotations.askedAt]).toBe(timeAt(12));
    story.finish(110);
    story.settle(111);
    expect(answersOf(story)).toEqual([{ [refresh]: timeAt(10) }]);
  });

  test('is skipped where the export follows these Jobs no more', () => {
    const story = waiting();
    story.change({ runAfter: [{ cronJob: 'another' }] });
    story.settle(20);
    expect(story.held).toEqual([]);
  });

  test('is made again where somebody deletes its Job', () => {
    const story = waiting();
    story.jobs = story.jobs.filter((job) => job.spec.suspend !== true);
    story.settle(20);
    expect(story.held).toHaveLength(1);
  });

  test('and is released by a person: it was answered, whether the controller saw it at work or not', () => {
    const story = waiting();
    story.jobs = story.jobs.map((job) => ({ ...job, spec: { ...job.spec, suspend: false } }));
    story.finish(20);
    story.settle(21);
    expect(answered(story)).toBe(10);
    expect(story.held).toEqual([]);
  });
});

describe('a restart', () => {
  test.each([1, 2, 3, 4])('after write %i of a look: one run all the same', (writes) => {
    const story = scene();
    story.succeed(refresh, 10);
    story.look(12, { writes });
    story.look(13, { writes });
    story.settle(14);
    expect(answersOf(story)).toEqual([{ [refresh]: timeAt(10) }]);
    story.finish(20);
    story.settle(21);
    expect(story.started).toHaveLength(1);
  });

  test('after the claim, and then the connection is not ready: the run waits for it', () => {
    const story = scene();
    story.succeed(refresh, 10);
    story.look(12);
    story.look(13, { writes: 1 });
    expect(story.export.status?.activeRun?.trigger).toBe('After');
    story.connection = connection({ status: { observedGeneration: -1 } });
    story.settle(20);
    expect(story.held).toHaveLength(1);
    story.connection = connection();
    story.succeed(refresh, 25);
    story.settle(30);
    expect(story.started).toHaveLength(1);
    expect(answered(story)).toBe(25);
  });

  test('by a cache that does not know its Job yet, no second one is made', () => {
    const story = scene();
    story.succeed(refresh, 10);
    story.look(12);
    story.succeed(refresh, 11);
    story.look(13, { jobs: [] });
    expect(story.jobs).toHaveLength(1);
    story.settle(14);
    story.finish(20);
    story.settle(21);
    expect(story.started).toHaveLength(1);
  });
});

describe('of two Jobs that both follow, which a cache that was behind has brought about', () => {
  const followingJob = (name: string, seconds: number, more: Parameters<typeof exportJob>[0] = {}) =>
    exportJob({ name, after: { [refresh]: timeAt(seconds) }, ...more });

  test('one runs, for what both were made for', () => {
    const story = scene();
    story.succeed(refresh, 10);
    story.succeed(refresh, 20);
    story.look(22, { writes: 1 });
    story.jobs = [followingJob('first', 10, { replacement: 1 }), followingJob('second', 20)];
    story.settle(30);
    expect(story.started).toHaveLength(1);
    expect(answered(story)).toBe(20);
    story.finish(40);
    story.settle(41);
    expect(story.started).toHaveLength(1);
    expect(story.held).toEqual([]);
  });

  test('the claimed one runs', () => {
    const story = scene();
    story.succeed(refresh, 10);
    story.look(12, { writes: 1 });
    story.jobs = [followingJob('first', 10)];
    story.look(13, { writes: 1 });
    story.jobs = [...story.jobs, followingJob('second', 9)];
    expect(actionLines(story.look(14)).filter((line) => line.includes('Job '))).toEqual(
      expect.arrayContaining(['DeleteJob second', 'ReleaseJob first']),
    );
  });

  test('one that is at work answers for the other', () => {
    const story = scene();
    story.succeed(refresh, 10);
    story.succeed(refresh, 20);
    story.look(22, { writes: 1 });
    story.jobs = [followingJob('first', 10)];
    story.look(23);
    story.jobs = [...story.jobs, followingJob('second', 20)];
    story.settle(30);
    expect(story.held).toEqual([]);
  });
});

describe('Ready', () => {
  test('says that the next run follows others, where no schedule does', () => {
    const { status } = new FollowScene({ runAfter: [{ cronJob: 'refresh' }] }).look(0);
    expect(readyLine(status)).toBe('True AwaitingRun');
    expect(readyMessage(status)).toContain('the next run follows the Jobs of spec.runAfter');
  });

  test('is False while a CronJob is not there, and runs start by what else asks for them', () => {
    const seen = observedExport({
      export: segmentExport({ spec: { runAfter: both } }),
      jobs: [exportJob({ name: 'by-hand' })],
    });
    const plan = exportPlan(seen);
    expect(readyLine(plan.status)).toBe('False RunAfterNotFound Reconciling');
    expect(readyMessage(plan.status)).toContain(
      'spec.runAfter[0].cronJob: no CronJob "refresh" is in this namespace; create it or name another.',
    );
    expect(actionLines(plan)).toContain('ReleaseJob by-hand');
  });

  test('tells of a run that failed rather than of a CronJob that is not there', () => {
    const lastRun = {
      jobName: 'run',
      generation: 1,
      outcome: 'Failed' as const,
      reason: 'SourceNotFound',
      message: 'The file is missing.',
    };
    const resource = segmentExport({ spec: { runAfter: both }, status: { lastRun } });
    expect(readyLine(exportPlan(observedExport({ export: resource })).status)).toBe(
      'False SourceNotFound Stalled',
    );
  });
});

test('an annotation on a Job that is no map of times makes it a run by hand', () => {
  const job = exportJob();
  job.metadata.annotations = {
    ...job.metadata.annotations,
    [annotations.after]: '{"CronJob refresh": "soon"}',
  };
  const story = scene();
  story.jobs = [job];
  story.look(5);
  expect(story.export.status?.activeRun?.trigger).toBe('Manual');
});

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('succeed' as const), target: fc.constantFrom(refresh, load) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('look' as const), writes: fc.constantFrom(1, 2, 3, 4, 9) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('finish' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('by hand' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('change' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('not ready' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), tenths: fc.constantFrom(1, 3, 5, 10, 40) }),
  },
);

test.each(['Any', 'All'] as const)(
  'whatever the order, and whenever the controller is killed, by %s: no success stays unanswered, none is answered twice',
  (runAfterPolicy) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const story = scene({ runAfter: both, runAfterPolicy });
        const successes: Record<string, number[]> = { [refresh]: [], [load]: [] };
        let hands = 0;
        let tenths = 20;
        for (const one of steps) {
          tenths += one.do === 'wait' ? one.tenths : 1;
          story.now = tenths / 10;
          if (one.do === 'succeed') {
            story.succeed(one.target, Math.floor(story.now));
            successes[one.target]?.push(story.now);
          } else if (one.do === 'look') {
            story.look(story.now, one);
          } else if (one.do === 'finish') {
            story.finish();
          } else if (one.do === 'by hand') {
            hands += 1;
            story.jobs = [
              ...story.jobs,
              exportJob({ name: `by-hand-${hands}`, export: story.export, created: Math.floor(story.now) }),
            ];
          } else if (one.do === 'change') {
            story.change({ name: `Readers ${tenths}` });
          } else if (one.do === 'not ready') {
            const isReady = story.connection.status?.observedGeneration === 1;
            story.connection = isReady ? connection({ status: { observedGeneration: -1 } }) : connection();
          }
        }
        story.connection = connection();
        for (let round = 0; round < 10 + 2 * hands; round++) {
          story.settle(tenths / 10 + 2 * (round + 1));
          story.finish();
        }

        const following = story.started.filter(({ answers }) => Object.keys(answers).length > 0);
        for (const target of [refresh, load]) {
          const answers = following.flatMap((run) => secondsOf(run.answers[target]) ?? []);
          expect(answers).toEqual([...new Set(answers)].sort((a, b) => a - b));
          const last = successes[target]?.at(-1);
          if (last === undefined || runAfterPolicy === 'All') continue;
          expect(following.at(-1)?.at).toBeGreaterThanOrEqual(last);
          expect(answered(story, target)).toBe(Math.floor(last));
        }
        if (runAfterPolicy === 'Any') return;
        for (const { answers } of following) expect(Object.keys(answers)).toEqual([refresh, load]);
        // What is left is too little for another run.
        const open = [refresh, load].filter(
          (target) => Math.floor(successes[target]?.at(-1) ?? 0) > (answered(story, target) ?? 0),
        );
        expect(open.length).toBeLessThan(2);
        const rounds = Math.min(...[refresh, load].map((target) => successes[target]?.length ?? 0));
        if (rounds > 0) expect(following.length).toBeGreaterThan(0);
      }),
      { numRuns: 100 },
    );
  },
  60_000,
);
