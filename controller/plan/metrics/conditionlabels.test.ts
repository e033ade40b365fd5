import { expect, test } from 'vitest';
import { isConnectionReason, isExportReason } from '../conditionreasons.ts';
import type { Condition } from '../conditions.ts';
import { timeAt } from '../testkit/objects.ts';
import { conditionLabelsOf } from './conditionlabels.ts';

function condition(change: object = {}): Condition {
  return {
    type: 'Ready',
    status: 'True',
    reason: 'RunSucceeded',
    message: 'Criteo holds 3 profiles.',
    lastTransitionTime: timeAt(0),
    ...change,
  };
}

test('each condition shows its present status and reason', () => {
  const conditions = [
    condition({ status: 'False', reason: 'SourceNotFound' }),
    condition({ type: 'LastRunSucceeded', status: 'Unknown', reason: 'ReportMissing' }),
  ];
  expect(conditionLabelsOf(conditions, isExportReason)).toEqual([
    { type: 'Ready', status: 'False', reason: 'SourceNotFound' },
    { type: 'LastRunSucceeded', status: 'Unknown', reason: 'ReportMissing' },
  ]);
  const connection = [condition({ type: 'ApiVersionDeprecated', reason: 'DeprecatedByCriteo' })];
  expect(conditionLabelsOf(connection, isConnectionReason)).toEqual([
    { type: 'ApiVersionDeprecated', status: 'True', reason: 'DeprecatedByCriteo' },
  ]);
});

test.each(['AnnaAtExampleCom', 'anna@example.com', 'a'.repeat(64), '', 7, ['RunSucceeded'], undefined])(
  'a reason that the controller does not write, as %j, becomes Other',
  (reason) => {
    expect(conditionLabelsOf([condition({ reason })], isExportReason)).toEqual([
      { type: 'Ready', status: 'True', reason: 'Other' },
    ]);
  },
);

test.each([
  ['a type', { type: 'anna@example.com' }],
  ['a status', { status: 'anna@example.com' }],
])('a condition with %s that is not ours is left out', (_, change) => {
  expect(conditionLabelsOf([condition(change)], isExportReason)).toEqual([]);
});

test.each([undefined, null, 'Ready', [null, 'Ready']])(
  'conditions that are none, as %j, show nothing',
  (conditions) => {
    expect(conditionLabelsOf(conditions as unknown as Condition[], isExportReason)).toEqual([]);
  },
);
