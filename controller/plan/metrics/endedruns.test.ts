import { expect, test } from 'vitest';
import type { CriteoSegmentExport, RunSummary } from '../../../api/generated/criteosegmentexport.ts';
import { segmentExport, timeAt } from '../testkit/objects.ts';
import { endedRuns, identifierOutcomes } from './endedruns.ts';

const profiles = {
  read: 10,
  invalid: 1,
  malformed: 1,
  empty: 1,
  duplicate: 2,
  withoutConsent: 1,
  selected: 4,
  uploaded: 3,
  removed: 2,
  refused: 1,
  held: 99,
};

/** The nth run of an export. */
function run(nth: number, change: Partial<RunSummary> = {}): RunSummary {
  return {
    jobName: `newsletter-${nth}`,
    startedAt: timeAt(nth * 60),
    outcome: 'Succeeded',
    reason: 'Succeeded',
    ...change,
  };
}

function after(...history: RunSummary[]): CriteoSegmentExport {
  return segmentExport({ status: { history } });
}

test('a run that ended counts its outcome, identifiers, calls and waiting', () => {
  const ended = run(2, { outcome: 'PartiallySucceeded', profiles, criteoCalls: 6, throttledSeconds: 41 });
  const { held: _, ...identifiers } = profiles;
  expect(endedRuns(after(run(1)), after(ended, run(1)))).toEqual([
    { outcome: 'PartiallySucceeded', identifiers, apiCalls: 6, throttledSeconds: 41 },
  ]);
});

test('a run that told nothing counts by its outcome alone', () => {
  const [counted] = endedRuns(after(), after(run(1, { outcome: 'Unknown', reason: 'ReportMissing' })));
  expect(counted).toEqual({
    outcome: 'Unknown',
    identifiers: Object.fromEntries(identifierOutcomes.map((name) => [name, 0])),
    apiCalls: 0,
    throttledSeconds: 0,
  });
});

test('a status that changes without the end of a run counts nothing', () => {
  expect(endedRuns(after(run(1)), after(run(1)))).toEqual([]);
});

test('of several runs that ended while the watch was away each is counted once', () => {
  const now = after(run(4, { outcome: 'Failed', reason: 'SourceNotFound' }), run(3), run(2), run(1));
  expect(endedRuns(after(run(1)), now).map(({ outcome }) => outcome)).toEqual([
    'Failed',
    'Succeeded',
    'Succeeded',
  ]);
});

test('a status that was put back to an older one counts nothing', () => {
  expect(endedRuns(after(run(3), run(2), run(1)), after(run(2), run(1)))).toEqual([]);
});

test('a Job that a person made again under the same name is another run', () => {
  const again = run(1, { startedAt: timeAt(7200) });
  expect(endedRuns(after(run(1)), after(again, run(1)))).toHaveLength(1);
});

test('a history of another version of the CRD counts what can be read', () => {
  const odd = [null, { outcome: 'anna@example.com' }, run(2, { criteoCalls: -1 })];
  const now = { ...after(), status: { history: odd } } as unknown as CriteoSegmentExport;
  expect(endedRuns(after(), now)).toMatchObject([{ outcome: 'Succeeded', apiCalls: 0 }]);
});
