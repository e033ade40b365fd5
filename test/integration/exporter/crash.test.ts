import { hash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { ExportRun, RetireRun, RunSegment } from '../../../api/rundocument.ts';
import { Life, type Run } from '../../drill/crashing.ts';
import { Criteo } from '../../drill/criteo.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { exportName, exportOf, segmentOf } from './program.ts';
import { digestOf, sandboxFor, writes } from './sandbox.ts';

/** Whom the exports' sources name, by file. */
type People = Readonly<Record<string, readonly string[]>>;

/** By name at Criteo: whom this export put in, and whom others did. */
type Expected = Readonly<Record<string, { ours: readonly string[]; foreign?: readonly string[] }>>;

interface Story {
  /** Steps at which the run is killed, one after the other, are at least so many. */
  floor: number;
  /** What others made at Criteo before. */
  others?: (criteo: Criteo) => void;
  /** Runs that end well, before the one that is killed. */
  before?: (at: At) => Run[];
  /** The last of them is stopped by the guard, and approved. */
  isApproved?: true;
  /** How many days lie between them and the one that is killed. */
  daysLater?: number;
  /** What happens by hand after these. */
  byHand?: (sandbox: Sandbox, criteo: Criteo) => Promise<void>;
  killed: (at: At, approval: string) => Run;
  /** What is run after it, in place of the same once more. */
  after?: (at: At) => Run;
  expected: Expected;
  /** How the run after it ends. */
  ends?: 'Succeeded' | 'SegmentsFailed';
}

/** Makes runs of an export, of given people and with changes of the definition. */
interface At {
  run(people: People, change?: Partial<ExportRun>): Run;
  retire(policy: RetireRun['deletionPolicy']): Run;
}

const address = (index: number): string => `person.${index}@example.com`;
const people = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => address(from + index));
const foreign = ['somebody.elses@example.com', 'another.one@example.com'];
const theirs = { advertiserId: '12345', name: 'a', description: 'by hand', identifiers: foreign };
const one = (change: Partial<RunSegment> = {}) => ({ segments: [segmentOf('a', change)] });
const two = { segments: [segmentOf('a'), segmentOf('b')] };
const unguarded = { removalGuard: { maxPercent: 100 } };
const ab = { a: people(0, 10), b: people(5, 25) };

/** Addresses that begin with a bang have taken their consent back. */
const listOf = (all: readonly string[]): string =>
  `email,ok\n${all.map((who) => (who.startsWith('!') ? `${who.slice(1)},no` : `${who},yes`)).join('\n')}\n`;

