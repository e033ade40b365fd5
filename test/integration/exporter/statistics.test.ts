import { expect, test } from 'vitest';
import type { Fault } from '../../sandbox/sandbox.ts';
import { exportOf, runExporter, segmentOf } from './program.ts';
import { sandboxFor } from './sandbox.ts';

const files = {
  'people.csv': 'segment;email\na;anna@example.com\na;berit@example.com\nb;chris@example.com\n',
};
const path = '/contact-list/statistics$';

/** A run of the segments a and b at a sandbox with faults; how often it asked for statistics comes with its end. */
async function runOfTwo(options: { faults?: Fault[]; callsPerMinute?: number; plan?: true } = {}) {
  const { faults = [], callsPerMinute = 250, ...changes } = options;
  const sandbox = await sandboxFor({ callsPerMinute });
  for (const fault of faults) sandbox.addFault(fault);
  const source = {
    file: {
      path: 'people.csv',
      format: 'CSV' as const,
      csv: { delimiter: 'Semicolon' as const },
      segmentField: 'segment',
    },
  };
  const document = exportOf(sandbox.url, { segments: [segmentOf('a'), segmentOf('b')], source, ...changes });
  const { report, exitCode, output } = await runExporter({ document, files });
  const asked = sandbox.requests().filter((request) => request.path.endsWith('/statistics')).length;
  return { exitCode, report, output, asked, told: report?.segments?.map(({ statistics }) => statistics) };
}

test('a run tells what Criteo counts in each segment at its end', async () => {
  const { told, exitCode } = await runOfTwo();
  expect(exitCode).toBe(0);
  expect(told).toEqual([
    { numberOfIdentifiers: 2, numberOfMatches: 1 },
    { numberOfIdentifiers: 1, numberOfMatches: 0 },
  ]);
});

test('a plan asks for none', async () => {
  const { asked, report } = await runOfTwo({ plan: true });
  expect(report).toMatchObject({ plan: true, reason: 'Succeeded' });
  expect(asked).toBe(0);
});

test.each<[string, Fault, number]>([
  ['fails', { kind: 'status', status: 500, path, times: 'always' }, 1],
  ['gets no reply', { kind: 'resetBefore', path, times: 'always' }, 1],
  ['is over the rate limit', { kind: 'status', status: 429, path, resetSeconds: 30, times: 'always' }, 1],
  ['is refused', { kind: 'status', status: 404, path, times: 'always' }, 2],
  [
    'tells nonsense',
    {
      kind: 'raw',
      status: 200,
      body: '{"data":{"attributes":{"numberOfMatches":-1}}}',
      path,
      times: 'always',
    },
    2,
  ],
])(
  'statistics whose call %s change nothing of the run, and are neither tried again nor waited for',
  async (_, fault, calls) => {
    const { told, asked, exitCode, report } = await runOfTwo({ faults: [fault] });
    expect(exitCode).toBe(0);
    expect(report).toMatchObject({ reason: 'Succeeded', throttledMs: 0 });
    expect(told).toEqual([undefined, undefined]);
    expect(asked).toBe(calls);
  },
);

test('statistics are not asked for where the account has no call left', async () => {
  const { report: whole } = await runOfTwo();
  // Without the token, which does not count, and without the two calls for the statistics.
  const { told, asked, report } = await runOfTwo({ callsPerMinute: (whole?.calls ?? 0) - 3 });
  expect(report).toMatchObject({ reason: 'Succeeded', throttledMs: 0 });
  expect(asked).toBe(0);
  expect(told).toEqual([undefined, undefined]);
});
