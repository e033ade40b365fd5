import { describe, expect, test } from 'vitest';
import type { CriteoSegmentExportStatus } from '../../api/generated/criteosegmentexport.ts';
import type { Report, SegmentReport } from '../../api/report.ts';
import { endedRun } from './endedrun.ts';
import { isSeenByCheck, runResult } from './runresult.ts';
import { at, connection, exportJob, podOf, report, timeAt, withLedger } from './testkit/objects.ts';

const mirror = connection({ spec: withLedger });

/** What status makes of a run of two segments, readers and lapsed. */
function result(
  end: Partial<Report>,
  lines: Partial<SegmentReport>[],
  before: Partial<CriteoSegmentExportStatus> = {},
  used = mirror,
) {
  const job = exportJob({ connection: used, state: end.reason === undefined ? 'succeeded' : 'failed' });
  const active = { jobName: 'by-hand', jobUID: 'uid-of-by-hand', trigger: 'Manual' as const };
  const pods = [podOf(job, report(end, ...lines))];
  const ended = endedRun(active, { jobs: [job], pods, connection: used }, () => undefined);
  if (!ended) throw new Error('it has not ended');
  return runResult(ended, before, at(90));
}

describe('a run that succeeded says', () => {
  test.each<[string, Partial<Report>, Partial<SegmentReport>[], string]>([
    [
      'what Criteo holds, and what changed',
      {},
      [
        { held: 18_000, uploaded: 12 },
        { held: 213, removed: 3 },
      ],
      'Criteo holds 18213 profiles in 2 segments; 12 were added and 3 removed.',
    ],
    [
      'that nothing had changed',
      {},
      [{ held: 5 }, { held: 6 }],
      'Criteo holds 11 profiles in 2 segments; nothing had changed.',
    ],
    [
      'what is sent again, and what left the export',
      { unsettled: 7, retired: { total: 1, list: [] } },
      [{ held: 5, refused: 2 }, {}],
      'Criteo holds 5 profiles in 2 segments; nothing had changed. It called 2 more invalid. What left the export (1 segment) is in status.retired. 7 identifiers are sent again by a later run.',
    ],
  ])('%s', (_, end, lines, message) => {
    expect(result(end, lines).summary.message).toBe(message);
  });

  test('what it cost of the account\u2019s rate limit, and what Criteo counts, where it told', () => {
    const statistics = { numberOfIdentifiers: 9, numberOfMatches: 4 };
    const { summary, segments } = result({ calls: 17, throttledMs: 40_600 }, [{ statistics }, {}]);
    expect(summary).toMatchObject({ criteoCalls: 17, throttledSeconds: 41 });
    expect(segments[0]).toMatchObject({ statistics });
    expect(segments[1]).not.toHaveProperty('statistics');
  });

  test('without a ledger, what Criteo acknowledged', () => {
    const { summary } = result({}, [{ uploaded: 5, held: 5 }, {}], {}, connection());
    expect(summary.message).toBe('Criteo acknowledged 5 profiles in 2 segments.');
    expect(summary.profiles).toMatchObject({ uploaded: 5, held: 5 });
  });
});

describe('what Criteo holds', () => {
  const before: Partial<CriteoSegmentExportStatus> = {
    segments: [
      {
        name: 'readers',
        criteoName: 'readers',
        criteoSegmentId: '1001',
        outcome: 'Succeeded',
        reason: 'Succeeded',
        held: 100,
      },
      { name: 'lapsed', criteoName: 'Other name', outcome: 'Succeeded', reason: 'Succeeded', held: 7 },
    ],
  };

  test('is still known of a segment that the run did not come to', () => {
    const { segments, summary } = result(
      { reason: 'SourceNotFound' },
      [{ reason: 'NotRun' }, { held: 9 }],
      before,
    );
    expect(segments[0]).toMatchObject({ outcome: 'NotRun', held: 100, criteoSegmentId: '1001' });
    expect(summary.profiles?.held).toBe(109);
  });

  test('is not known as a whole where it is not known of one', () => {
    const lines = [{ reason: 'NotRun' as const }, { reason: 'NotRun' as const }];
    const { segments, summary } = result({ reason: 'SourceNotFound' }, lines, before);
    expect(segments[1]).not.toHaveProperty('held');
    expect(summary.profiles).not.toHaveProperty('held');
  });
});

describe('of the source a run tells', () => {
  const lines = [
    { read: 10, malformed: 2, invalid: 1, selected: 7, sourceWrittenAt: at(-3600) },
    { read: 5, malformed: 1, selected: 4 },
  ];

  test('when the data of a segment was written, where the source says it', () => {
    const { segments } = result({}, lines);
    expect(segments[0]?.sourceWrittenAt).toBe(timeAt(-3600));
    expect(segments[1]).not.toHaveProperty('sourceWrittenAt');
  });

  test('no time that the API server would refuse', () => {
    const { segments } = result({}, [{ sourceWrittenAt: 9_000_000_000_000_000 }, {}]);
    expect(segments[0]).not.toHaveProperty('sourceWrittenAt');
  });

  test('the rows that could not be read, those of no known segment among them', () => {
    const { segments, summary } = result({ malformed: 4 }, lines);
    expect(segments.map(({ malformed }) => malformed)).toEqual([2, 1]);
    expect(summary.profiles).toMatchObject({ read: 19, malformed: 7, invalid: 1, selected: 11 });
  });
});

test('a segment that left the export is named by what status knew of it', () => {
  const line = { policy: 'Delete' as const, advertiserId: '12345', removed: 0, held: 40 };
  const retired = {
    total: 1,
    list: [{ ...line, criteoSegmentId: '1003', reason: 'RemovalGuard' as const }],
  };
  const ledgers = [
    { connection: 'nordic', segments: [{ criteoSegmentId: '1003', criteoName: 'Summer 2025' }] },
  ];
  const end = { reason: 'SegmentsFailed' as const, retired, approval: '0123456789abcdef' };
  const { summary, approval, retired: told } = result(end, [{}, {}], { ledgers });
  expect(told).toMatchObject([{ criteoName: 'Summer 2025', outcome: 'Failed', held: 40 }]);
  expect(summary.message).toContain('1 of 1 segments that left the export failed: 40 of 40 identifiers');
  expect(approval?.message).toContain('from the segment "Summer 2025"');
});

test('the faults that a check of the connection would find are those of the credentials, and of a store', () => {
  const s3 = { region: 'eu', bucket: 'ledgers', credentialsSecretRef: { name: 'store' } };
  expect(isSeenByCheck('CredentialsRefused', mirror)).toBe(true);
  expect(isSeenByCheck('SourceNotFound', mirror)).toBe(false);
  expect(isSeenByCheck('LedgerForbidden', mirror)).toBe(false);
  expect(isSeenByCheck('LedgerForbidden', connection({ spec: { ledger: { s3 } } }))).toBe(true);
});
