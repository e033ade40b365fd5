import { expect, test } from 'vitest';
import { readinessConditions, setConditions } from './conditions.ts';
import { at, timeAt } from './testkit/objects.ts';

const ready = { type: 'Ready', status: 'True' as const, reason: 'AwaitingRun', message: 'Usable.' };
const before = setConditions([ready], { previous: [], generation: 1, now: at(0) });

test('the time of a condition moves with its status, and with nothing else', () => {
  const same = setConditions([{ ...ready, reason: 'RunSucceeded', message: 'Done.' }], {
    previous: before,
    generation: 2,
    now: at(60),
  });
  expect(same).toEqual([
    {
      ...ready,
      reason: 'RunSucceeded',
      message: 'Done.',
      observedGeneration: 2,
      lastTransitionTime: timeAt(0),
    },
  ]);
  const changed = setConditions([{ ...ready, status: 'False' }], {
    previous: before,
    generation: 2,
    now: at(60),
  });
  expect(changed[0]?.lastTransitionTime).toBe(timeAt(60));
});

test('what is normal again has no condition', () => {
  const stalled = readinessConditions({
    status: 'False',
    reason: 'ChildRefused',
    message: 'Mend it.',
    progress: 'Stalled',
  });
  expect(stalled.map(({ type }) => type)).toEqual(['Ready', 'Stalled']);
  expect(setConditions([ready], { previous: before, generation: 1, now: at(0) })).toEqual(before);
});

test('a message is cut where status would not take it, and never within a character', () => {
  const [condition] = setConditions([{ ...ready, message: `${'x'.repeat(1023)}\u{1F600}` }], {
    previous: [],
    generation: 1,
    now: at(0),
  });
  expect(condition?.message).toHaveLength(1024);
  expect(condition?.message.isWellFormed()).toBe(true);
});
