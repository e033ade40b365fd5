import type { CriteoConnection } from '../../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport } from '../../../api/generated/criteosegmentexport.ts';
import { exitCodeOf, type Report, type SegmentReport } from '../../../api/report.ts';
import type { ObservedExport } from '../../../controller/plan/export.ts';
import {
  connection,
  exportJob,
  podOf,
  report,
  segmentExport,
  settings,
  timeAt,
  token,
  withLedger,
} from '../../../controller/plan/testkit/objects.ts';
import { connectionPlan, exportPlan, observedExport } from '../../../controller/plan/testkit/plans.ts';

/*
 * Objects as the API server would give them: each with the status that the controller's own plan made of the state that
 * its name tells. The names are the rows of docs/gitops.md.
 */

const unseen = { observedGeneration: -1 };

/** The export with the status of the plan for what is seen. */
function planned(changes: Partial<ObservedExport> = {}, seconds = 90): CriteoSegmentExport {
  const seen = observedExport(changes);
  return { ...seen.export, status: exportPlan(seen, seconds).status };
}

const active = (name: string) => ({
  activeRun: { jobName: name, jobUID: `uid-of-${name}`, trigger: 'Manual' as const, generation: 1 },
});

/** An export whose run has just ended with a report. */
function ended(
  end: Partial<Report>,
  status: object = {},
  lines: Partial<SegmentReport>[] = [],
  nordic = connection(),
): CriteoSegmentExport {
  const told = report(end, ...lines);
  const state = exitCodeOf(told) === 0 ? 'succeeded' : 'failed';
  const job = exportJob({ name: 'run', state, connection: nordic });
  const object = segmentExport({ status: { ...active('run'), ...status } });
  const seen = { export: object, connection: nordic, connectionsOfJobs: [nordic] };
  return planned({ ...seen, jobs: [job], pods: [podOf(job, told)] });
}

/** The same, while the next run is at work. */
function withNextRun(resource: CriteoSegmentExport): CriteoSegmentExport {
  const job = exportJob({ name: 'next', state: 'live', created: 100 });
  const status = { ...resource.status, ...active('next') };
  return planned(
    {
      export: { ...resource, status } as CriteoSegmentExport,
      jobs: [job],
      pods: [podOf(job, { phase: 'Running' })],
    },
    120,
  );
}

const atWork = exportJob({ name: 'run', state: 'live' });
const imageMissing = {
  phase: 'Pending',
  containerStatuses: [{ name: 'exporter', state: { waiting: { reason: 'ErrImagePull' } } }],
};
const failedByUser = () => ended({ reason: 'SourceNotFound' });
const nextGeneration = <T extends CriteoSegmentExport | CriteoConnection>(resource: T): T => ({
  ...resource,
  metadata: { ...resource.metadata, generation: (resource.metadata.generation ?? 0) + 1 },
});
const used = (changes: Parameters<typeof connection>[0]) => ({ connection: connection(changes) });
const withdrawn = { dataPrivacy: { ...connection().spec.dataPrivacy, agreed: false } };

