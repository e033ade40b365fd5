import { describe, expect, test } from 'vitest';
import { exportTemplate } from './exporttemplate.ts';
import type { Job } from './kubernetes.ts';
import { type Decisions, decideRuns, type RunRules } from './runs.ts';
import { at, connection, exportJob, segmentExport, settings, timeAt } from './testkit/objects.ts';

const today = exportTemplate(
  { export: segmentExport(), connection: connection(), claimExists: true },
  settings,
)?.hash;

function decide(jobs: Job[], rules: Partial<RunRules> = {}): Decisions {
  return decideRuns(jobs, {
    now: at(60),
    templateHash: today,
    generation: 1,
    blocked: undefined,
    goesBefore: () => undefined,
    podAtWork: undefined,
    startingDeadlineMs: 3_600_000,
    jitterMs: 0,
    scheduleEffectiveSince: at(-86_400),
    followed: [],
    resumedAt: undefined,
    claimedUid: undefined,
    lastHandledPlan: undefined,
    isOver: () => false,
    ...rules,
  });
}

/** What becomes of each Job, by its name. */
function fates(decisions: Decisions): Record<string, string> {
  const named = (jobs: readonly Job[], fate: string) => jobs.map((job) => [job.metadata.name, fate] as const);
  return Object.fromEntries([
    ...named(decisions.release ? [decisions.release] : [], 'starts'),
    ...named(decisions.replace, 'replaced'),
    ...named(decisions.drop, 'dropped'),
    ...decisions.skip.map(({ job, reason }) => [job.metadata.name, reason] as const),
    ...decisions.waiting.map(({ job }) => [job.metadata.name, 'waits'] as const),
  ]);
}

/** When the controller saw what it answers. */
function seenAt(seconds: number, { metadata, ...job }: Job): Job {
  const seen = { 'segmentexport.io/asked-at': timeAt(seconds) };
  return { ...job, metadata: { ...metadata, annotations: { ...metadata.annotations, ...seen } } };
}

const first = exportJob({ name: 'first', created: 0 });
const second = exportJob({ name: 'second', created: 10 });
const running = exportJob({ name: 'running', created: -100, state: 'live' });
const request = timeAt(20);

describe('what becomes of a held run', () => {
  test.each<[string, Job[], Partial<RunRules>, Record<string, string>]>([
    ['one starts', [first], {}, { first: 'starts' }],
    ['of two the older starts, the other waits', [second, first], {}, { first: 'starts', second: 'waits' }],
    [
      'the claimed one comes first, whatever its age',
      [first, second],
      { claimedUid: 'uid-of-second' },
      { first: 'waits', second: 'starts' },
    ],
    ['it waits while another is at work', [running, first], {}, { first: 'waits' }],
    [
      'it waits while one that is being deleted is at work',
      [exportJob({ name: 'going', state: 'live', deleting: true }), first],
      {},
      { first: 'waits' },
    ],
    [
      'it waits while one that a person suspended still has a pod',
      [{ ...exportJob({ name: 'paused' }), status: { active: 1 } }, first],
      {},
      { first: 'waits' },
    ],
    ['it waits while a pod of a deleted run is at work', [first], { podAtWork: 'pod' }, { first: 'waits' }],
    [
      'it starts when the other is over',
      [exportJob({ name: 'over', state: 'failed' }), first],
      {},
      { first: 'starts' },
    ],
    ['it waits while it is blocked', [first], { blocked: 'No.' }, { first: 'waits' }],
    ['one that is being deleted is left alone', [exportJob({ name: 'going', deleting: true })], {}, {}],
    [
      'an older definition is replaced',
      [exportJob({ name: 'old', outdated: true })],
      {},
      { old: 'replaced' },
    ],
    [
      'without a definition that can run, an older one waits for the next',
      [exportJob({ name: 'old', outdated: true })],
      { templateHash: undefined, blocked: 'No.' },
      { old: 'waits' },
    ],
  ])('%s', (_, jobs, rules, expected) => {
    expect(fates(decide(jobs, rules))).toEqual(expected);
  });
});

describe('two Jobs for one asking are one run', () => {
  test.each<[string, Job[], Record<string, string>]>([
    [
      'of a held Job and the one in its place the latter stays, also where it is the outdated one',
      [
        exportJob({ name: 'old', request }),
        exportJob({ name: 'new', request, replacement: 1, outdated: true }),
      ],
      { old: 'dropped', new: 'replaced' },
    ],
    [
      'of two in the place of one the choice is always the same',
      [
        exportJob({ name: 'a', scheduled: 0, replacement: 1 }),
        exportJob({ name: 'b', scheduled: 0, replacement: 1, outdated: true }),
      ],
      { a: 'dropped', b: 'replaced' },
    ],
    [
      'one that runs already leaves nothing to do for the other',
      [exportJob({ name: 'runs', request, state: 'live' }), exportJob({ name: 'again', request })],
      { again: 'dropped' },
    ],
    [
      'one that ran leaves nothing to do for the other',
      [exportJob({ name: 'ran', request, state: 'succeeded' }), exportJob({ name: 'again', request })],
      { again: 'dropped' },
    ],
    [
      'two that a person made are two',
      [exportJob({ name: 'a' }), exportJob({ name: 'b' })],
      { a: 'starts', b: 'waits' },
    ],
    [
      'two requests are two',
      [exportJob({ name: 'a', request }), exportJob({ name: 'b', request: timeAt(21) })],
      { a: 'starts', b: 'waits' },
    ],
  ])('%s', (_, jobs, expected) => {
    expect(fates(decide(jobs))).toEqual(expected);
  });
});

