import { expect, test } from 'vitest';
import { exitCodes } from '../../../api/reasons.ts';
import type { Fault } from '../../sandbox/sandbox.ts';
import { checkOf, exportOf, runExporter, segmentOf, startExporter } from './program.ts';
import { digestOf, sandboxFor } from './sandbox.ts';

const addresses = Array.from({ length: 3 }, (_, index) => `person.${index}@example.com`);
const files = { 'people.csv': `email\n${addresses.join('\n')}\n` };

const passing: [string, ...Fault[]][] = [
  ['a token call that fails', { kind: 'status', status: 503, path: '/oauth2/token' }],
  ['a token that is refused once', { kind: 'status', status: 401, path: '/contact-list', method: 'PATCH' }],
  ['a search that is reset', { kind: 'resetBefore', path: '/search' }],
  ['a create that is reset before it took effect', { kind: 'resetBefore', path: '/create' }],
  ['a create that took effect and was never answered', { kind: 'resetAfter', path: '/create' }],
  [
    'a create that took effect and answers 500',
    { kind: 'status', status: 500, applied: true, path: '/create' },
  ],
  ['a create that answers with nothing in it', { kind: 'emptyData', path: '/create' }],
  [
    'a create whose success is told as a name that is taken',
    { kind: 'status', status: 400, code: 'name-must-be-unique', applied: true, path: '/create' },
  ],
  ['an upload that fails twice', { kind: 'status', status: 500, times: 2, path: '/contact-list' }],
  ['an upload that took effect and was cut off', { kind: 'halfReply', path: '/contact-list' }],
  ['an upload that took effect and was reset', { kind: 'resetAfter', path: '/contact-list' }],
  ['an upload that hangs', { kind: 'delay', milliseconds: 60_000, path: '/contact-list' }],
  [
    'an upload without capacity, told inside a 200',
    { kind: 'errors', problem: { type: 'availability', code: 'try-later' }, path: '/contact-list' },
  ],
  [
    'a segment that was deleted after it was found',
    { kind: 'status', status: 404, code: 'audience-invalid', path: '/contact-list' },
  ],
  [
    'a deprecation told as a warning',
    { kind: 'warnings', problem: { type: 'deprecation' }, path: '/contact-list' },
  ],
];

test.each(passing)('%s does not keep people from Criteo, nor make a second segment', async (_, ...faults) => {
  const sandbox = await sandboxFor();
  for (const fault of faults) sandbox.addFault(fault);
  const { report } = await runExporter({
    document: exportOf(sandbox.url),
    files,
    env: { SEGMENTEXPORT_CALL_TIMEOUT_MS: '2000' },
  });
  expect(sandbox.faults().map(({ played }) => played)).toEqual(faults.map(({ times }) => times ?? 1));
  expect(report).toMatchObject({ reason: 'Succeeded', segments: [{ uploaded: 3, refused: 0 }] });
  expect(sandbox.segments().map(({ digest }) => digest)).toEqual([digestOf(addresses)]);
});

test('a rate limit is waited out by its header, and told', async () => {
  const sandbox = await sandboxFor();
  sandbox.addFault({ kind: 'status', status: 429, resetSeconds: 2, path: '/search' });
  const { report } = await runExporter({ document: exportOf(sandbox.url), files });
  expect(report?.reason).toBe('Succeeded');
  expect(report?.throttledMs).toBeGreaterThan(900);
  expect(sandbox.segments()[0]?.digest).toBe(digestOf(addresses));
});

test('a rate limit that does not open in time ends the run as throttled', async () => {
  const sandbox = await sandboxFor({ callsPerMinute: 1 });
  const { report, exitCode } = await runExporter({ document: checkOf(sandbox.url), env: budget });
  // The one call of the window is used up by the list of advertisers.
  expect(report?.reason).toBe('Succeeded');
  const second = await runExporter({ document: checkOf(sandbox.url), env: budget });
  expect(second.report?.reason).toBe('CriteoThrottled');
  expect([exitCode, second.exitCode]).toEqual([0, exitCodes.passing]);
});

const budget = { SEGMENTEXPORT_RETRY_BUDGET_MS: '1500' };

