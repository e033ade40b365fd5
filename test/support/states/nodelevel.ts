import { beforeRun } from '../../integration/states/beforerun.ts';
import { connections } from '../../integration/states/connections.ts';
import { runs } from '../../integration/states/runs.ts';
import type { StoryTable } from '../../integration/states/teller.ts';

/*
 * What the tests with a real node make of the rows of docs/states.md: each is told by its story in
 * test/e2e/states.test.ts, or befalls a pod in test/e2e/badtimes.test.ts, or is named here with the reason why not.
 */

/** Of test/e2e/badtimes.test.ts: what befalls them is done to a node, or to pods that it runs. */
export const hardships = {
  Runs: ['three runs in a row failed by what passes'],
  'Bad times': [
    "the run's pod does not start",
    'its pod ran out of memory',
    'its pod was evicted: another took its place',
    'its Job was deleted by hand in mid-run',
    'its node is lost',
    'its node was given up: another pod took its place',
    'its pod left no report',
    'it took longer than activeDeadlineSeconds',
  ],
} as const;

export type Hardship = (typeof hardships)[keyof typeof hardships][number];

const withoutController =
  'It is to be seen only while no controller runs, and the one on the node serves all other rows meanwhile.';

/** Rows with pods that no test reaches on a node, and why. */
export const leftOut: Record<string, Record<string, string>> = {
  Runs: {
    'the last run failed so, and the definition was changed a moment ago': withoutController,
    'the last run failed by what passes':
      "Each of a run's four pods gives Criteo three minutes to be well again; the integration tests make that seconds.",
  },
  'Bad times': {
    'its report was cut off': 'A kubelet cuts at 4096 bytes, and no report is that long.',
  },
  Connections: {
    'just applied, and not seen by the controller yet': withoutController,
    'the definition was changed a moment ago': withoutController,
    'its base URL is not allowed':
      'Where the controller is installed as a whole, a policy of its refuses such a connection when it is applied.',
  },
};

/** Rows that tell nothing of a pod: the check of their connection, where there is one, has ended well. */
export const withoutPods: Record<string, readonly string[]> = {
  'Before a run': [
    'just applied, and not seen by the controller yet',
    'its connection does not exist (yet)',
    'its volume claim does not exist (yet)',
    'the CronJob of its runAfter does not exist (yet)',
    'it cannot run: a mirror without a ledger',
    'its cron expression never fires',
    'it names what the installation does not allow: a priority class',
    'Kubernetes refuses its CronJob or Job: a quota, a policy',
    'stored under another version of the CRD, and unreadable',
    'usable, without a schedule',
    'usable, with a schedule',
    'suspended',
    'its connection is suspended',
    "its connection's agreement was taken back",
    'its connection was deleted',
  ],
};

/** Names of rows that have another place than test/e2e/states.test.ts, by the heading of their table. */
export function elsewhere(heading: string): string[] {
  const befallen: Record<string, readonly string[]> = hardships;
  return [
    ...(befallen[heading] ?? []),
    ...Object.keys(leftOut[heading] ?? {}),
    ...(withoutPods[heading] ?? []),
  ];
}

const tables: StoryTable[] = [
  ['Before a run', 'CriteoSegmentExport', beforeRun],
  ['Runs', 'CriteoSegmentExport', runs],
  ['Connections', 'CriteoConnection', connections],
];

/** Of test/e2e/states.test.ts: all stories but those that have another place. */
export const toldOnNode: StoryTable[] = tables.map(([heading, kind, stories]) => {
  const others = elsewhere(heading);
  return [
    heading,
    kind,
    Object.fromEntries(Object.entries(stories).filter(([name]) => !others.includes(name))),
  ];
});