describe('a run that comes too late is skipped with a reason', () => {
  const scheduled = exportJob({ name: 'job', created: 1, scheduled: 0 });
  const asked = exportJob({ name: 'job', created: 30, request });
  test.each<[string, Job, Partial<RunRules>, string]>([
    ['within its deadline it starts', scheduled, { now: at(3600) }, 'starts'],
    ['after its deadline', scheduled, { now: at(3601) }, 'StartingDeadlineExceeded'],
    [
      'after its deadline, while it is blocked',
      scheduled,
      { now: at(3601), blocked: 'No.' },
      'StartingDeadlineExceeded',
    ],
    [
      'the deadline of a request counts from the request',
      asked,
      { now: at(3621) },
      'StartingDeadlineExceeded',
    ],
    [
      'the deadline counts from the end of the jitter',
      scheduled,
      { now: at(4000), jitterMs: 500_000 },
      'starts',
    ],
    [
      'a jitter that is longer than the deadline skips nothing',
      scheduled,
      { now: at(700), jitterMs: 700_000, startingDeadlineMs: 60_000 },
      'starts',
    ],
    ['its schedule was changed since', scheduled, { scheduleEffectiveSince: at(1) }, 'ScheduleChanged'],
    ['its schedule was changed just then', scheduled, { scheduleEffectiveSince: at(0) }, 'starts'],
    ['a change of the schedule is nothing to a request', asked, { scheduleEffectiveSince: at(50) }, 'starts'],
    ['scheduled while suspended', scheduled, { resumedAt: at(1) }, 'AskedBeforeResume'],
    ['requested while suspended', asked, { resumedAt: at(31) }, 'AskedBeforeResume'],
    ['requested together with the resume', asked, { resumedAt: at(25) }, 'starts'],
    [
      'requested together with the resume, by the clock of the API server a moment before it',
      seenAt(35, exportJob({ name: 'job', created: 30, request })),
      { resumedAt: at(35) },
      'starts',
    ],
    [
      'requested while suspended, by the clock of the API server after the resume',
      seenAt(20, exportJob({ name: 'job', created: 30, request })),
      { resumedAt: at(25) },
      'AskedBeforeResume',
    ],
    ['made by hand while suspended', exportJob({ name: 'job' }), { resumedAt: at(5) }, 'AskedBeforeResume'],
    [
      'made by hand while suspended, and replaced since',
      seenAt(0, exportJob({ name: 'job', created: 50 })),
      { resumedAt: at(5) },
      'AskedBeforeResume',
    ],
  ])('%s', (_, job, rules, expected) => {
    expect(fates(decide([job], rules))).toEqual({ job: expected });
  });

  test('the reason says what it waited for', () => {
    const [skip] = decide([running, first], { now: at(3601) }).skip;
    expect(skip?.message).toContain('spec.schedule.startingDeadlineSeconds (3600)');
    expect(skip?.message).toContain('The run running is not finished.');
  });
});

describe('a scheduled run whose time lies before the start of one that succeeded', () => {
  const scheduled = exportJob({ name: 'job', created: 300, scheduled: 100 });
  const lastSuccess = { jobName: 'last', startedAt: at(200) };
  const now = at(300);
  test.each<[string, Job, Partial<RunRules>, string]>([
    ['is answered by that', scheduled, {}, 'AnsweredByLastRun'],
    ['is answered, however late it comes', scheduled, { now: at(9000) }, 'AnsweredByLastRun'],
    [
      'is answered where that started in the same second',
      scheduled,
      { lastSuccess: { ...lastSuccess, startedAt: at(100) } },
      'AnsweredByLastRun',
    ],
    [
      'starts where that began before its time',
      scheduled,
      { lastSuccess: { ...lastSuccess, startedAt: at(99) } },
      'starts',
    ],
    ['starts where that began before its delay was over', scheduled, { jitterMs: 150_000 }, 'starts'],
    [
      'starts where that began, by its time, only later: a clock went back',
      scheduled,
      { lastSuccess: { ...lastSuccess, startedAt: at(301) } },
      'starts',
    ],
    ['starts where the last one did not succeed', scheduled, { lastSuccess: undefined }, 'starts'],
    ['starts where a person made it', exportJob({ name: 'job', created: 100 }), {}, 'starts'],
    ['starts where a person asked for it', exportJob({ name: 'job', request: timeAt(100) }), {}, 'starts'],
  ])('%s', (_, job, rules, expected) => {
    expect(fates(decide([job], { now, lastSuccess, ...rules }))).toEqual({ job: expected });
  });
});

describe('when to look again', () => {
  test.each<[string, Job[], Partial<RunRules>, number | undefined]>([
    ['not at all, where nothing waits', [first], {}, undefined],
    ['when the deadline has passed', [first], { blocked: 'No.' }, 3600 - 60 + 1],
    ['when the jitter has passed', [exportJob({ scheduled: 0 })], { jitterMs: 100_000 }, 40],
  ])('%s', (_, jobs, rules, seconds) => {
    expect(decide(jobs, rules).lookAgainAfterMs).toBe(seconds === undefined ? undefined : seconds * 1000);
  });
});