const stories: Record<string, Story> = {
  'the first fill': {
    floor: 34,
    killed: ({ run }) => run(ab, two),
    expected: { a: { ours: ab.a }, b: { ours: ab.b } },
  },
  'one comes and one goes': {
    floor: 26,
    before: ({ run }) => [run({ a: people(0, 10) })],
    killed: ({ run }) => run({ a: people(1, 11) }),
    expected: { a: { ours: people(1, 11) } },
  },
  'one comes and one goes, and both are back where they were before the next run': {
    floor: 26,
    before: ({ run }) => [run({ a: people(0, 10) })],
    killed: ({ run }) => run({ a: people(1, 11) }),
    after: ({ run }) => run({ a: people(0, 10) }),
    expected: { a: { ours: people(0, 10) } },
  },
  TakeOver: {
    floor: 26,
    others: ({ sandbox }) => sandbox.addSegment(theirs),
    killed: ({ run }) => run({ a: people(0, 10) }, one({ existing: 'TakeOver' })),
    expected: { a: { ours: people(0, 10) } },
  },
  'TakeOver, and the source is another before the next run': {
    floor: 26,
    others: ({ sandbox }) => sandbox.addSegment(theirs),
    killed: ({ run }) => run({ a: people(0, 10) }, one({ existing: 'TakeOver' })),
    after: ({ run }) => run({ a: people(5, 15) }, { ...one({ existing: 'TakeOver' }), ...unguarded }),
    expected: { a: { ours: people(5, 15) } },
  },
  'TakeOver, and the segment has left the export before the next run': {
    floor: 26,
    others: ({ sandbox }) => sandbox.addSegment({ ...theirs, name: 'b', identifiers: [] }),
    before: ({ run }) => [run({ a: people(0, 10) }, one())],
    killed: ({ run }) => run(ab, { segments: [segmentOf('a'), segmentOf('b', { existing: 'TakeOver' })] }),
    after: ({ run }) => run({ a: people(0, 10) }, { ...one(), ...unguarded, deletionPolicy: 'Delete' }),
    expected: { a: { ours: people(0, 10) }, b: { ours: [] } },
  },
  Keep: {
    floor: 22,
    others: ({ sandbox }) => sandbox.addSegment(theirs),
    killed: ({ run }) => run({ a: people(0, 10) }, one({ existing: 'Keep' })),
    expected: { a: { ours: people(0, 10), foreign } },
  },
  'changes of a kept segment': {
    floor: 26,
    others: ({ sandbox }) => sandbox.addSegment(theirs),
    before: ({ run }) => [run({ a: people(0, 10) }, one({ existing: 'Keep' }))],
    killed: ({ run }) => run({ a: people(1, 11) }, one({ existing: 'Keep' })),
    expected: { a: { ours: people(1, 11), foreign } },
  },
  'a rename': {
    floor: 22,
    before: ({ run }) => [run({ a: people(0, 10) })],
    killed: ({ run }) => run({ a: people(0, 11) }, one({ criteoName: 'Fans' })),
    expected: { Fans: { ours: people(0, 11) } },
  },
  'a rename that is taken back before the next run': {
    floor: 22,
    before: ({ run }) => [run({ a: people(0, 10) })],
    killed: ({ run }) => run({ a: people(0, 11) }, one({ criteoName: 'Fans' })),
    after: ({ run }) => run({ a: people(0, 10) }, one()),
    expected: { a: { ours: people(0, 10) } },
  },
  'the first fill, and a rename before the next run': {
    floor: 22,
    killed: ({ run }) => run({ a: people(0, 10) }, one()),
    after: ({ run }) => run({ a: people(0, 10) }, one({ criteoName: 'Fans' })),
    expected: { Fans: { ours: people(0, 10) } },
  },
  'the first fill, and the segment has left the export before the next run': {
    floor: 34,
    killed: ({ run }) => run(ab, two),
    after: ({ run }) => run({ a: ab.a }, { ...one(), ...unguarded, deletionPolicy: 'Delete' }),
    expected: { a: { ours: ab.a } },
  },
  'a segment that was deleted by hand is made again': {
    floor: 26,
    before: ({ run }) => [run({ a: people(0, 10) })],
    byHand: async (sandbox, criteo) => await criteo.deleteByHand(sandbox.segments()[0]?.id ?? ''),
    killed: ({ run }) => run({ a: people(1, 11) }),
    expected: { a: { ours: people(1, 11) } },
  },
  'a segment that has left, Retain': {
    floor: 12,
    before: ({ run }) => [run(ab, two)],
    killed: ({ run }) => run({ a: ab.a }, one()),
    expected: { a: { ours: ab.a }, b: { ours: ab.b } },
  },
  'a segment that has left, Empty': {
    floor: 22,
    before: ({ run }) => [run(ab, two)],
    killed: ({ run }) => run({ a: ab.a }, { ...one(), ...unguarded, deletionPolicy: 'Empty' }),
    expected: { a: { ours: ab.a }, b: { ours: [] } },
  },
  'a segment that has left, Empty, and is back before the next run': {
    floor: 22,
    before: ({ run }) => [run(ab, two)],
    killed: ({ run }) => run({ a: ab.a }, { ...one(), ...unguarded, deletionPolicy: 'Empty' }),
    after: ({ run }) => run(ab, two),
    expected: { a: { ours: ab.a }, b: { ours: ab.b } },
  },
  'a segment that has left, Delete': {
    floor: 18,
    before: ({ run }) => [run(ab, two)],
    killed: ({ run }) => run({ a: ab.a }, { ...one(), ...unguarded, deletionPolicy: 'Delete' }),
    expected: { a: { ours: ab.a } },
  },
  'a segment that has left, Delete, and is back before the next run': {
    floor: 18,
    before: ({ run }) => [run(ab, two)],
    killed: ({ run }) => run({ a: ab.a }, { ...one(), ...unguarded, deletionPolicy: 'Delete' }),
    after: ({ run }) => run(ab, two),
    expected: { a: { ours: ab.a }, b: { ours: ab.b } },
  },
  'a kept segment that has left, Delete': {
    floor: 24,
    others: ({ sandbox }) => sandbox.addSegment(theirs),
    before: ({ run }) => [run(ab, { segments: [segmentOf('a', { existing: 'Keep' }), segmentOf('b')] })],
    killed: ({ run }) =>
      run({ b: ab.b }, { segments: [segmentOf('b')], ...unguarded, deletionPolicy: 'Delete' }),
    expected: { a: { ours: [], foreign }, b: { ours: ab.b } },
  },
  'a removal that a person approved': {
    floor: 20,
    before: ({ run }) => [run({ a: people(0, 10) }), run({ a: people(8, 11) })],
    isApproved: true,
    killed: ({ run }, approval) => run({ a: people(8, 11) }, { approval }),
    expected: { a: { ours: people(8, 11) } },
  },
  'everything is sent again': {
    floor: 20,
    before: ({ run }) => [run({ a: people(0, 10) })],
    daysLater: 31,
    killed: ({ run }) => run({ a: people(1, 11) }),
    expected: { a: { ours: people(1, 11) } },
  },
  'mode AddOnly, and Mirror before the next run': {
    floor: 20,
    before: ({ run }) => [run({ a: people(0, 10) })],
    killed: ({ run }) => run({ a: people(5, 11) }, { mode: 'AddOnly' }),
    after: ({ run }) => run({ a: people(4, 12) }, unguarded),
    expected: { a: { ours: people(4, 12) } },
  },
  'mode Mirror, and AddOnly before the next run': {
    floor: 20,
    before: ({ run }) => [run({ a: people(0, 10) })],
    killed: ({ run }) => run({ a: people(0, 12) }),
    after: ({ run }) => run({ a: people(2, 12) }, { mode: 'AddOnly' }),
    expected: { a: { ours: people(0, 12) } },
  },
  'another advertiser, Delete': {
    floor: 30,
    others: ({ sandbox }) => {
      const advertisers = ['12345', '7'].map((id) => ({ id, name: id }));
      sandbox.putClient({ clientId: 'sandbox-client', clientSecret: 'sandbox-secret', advertisers });
    },
    before: ({ run }) => [run({ a: people(0, 10) })],
    killed: ({ run }) =>
      run({ a: people(0, 11) }, { advertiserId: '7', ...unguarded, deletionPolicy: 'Delete' }),
    expected: { a: { ours: people(0, 11) } },
  },
  'consent taken back, past the guard': {
    floor: 22,
    before: ({ run }) => [run({ a: people(0, 10) })],
    killed: ({ run }) => run({ a: [`!${address(0)}`, address(9)] }),
    expected: { a: { ours: people(1, 10) } },
    ends: 'SegmentsFailed',
  },
  'consent taken back, in a segment that has left': {
    floor: 34,
    before: ({ run }) => [run(ab, two), run({ a: ab.a }, one())],
    killed: ({ run }) => run({ a: [...people(0, 9), `!${address(9)}`] }, one()),
    expected: { a: { ours: people(0, 9) }, b: { ours: [...people(5, 9), ...people(10, 25)] } },
  },
  'a run of kind Retire, Empty': {
    floor: 50,
    others: ({ sandbox }) => sandbox.addSegment(theirs),
    before: ({ run }) => [run(ab, { segments: [segmentOf('a', { existing: 'Keep' }), segmentOf('b')] })],
    killed: ({ retire }) => retire('Empty'),
    expected: { a: { ours: [], foreign }, b: { ours: [] } },
  },
  'a run of kind Retire, Delete': {
    floor: 40,
    others: ({ sandbox }) => sandbox.addSegment(theirs),
    before: ({ run }) => [run(ab, { segments: [segmentOf('a', { existing: 'Keep' }), segmentOf('b')] })],
    killed: ({ retire }) => retire('Delete'),
    expected: { a: { ours: [], foreign } },
  },
  'the first fill, and the export is gone before the next run': {
    floor: 34,
    killed: ({ run }) => run(ab, two),
    after: ({ retire }) => retire('Delete'),
    expected: {},
  },
};

