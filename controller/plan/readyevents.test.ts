import { describe, expect, test } from 'vitest';
import type { CriteoSegmentExportStatus } from '../../api/generated/criteosegmentexport.ts';
import type { ObservedExport } from './export.ts';
import { statusEvents } from './exportstatus.ts';
import {
  connection,
  exportJob,
  podOf,
  readyStatus,
  report,
  segmentExport,
  timeAt,
  token,
  withLedger,
} from './testkit/objects.ts';
import { eventLines, exportPlan, observedExport, readyLine } from './testkit/plans.ts';

/** One export, looked at again and again: what it is told of lies in its status alone. */
class Story {
  #status: Partial<CriteoSegmentExportStatus>;
  #generation = 1;
  #seconds = 0;

  constructor(status: Partial<CriteoSegmentExportStatus> = {}, seen: Partial<ObservedExport> = {}) {
    this.#status = status;
    this.look(seen);
  }

  look(seen: Partial<ObservedExport> = {}, spec: object = {}) {
    this.#seconds += 30;
    const metadata = { generation: this.#generation };
    const resource = segmentExport({ metadata, spec, status: this.#status });
    const plan = exportPlan(observedExport({ export: resource, ...seen }), this.#seconds);
    this.#status = plan.status;
    return plan;
  }

  /** Ready, and what was told. */
  tells(seen: Partial<ObservedExport> = {}, spec: object = {}): string[] {
    const plan = this.look(seen, spec);
    return [readyLine(plan.status), ...eventLines(plan)];
  }

  change(spec: object): string[] {
    this.#generation += 1;
    return this.tells({}, spec);
  }
}

const edited = (generation: number) =>
  connection({ metadata: { generation: 2 }, status: readyStatus(generation) });
const suspended = connection({ spec: { suspend: true } });
const notReady = readyStatus();
notReady.conditions = (notReady.conditions ?? []).map((condition) => ({
  ...condition,
  status: 'False',
  reason: 'CriteoUnavailable',
}));
const broken = connection({ status: notReady });

const run = (outcome: 'Succeeded' | 'Failed' | 'Cancelled', reason: string, message: string) => {
  const line = {
    jobName: 'run',
    outcome,
    reason,
    generation: 1,
    startedAt: timeAt(-300),
    finishedAt: timeAt(-200),
  };
  return { lastRun: { ...line, message }, history: [line] };
};
const counts = 'Criteo holds 3 profiles in 1 segment; 3 were added and 0 removed.';
const succeeded = run('Succeeded', 'Succeeded', counts);
const passing = { ...run('Failed', 'CriteoUnavailable', 'Criteo failed.'), consecutiveFailures: 1 };
const noSource = { ...run('Failed', 'SourceNotFound', 'It is not there.'), consecutiveFailures: 1 };
const cancelled = run('Cancelled', 'Cancelled', 'The run was cancelled.');

describe('a run that was told when it ended is not told again, and', () => {
  test.each<[string, Partial<CriteoSegmentExportStatus>, string]>([
    ['succeeded', succeeded, 'True RunSucceeded'],
    ['failed by what passes', passing, 'True LastRunFailed'],
    ['was cancelled', cancelled, 'True AwaitingRun'],
  ])('where the last one %s, one event tells that the export is ready again', (_, status, ready) => {
    const story = new Story(status);
    expect(story.tells({ connection: suspended })).toEqual([
      'True ConnectionSuspended',
      'Normal ConnectionSuspended',
    ]);
    expect(story.tells()).toEqual([ready, 'Normal Recovered']);
    expect(story.tells()).toEqual([ready]);
    expect(story.tells({ claimExists: false })).toEqual([
      'False ClaimNotFound Reconciling',
      'Warning ClaimNotFound',
    ]);
    expect(story.tells()).toEqual([ready, 'Normal Recovered']);
    expect(story.change({ suspend: true })).toEqual(['True Suspended', 'Normal Suspended']);
    expect(story.change({})).toEqual([ready, 'Normal Recovered']);
  });

  test.each<[string, Partial<CriteoSegmentExportStatus>, string]>([
    ['succeeded', succeeded, 'True RunSucceeded'],
    ['failed by what passes', passing, 'True LastRunFailed'],
    ['failed by what a person mends', noSource, 'False SourceNotFound Stalled'],
  ])('where the last one %s, a check of the connection is told by nothing', (_, status, ready) => {
    const story = new Story(status);
    expect(story.tells({ connection: edited(1) })).toEqual(['False AwaitingConnection Reconciling']);
    expect(story.tells({ connection: edited(2) })).toEqual([ready]);
  });

  test('where a person must mend something, the condition says so again, and no event', () => {
    const story = new Story(noSource);
    expect(story.tells({ connection: broken })).toContain('Warning ConnectionNotReady');
    expect(story.tells()).toEqual(['False SourceNotFound Stalled']);
    expect(story.tells({ connection: suspended })).toContain('Normal ConnectionSuspended');
    expect(story.tells()).toEqual(['False SourceNotFound Stalled']);
  });

  test('three that failed are told by their ends alone', () => {
    const story = new Story({ ...passing, consecutiveFailures: 3 });
    expect(story.tells({ claimExists: false })).toContain('Warning ClaimNotFound');
    expect(story.tells()).toEqual(['False RunsFailing Stalled']);
  });

  test('what waits for a word is told when it begins to wait', () => {
    const pendingApproval = {
      runName: 'run',
      token,
      message: 'Approve it.',
      since: timeAt(-200),
      generation: 1,
    };
    const ledger = connection({ spec: withLedger });
    const story = new Story({ ...run('Failed', 'RemovalGuard', 'Too many.'), pendingApproval });
    expect(story.tells({ connection: { ...broken, spec: ledger.spec } })).toContain(
      'Warning ConnectionNotReady',
    );
    expect(story.tells({ connection: ledger })).toEqual(['False RemovalGuard Stalled']);
  });

  describe('where the pod of the next does not start,', () => {
    const activeRun = {
      jobName: 'second',
      jobUID: 'uid-of-second',
      trigger: 'Manual' as const,
      generation: 1,
      startedAt: timeAt(0),
    };
    const job = exportJob({ name: 'second', state: 'live' });
    const stuck = (status: Partial<CriteoSegmentExportStatus>) => {
      const story = new Story({ ...status, activeRun }, { jobs: [job] });
      const state = { waiting: { reason: 'ErrImagePull' } };
      const pod = podOf(job, { phase: 'Pending', containerStatuses: [{ name: 'exporter', state }] });
      expect(story.tells({ jobs: [job], pods: [pod] })).toContain('Warning PodNotStarted');
      return story;
    };

    test('and then starts, the next is not told as one that has ended', () => {
      const story = stuck(succeeded);
      expect(story.tells({ jobs: [job], pods: [podOf(job, { phase: 'Running' })] })).toEqual([
        'True RunSucceeded',
        'Normal Recovered',
      ]);
      const over = exportJob({ name: 'second', state: 'succeeded' });
      expect(story.tells({ jobs: [over], pods: [podOf(over, report())] })).toEqual([
        'True RunSucceeded',
        'Normal RunSucceeded',
      ]);
    });

    test('and a person deletes it, the fault of an earlier one holds, and is not told again', () => {
      expect(stuck(noSource).tells()).toEqual(['False SourceNotFound Stalled', 'Warning JobDeleted']);
    });
  });
});

test('that an export is ready again says how its last run went', () => {
  const story = new Story(succeeded);
  story.look({ claimExists: false });
  expect(story.look().events).toEqual([
    {
      type: 'Normal',
      reason: 'Recovered',
      action: 'CheckDefinition',
      note: `The export is ready again. The last run: ${counts}`,
    },
  ]);
});

test('where no run has ended, it waits for one as at first', () => {
  const story = new Story();
  expect(story.tells({ claimExists: false })).toContain('Warning ClaimNotFound');
  expect(story.tells()).toEqual(['True AwaitingRun', 'Normal AwaitingRun']);
});

test('an advertiser that the account may not use is a fault of the definition by the word of a run, and told', () => {
  const story = new Story(succeeded);
  const advertisers = { total: 1, ids: ['7'] };
  const others = connection({ status: { ...readyStatus(), advertisers } });
  expect(story.tells({ connection: others })).toContain('Warning AdvertiserNotAllowed');
});

test('and told where a run by the definition of before had ended so', () => {
  const refused = run('Failed', 'AdvertiserNotAllowed', 'The account may not use it.');
  const story = new Story({ ...refused, consecutiveFailures: 1 });
  const changed = { name: 'Changed' };
  expect(story.change(changed)).toContain('Normal AwaitingRun');
  const advertisers = { total: 1, ids: ['7'] };
  const others = connection({ status: { ...readyStatus(), advertisers } });
  expect(story.tells({ connection: others }, changed)).toContain('Warning AdvertiserNotAllowed');
});

test('a status without conditions, as a backup may give it back, tells of no run', () => {
  const { status } = exportPlan(observedExport({ export: segmentExport({ status: noSource }) }));
  expect(statusEvents(noSource, status)).toEqual([]);
});

test('what a later failure leaves of a stop by the guard is told, where other segments had hidden it', () => {
  const condition = (reason: string, message: string) => ({
    type: 'Ready',
    status: 'False' as const,
    observedGeneration: 1,
    lastTransitionTime: timeAt(0),
    reason,
    message,
  });
  const pendingApproval = {
    runName: 'run',
    token,
    message: 'Approve it.',
    since: timeAt(-200),
    generation: 1,
  };
  const before = {
    ...run('Failed', 'SegmentsFailed', '2 of 2 segments failed: no such column'),
    pendingApproval,
  };
  const later = { ...passing.lastRun, jobName: 'later' };
  const events = statusEvents(
    { ...before, conditions: [condition('SegmentsFailed', '2 of 2 segments failed: no such column')] },
    { ...before, lastRun: later, conditions: [condition('RemovalGuard', 'Approve it.')] } as never,
  );
  expect(eventLines({ events })).toEqual(['Warning CriteoUnavailable', 'Warning RemovalGuard']);
});

test('what an attempt to retire something waits for is told, though no run has ended', () => {
  const condition = (status: 'True' | 'False', reason: string) => ({
    type: 'Ready',
    status,
    observedGeneration: 1,
    lastTransitionTime: timeAt(0),
    reason,
    message: 'Approve it.',
  });
  const pendingApproval = { runName: 'away', token, message: 'Approve it.', since: timeAt(0), generation: 1 };
  const entry = { connection: 'southern', deletionPolicy: 'Empty', outcome: 'Waiting' };
  const retirements = [{ ...entry, pendingApproval }];
  const [ready, waits] = [condition('True', 'RunSucceeded'), condition('False', 'RemovalGuard')];
  const after = { ...succeeded, retirements, conditions: [waits] } as never;
  const told = (before: object) => eventLines({ events: statusEvents({ ...succeeded, ...before }, after) });
  expect(told({ conditions: [ready], retirements: [entry] })).toEqual(['Warning RemovalGuard']);
  expect(told({ conditions: [condition('False', 'ClaimNotFound')], retirements })).toEqual([]);
});
