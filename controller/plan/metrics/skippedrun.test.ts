import { expect, test } from 'vitest';
import type { CriteoSegmentExport, SkippedRun } from '../../../api/generated/criteosegmentexport.ts';
import { segmentExport, start, timeAt } from '../testkit/objects.ts';
import { skippedRunOf } from './skippedrun.ts';

const skipped: SkippedRun = {
  jobName: 'newsletter-1',
  trigger: 'Schedule',
  skippedAt: timeAt(3600),
  reason: 'StartingDeadlineExceeded',
};

test('tells when a run was last skipped, what had asked for it, and why', () => {
  expect(skippedRunOf(segmentExport({ status: { lastSkippedRun: skipped } }))).toEqual({
    labels: { trigger: 'Schedule', reason: 'StartingDeadlineExceeded' },
    value: start / 1000 + 3600,
  });
});

test('one that a person cancelled while it waited has its word', () => {
  const cancelled = { ...skipped, reason: 'Cancelled' };
  expect(skippedRunOf(segmentExport({ status: { lastSkippedRun: cancelled } }))?.labels.reason).toBe(
    'Cancelled',
  );
});

test('an export of which none was skipped has none', () => {
  expect(skippedRunOf(segmentExport({ status: {} }))).toBeUndefined();
});

test.each([
  ['words of others', { ...skipped, trigger: 'anna@example.com', reason: 'toString' }, 'Other'],
  ['no words', { skippedAt: timeAt(0), trigger: null, reason: ['Cancelled'] }, 'Other'],
  ['no time', { ...skipped, skippedAt: 7 }, undefined],
  ['nothing', null, undefined],
])('a status that others wrote, with %s, puts none of theirs into a label', (_, lastSkippedRun, label) => {
  const object = { ...segmentExport(), status: { lastSkippedRun } } as unknown as CriteoSegmentExport;
  const read = skippedRunOf(object);
  expect(read && [read.labels.trigger, read.labels.reason]).toEqual(label && [label, label]);
});