test.each(Object.entries(stories))('killed at any step, the next run puts it right: %s', async (_, story) => {
  const sandbox = await sandboxFor({ callsPerMinute: 0 });
  const directory = await mkdtemp(join(tmpdir(), 'segmentexport-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  let steps = 0;
  while (await isPutRight(story, steps + 1, sandbox, directory)) steps += 1;
  expect(steps).toBeGreaterThanOrEqual(story.floor);
});

/** Kills the story's run at one of its steps. Returns false where it has no such step. */
async function isPutRight(story: Story, step: number, sandbox: Sandbox, directory: string): Promise<boolean> {
  const at = atSandbox(sandbox);
  const criteo = new Criteo(sandbox);
  const life = new Life(directory);
  sandbox.reset();
  sandbox.setBehaviour({ callsPerMinute: 0 });
  story.others?.(criteo);
  let approval = '';
  for (const before of story.before?.(at) ?? []) {
    const report = await life.run(before);
    approval = report.approval ?? '';
    expect(report.reason).toBe(approval ? 'SegmentsFailed' : 'Succeeded');
  }
  expect(approval !== '').toBe(story.isApproved ?? false);
  life.daysLater(story.daysLater ?? 0);
  await story.byHand?.(sandbox, criteo);
  const killed = story.killed(at, approval);
  if (!(await life.runToStep(killed, step))) return false;

  const after = story.after?.(at) ?? killed;
  const { ends = 'Succeeded' } = story;
  const words = `killed at step ${step}`;
  expect(await life.run(after), words).toMatchObject({ reason: ends });
  expect(atCriteo(sandbox), words).toEqual(wanted(story.expected));
  life.daysLater(1);
  const later = await life.run(after);
  expect([later.reason, later.unsettled], words).toEqual([ends, undefined]);
  expect(atCriteo(sandbox), words).toEqual(wanted(story.expected));
  await compareLedger(story, after, life, sandbox, words);
  sandbox.clearRequests();
  expect((await life.run(after)).reason, words).toBe(ends);
  expect(writes(sandbox), words).toBe(0);
  expect(sandbox.violations(), words).toEqual([]);
  return true;
}

function atSandbox({ url }: Sandbox): At {
  const mirror = {
    mode: 'Mirror',
    ledger: { volume: {}, resyncEveryHours: 720 },
    consent: { field: 'ok', isTrue: true },
    source: { file: { path: '.', format: 'CSV', csv: { delimiter: 'Comma' } } },
    // A selection takes memory for all who may come: for a million, these thousands of runs would mostly collect it.
    maxProfiles: 1_000,
    ...one(),
  } as const;
  return {
    run: (who, change = {}) => ({
      document: exportOf(url, { ...mirror, ...change }),
      files: Object.fromEntries(Object.entries(who).map(([name, all]) => [`${name}.csv`, listOf(all)])),
    }),
    retire: (deletionPolicy) => {
      const { formatVersion, connection, api } = exportOf(url);
      const { ledger } = mirror;
      return {
        document: {
          formatVersion,
          kind: 'Retire',
          connection,
          api,
          export: exportName,
          ledger,
          deletionPolicy,
        },
        files: {},
      };
    },
  };
}

/** Names of the segments, as often as there are segments, each with a digest of who is in it. */
function atCriteo(sandbox: Sandbox): [string, string][] {
  return sandbox
    .segments()
    .map(({ name, digest }): [string, string] => [name, digest])
    .sort();
}

function wanted(expected: Expected): [string, string][] {
  return Object.entries(expected)
    .map(([name, { ours, foreign: others = [] }]): [string, string] => [name, digestOf([...ours, ...others])])
    .sort();
}

/** The ledger says what this export has at Criteo; nothing of it is left after a run of kind Retire. */
async function compareLedger(
  { expected }: Story,
  after: Run,
  life: Life,
  sandbox: Sandbox,
  words: string,
): Promise<void> {
  const { head, held } = await life.ledger(after);
  if (after.document.kind === 'Retire') {
    expect([life.home.head, life.home.sets.size], words).toEqual([undefined, 0]);
    return;
  }
  for (const { id, name } of sandbox.segments()) {
    const digests = (expected[name]?.ours ?? []).map((who) => hash('sha256', who)).sort();
    expect(held.get(id) ?? [], words).toEqual(digests);
  }
  for (const { intent, echoes } of head.entries) expect([intent, echoes], words).toEqual([undefined, []]);
}