export const exportStates: Record<string, () => CriteoSegmentExport> = {
  'just applied, and not seen by the controller yet': () => segmentExport({ status: unseen }),
  'its connection does not exist': () => planned({ connection: undefined }),
  'its connection has not been checked': () => planned(used({ status: unseen })),
  "its connection's credentials were refused": () =>
    planned({ connection: checked({ reason: 'CredentialsRefused' }) }),
  'the definition cannot run: a mirror without a ledger': () =>
    planned({ export: segmentExport({ spec: { mode: 'Mirror' } }) }),
  suspended: () => planned({ export: segmentExport({ spec: { suspend: true } }) }),
  'its connection is suspended': () => planned(used({ spec: { suspend: true } })),
  "its connection's agreement was taken back": () => planned(used({ spec: withdrawn })),
  'waits for its first run': () => planned(),
  'its first run is at work': () =>
    planned({
      export: segmentExport({ status: active('run') }),
      jobs: [atWork],
      pods: [podOf(atWork, { phase: 'Running' })],
    }),
  "its run's pod does not start": () =>
    planned({
      export: segmentExport({ status: active('run') }),
      jobs: [atWork],
      pods: [podOf(atWork, imageMissing)],
    }),
  'the last run succeeded': () => ended({}),
  'the last run succeeded, and the next is at work': () => withNextRun(ended({})),
  'the last run failed by what a person mends': failedByUser,
  'the last run failed so, and the next is at work': () => withNextRun(failedByUser()),
  'the last run failed so, and the definition was changed a moment ago': () => nextGeneration(failedByUser()),
  'the last run failed so, and no run has used the changed definition yet': () =>
    planned({ export: nextGeneration(failedByUser()) }, 120),
  'some segments of the last run failed': () =>
    ended({ reason: 'SegmentsFailed' }, {}, [{ uploaded: 3, held: 3 }, { reason: 'SegmentNotFound' }]),
  'the last run failed by what passes': () => ended({ reason: 'CriteoUnavailable' }),
  'three runs in a row failed by what passes': () =>
    ended({ reason: 'CriteoUnavailable' }, { consecutiveFailures: 2 }),
  'the removal guard waits for a word': () =>
    ended(
      { reason: 'SegmentsFailed', approval: token },
      {},
      [
        { reason: 'RemovalGuard', details: { count: 900, total: 1000 }, held: 1000 },
        { uploaded: 3, held: 3 },
      ],
      connection({ spec: withLedger }),
    ),
  'a person ended the last run': () => planned({ export: segmentExport({ status: cancelled }) }),
  'being deleted': () => {
    const metadata = { finalizers: ['segmentexport.io/retire'], deletionTimestamp: timeAt(0) };
    const mirror = connection({ spec: withLedger });
    const segments = [{ criteoSegmentId: '1001', criteoName: 'Readers', advertiserId: '12345' }];
    const ledgers = [{ connection: 'nordic', connectionUID: 'connection-uid', segments }];
    return planned({
      export: segmentExport({ metadata, spec: { deletionPolicy: 'Empty' }, status: { ledgers } }),
      connection: mirror,
      connectionsOfJobs: [mirror],
      remembered: new Map([['nordic', { connection: mirror, otherRuns: 0 }]]),
    });
  },
};

/** The status that a run leaves which the annotation cancelledRun ended. */
const cancelled = {
  consecutiveFailures: 0,
  lastRun: {
    jobName: 'run',
    outcome: 'Cancelled' as const,
    reason: 'Cancelled',
    generation: 1,
    message: 'A person ended the run.',
  },
};

/** The connection with the status of the plan for it. */
function plannedConnection(object: CriteoConnection, flags = settings): CriteoConnection {
  return { ...object, status: connectionPlan({ connection: object }, 0, flags).status };
}

/** A connection whose first check has ended with a report. */
function checked(end: Partial<Report>): CriteoConnection {
  const fresh = connection({ status: unseen });
  const begun = connectionPlan({ connection: fresh });
  const create = begun.actions.find((action) => action.kind === 'CreateJob');
  if (!create) throw new Error('no check began');
  const told = report({ kind: 'Check', ...end });
  const type = exitCodeOf(told) === 0 ? 'Complete' : 'Failed';
  const job = {
    ...create.job,
    metadata: { ...create.job.metadata, creationTimestamp: timeAt(0) },
    status: { conditions: [{ type, status: 'True', reason: '', lastTransitionTime: timeAt(5) }] },
  };
  const object = { ...fresh, status: begun.status };
  const { status } = connectionPlan({ connection: object, jobs: [job], pods: [podOf(job, told)] }, 5);
  return { ...fresh, status };
}

export const connectionStates: Record<string, () => CriteoConnection> = {
  'just applied, and not seen by the controller yet': () => connection({ status: unseen }),
  'its credentials are being checked': () => plannedConnection(connection({ status: unseen })),
  'Criteo accepted the credentials': () => checked({}),
  'Criteo refused the credentials': () => checked({ reason: 'CredentialsRefused' }),
  'Criteo could not be reached': () => checked({ reason: 'CriteoUnavailable' }),
  'the definition was changed a moment ago': () => nextGeneration(checked({})),
  'its base URL is not allowed': () =>
    plannedConnection(connection({ status: unseen }), {
      ...settings,
      allowedBaseUrls: ['https://criteo.example'],
    }),
  suspended: () => plannedConnection(connection({ spec: { suspend: true }, status: unseen })),
  'its agreement was taken back': () => plannedConnection(connection({ spec: withdrawn, status: unseen })),
  'being deleted': () => ({
    ...checked({}),
    metadata: { ...connection().metadata, deletionTimestamp: timeAt(60) },
  }),
};