test.each([
  [{ kind: 'status', status: 403, path: '/advertisers/me' }, 'PermissionMissing', exitCodes.user],
  [
    { kind: 'status', status: 401, path: '/advertisers/me', times: 'always' },
    'CredentialsRefused',
    exitCodes.user,
  ],
  [
    { kind: 'status', status: 500, path: '/advertisers/me', times: 'always' },
    'CriteoUnavailable',
    exitCodes.passing,
  ],
  [{ kind: 'malformed', path: '/advertisers/me' }, 'CriteoReplyInvalid', exitCodes.passing],
  [{ kind: 'raw', status: 200, body: '[]', path: '/oauth2/token' }, 'CriteoReplyInvalid', exitCodes.passing],
] as const)('%j on the way in ends the run as %s', async (fault, reason, code) => {
  const sandbox = await sandboxFor();
  sandbox.addFault(fault);
  const { report, exitCode } = await runExporter({ document: exportOf(sandbox.url), files, env: budget });
  expect(report?.reason).toBe(reason);
  expect(report?.segments?.map((segment) => segment.reason)).toEqual(['NotRun']);
  expect(exitCode).toBe(code);
});

test('a Criteo that nobody answers for is told as unavailable', async () => {
  const { report, exitCode } = await runExporter({ document: checkOf('http://127.0.0.1:9'), env: budget });
  expect(report?.reason).toBe('CriteoUnavailable');
  expect(exitCode).toBe(exitCodes.passing);
});

test('an outage stops the run at its segment; what follows is not run', async () => {
  const sandbox = await sandboxFor();
  sandbox.addFault({ kind: 'status', status: 503, path: '/contact-list', skip: 1, times: 'always' });
  const { report, exitCode } = await runExporter({
    document: exportOf(sandbox.url, {
      segments: ['a', 'b', 'c'].map((name) => segmentOf(name)),
      source: { file: { path: '.', format: 'CSV', csv: { delimiter: 'Comma' } } },
    }),
    files: { 'a.csv': files['people.csv'], 'b.csv': files['people.csv'], 'c.csv': files['people.csv'] },
    env: budget,
  });
  expect(report).toMatchObject({ reason: 'CriteoUnavailable', details: { status: 503 } });
  expect(report?.segments?.map((segment) => [segment.reason, segment.uploaded])).toEqual([
    ['Succeeded', 3],
    ['CriteoUnavailable', 0],
    ['NotRun', 0],
  ]);
  expect(exitCode).toBe(exitCodes.passing);
});

test('a refusal inside a 200 fails the segment with Criteo\u2019s code', async () => {
  const sandbox = await sandboxFor();
  sandbox.addFault({
    kind: 'errors',
    problem: { type: 'validation', code: 'identifiers-invalid' },
    path: '/contact-list',
  });
  const { report, exitCode } = await runExporter({ document: exportOf(sandbox.url), files });
  expect(report?.segments?.[0]).toMatchObject({
    reason: 'CriteoRefused',
    details: { status: 200, code: 'identifiers-invalid' },
    uploaded: 0,
  });
  expect(exitCode).toBe(exitCodes.user);
});

test.each(['badRequest', 'errors', 'warnings'] as const)(
  'a name that something else has, told as %s, is refused',
  async (itemFailures) => {
    const sandbox = await sandboxFor({ itemFailures });
    sandbox.addSegment({ advertiserId: '12345', name: 'readers', type: 'Lookalike' });
    const { report } = await runExporter({ document: exportOf(sandbox.url), files });
    expect(report?.segments?.[0]).toMatchObject({
      reason: 'SegmentNameRefused',
      details: { code: 'name-must-be-unique' },
    });
    expect(sandbox.segments()).toHaveLength(1);
  },
);

test('an API version that will end is told with its date', async () => {
  const sunset = 'Fri, 02 Jul 2027 00:00:00 GMT';
  const sandbox = await sandboxFor({ deprecatedVersions: { '2026-07': { sunset } } });
  const { report } = await runExporter({ document: checkOf(sandbox.url) });
  expect(report).toMatchObject({ reason: 'Succeeded', deprecated: { sunset: '2027-07-02' } });
});

test('a run that is told to end says so at once', async () => {
  const sandbox = await sandboxFor();
  sandbox.addFault({ kind: 'delay', milliseconds: 600_000, path: '/search' });
  const program = await startExporter({ document: exportOf(sandbox.url), files });
  await program.said('read 3 rows');
  program.kill('SIGTERM');
  const { report, exitCode } = await program.outcome;
  expect(report).toMatchObject({ reason: 'Interrupted', segments: [{ reason: 'NotRun', selected: 3 }] });
  expect(exitCode).toBe(exitCodes.passing);
});
