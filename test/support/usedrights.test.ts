import { expect, test } from 'vitest';
import { compareRights, grantedRights, usedRights } from './usedrights.ts';

const ours = 'criteo-segment-export/controller';
const logOf = (...events: object[]): string => events.map((event) => `${JSON.stringify(event)}\n`).join('');
const jobs = { apiGroup: 'batch', resource: 'jobs' };

test('what the controller asked for is used, and what a test asked for with its token is not', () => {
  const log = logOf(
    { verb: 'list', userAgent: ours, objectRef: jobs },
    { verb: 'get', userAgent: ours, objectRef: { resource: 'persistentvolumeclaims' } },
    { verb: 'update', userAgent: ours, objectRef: { ...jobs, subresource: 'status' } },
    { verb: 'delete', userAgent: 'undici', objectRef: jobs },
    { verb: 'get', userAgent: ours, requestURI: '/version' },
  );
  expect([...usedRights(log)]).toEqual([
    'list jobs.batch',
    'get persistentvolumeclaims',
    'update jobs.batch/status',
  ]);
});

test('the half line that the API server is writing is left out', () => {
  const whole = logOf({ verb: 'list', userAgent: ours, objectRef: jobs });
  expect([...usedRights(whole + whole.slice(0, 20))]).toEqual(['list jobs.batch']);
  expect([...usedRights('{"verb"')]).toEqual([]);
});

test('an apply that made the object is asked for the right to create, too', () => {
  const apply = { verb: 'patch', userAgent: ours, objectRef: jobs };
  expect([...usedRights(logOf({ ...apply, responseStatus: { code: 200 } }))]).toEqual(['patch jobs.batch']);
  expect([...usedRights(logOf({ ...apply, responseStatus: { code: 201 } }))]).toEqual([
    'patch jobs.batch',
    'create jobs.batch',
  ]);
});

test('rules are compared both ways', () => {
  const granted = grantedRights([
    { apiGroups: ['batch'], resources: ['jobs', 'jobs/status'], verbs: ['get', 'list'] },
  ]);
  const used = new Set(['list jobs.batch', 'get jobs.batch', 'get jobs.batch/status', 'get secrets']);
  expect(compareRights(used, granted)).toEqual({
    missing: ['get secrets'],
    spare: ['list jobs.batch/status'],
  });
});
