import { describe, expect, test } from 'vitest';
import { type FollowedJob, isFollowed, successesOf, successOf, targetOf } from './followed.ts';
import { at, exportJob, timeAt } from './testkit/objects.ts';

const succeeded = {
  completionTime: timeAt(10),
  conditions: [
    { type: 'SuccessCriteriaMet', status: 'True' },
    { type: 'Complete', status: 'True' },
  ],
};
const other = (labels: Record<string, string> = {}): FollowedJob => ({
  metadata: { labels },
  status: succeeded,
});

/** A Job of an export of ours, which has succeeded. */
const ours = (options: Parameters<typeof exportJob>[0] = {}): FollowedJob => ({
  ...exportJob(options),
  status: succeeded,
});

test('an entry has one name, whatever the order of its labels', () => {
  expect(targetOf({ cronJob: 'refresh' })).toBe('CronJob refresh');
  expect(targetOf({ jobSelector: { matchLabels: { tier: 'raw', app: 'load' } } })).toBe(
    'Jobs app=load,tier=raw',
  );
});

describe('what counts as a success:', () => {
  test.each<[string, FollowedJob, number | undefined]>([
    ["another's Job that is Complete", other(), at(10)],
    ['one at work', { metadata: {}, status: {} }, undefined],
    [
      'one that failed',
      { metadata: {}, status: { ...succeeded, conditions: [{ type: 'Failed', status: 'True' }] } },
      undefined,
    ],
    [
      'one that is not Complete any more',
      { metadata: {}, status: { ...succeeded, conditions: [{ type: 'Complete', status: 'False' }] } },
      undefined,
    ],
    ['one without a time', { metadata: {}, status: { conditions: succeeded.conditions } }, undefined],
    ['a run of an export', ours(), at(10)],
    ['a plan of an export, which sends nothing', ours({ plan: timeAt(0) }), undefined],
    [
      'a check of a connection',
      other({
        'app.kubernetes.io/managed-by': 'criteo-segment-export',
        'segmentexport.io/run-kind': 'Check',
      }),
      undefined,
    ],
  ])('%s', (_, job, time) => {
    expect(successOf(job)).toBe(time);
  });

  test("the CronJob's last success, and no Job of the export that follows", () => {
    const followed = {
      cronJob: { metadata: {}, status: { lastSuccessfulTime: timeAt(20) } },
      jobs: [other(), ours()],
    };
    expect(successesOf(followed, 'export-uid')).toEqual([at(20), at(10)]);
    expect(successesOf({ jobs: [ours()] }, 'another-uid')).toEqual([at(10)]);
    expect(successesOf(undefined, 'export-uid')).toEqual([]);
  });
});

describe('a change is looked at for the exports that follow', () => {
  const ofRefresh = {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    name: 'refresh',
    uid: 'cronjob-uid',
    controller: true,
  };
  const byName = [{ cronJob: 'refresh' }];
  const byLabel = [{ jobSelector: { matchLabels: { app: 'load' } } }];
  test.each<[string, Parameters<typeof isFollowed>, boolean]>([
    ['the CronJob', [{ metadata: { name: 'refresh' } }, 'CronJob', byName], true],
    ['another CronJob', [{ metadata: { name: 'other' } }, 'CronJob', byName], false],
    ['no CronJob by its labels', [{ metadata: { labels: { app: 'load' } } }, 'CronJob', byLabel], false],
    ['a Job of it', [{ metadata: { ownerReferences: [ofRefresh] } }, 'Job', byName], true],
    ['no Job of its name alone', [{ metadata: { name: 'refresh' } }, 'Job', byName], false],
    [
      'no Job of another owner',
      [{ metadata: { ownerReferences: [{ ...ofRefresh, name: 'other' }] } }, 'Job', byName],
      false,
    ],
    ['a Job with the labels', [other({ app: 'load', tier: 'raw' }), 'Job', byLabel], true],
    ['no Job with others', [other({ app: 'other' }), 'Job', byLabel], false],
    ['a run of an export, which its CronJob may stand for', [ours(), 'Job', byName], true],
  ])('%s', (_, args, is) => {
    expect(isFollowed(...args)).toBe(is);
  });
});
