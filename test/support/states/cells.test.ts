import { describe, expect, test } from 'vitest';
import { conditionsCell, eventsCell, metricsCell, toldSince } from './cells.ts';
import { samplesOf } from './samples.ts';

const message = 'The file is not there.';
const failed = {
  kind: 'CriteoSegmentExport',
  metadata: { name: 'newsletter' },
  status: {
    conditions: [
      { type: 'Ready', status: 'False', reason: 'SourceNotFound', message },
      { type: 'Stalled', status: 'True', reason: 'SourceNotFound', message },
      { type: 'LastRunSucceeded', status: 'False', reason: 'SourceNotFound', message },
    ],
  },
};
const page = `# TYPE criteo_export_condition gauge
criteo_export_condition{namespace="shop",export="newsletter",type="Ready",status="False",reason="SourceNotFound"} 1
criteo_export_condition{namespace="shop",export="newsletter",type="Stalled",status="True",reason="SourceNotFound"} 1
criteo_export_condition{namespace="shop",export="newsletter",type="LastRunSucceeded",status="False",reason="SourceNotFound"} 1
criteo_export_consecutive_failures{namespace="shop",export="newsletter"} 2
criteo_export_suspended{namespace="shop",export="newsletter"} 0
criteo_export_next_run_timestamp_seconds{namespace="shop",export="newsletter"} 1.7e9
criteo_export_runs_total{namespace="shop",export="newsletter",outcome="Failed"} 2
`;

test('Stalled stands alone where it says what Ready says, and else with its own words', () => {
  expect(conditionsCell(failed)).toBe(
    'Ready=False SourceNotFound, Stalled, LastRunSucceeded=False SourceNotFound',
  );
  const [ready, stalled] = failed.status.conditions;
  const other = { ...failed, status: { conditions: [ready, { ...stalled, message: 'Other.' }] } };
  expect(conditionsCell(other as typeof failed)).toBe(
    'Ready=False SourceNotFound, Stalled=True SourceNotFound',
  );
});

const told = (uid: string, reason: string, count = 1) => ({
  uid,
  type: reason === 'RunStarted' ? 'Normal' : 'Warning',
  reason,
  count,
});

test('events are told in their order, warnings in bold, with how often where that is not once', () => {
  const events = [told('a', 'RunStarted'), told('b', 'SourceNotFound', 2), told('c', 'RunStarted')];
  expect(eventsCell(events)).toBe('RunStarted x2, **SourceNotFound** x2');
  expect(eventsCell(events.slice(0, 1))).toBe('RunStarted');
});

test('what was told before is none of a row, but that it was told again is', () => {
  const before = [told('a', 'RunStarted'), told('b', 'SourceNotFound')];
  expect(toldSince(before, [...before, told('c', 'RunStarted')])).toEqual([told('c', 'RunStarted')]);
  expect(toldSince(before, [told('a', 'RunStarted'), told('b', 'SourceNotFound', 3)])).toEqual([
    told('b', 'SourceNotFound', 2),
  ]);
});

describe('metrics', () => {
  test('are those that are not 0; times by their name, runs by how much they rose', () => {
    const before = samplesOf(page.replace('outcome="Failed"} 2', 'outcome="Failed"} 1'));
    expect(metricsCell(failed, samplesOf(page), before)).toBe(
      'next_run_timestamp_seconds, consecutive_failures 2, runs_total{outcome="Failed"} 1',
    );
  });

  test('whose conditions are not those of status are told as such', () => {
    const late = samplesOf(page.replace('type="Stalled"', 'type="Reconciling"'));
    expect(metricsCell(failed, late, undefined)).toContain('criteo_export_condition is [');
  });
});
