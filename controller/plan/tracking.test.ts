import { expect, test } from 'vitest';
import { annotations } from '../../api/names.ts';
import type { Action } from './action.ts';
import { connection, requested, segmentExport, timeAt, withLedger } from './testkit/objects.ts';
import { connectionPlan, exportPlan, observedExport } from './testkit/plans.ts';

/** By these a GitOps tool knows what it made; what has them and is not in git, it removes. */
const tracking = {
  labels: {
    'app.kubernetes.io/instance': 'criteo-exports',
    'argocd.argoproj.io/instance': 'criteo-exports',
    'kustomize.toolkit.fluxcd.io/name': 'criteo-exports',
    'kustomize.toolkit.fluxcd.io/namespace': 'flux-system',
    team: 'crm',
  },
  annotations: {
    'argocd.argoproj.io/tracking-id': 'criteo-exports:segmentexport.io/CriteoSegmentExport:shop/newsletter',
    'argocd.argoproj.io/sync-wave': '1',
    'kustomize.toolkit.fluxcd.io/prune': 'enabled',
    'kubectl.kubernetes.io/last-applied-configuration': '{}',
  },
};
const used = connection({ spec: withLedger, metadata: tracking });
const schedule = { cron: '0 4 * * *', timeZone: 'Etc/UTC', jitterSeconds: 0, startingDeadlineSeconds: 3600 };
const tracked = (asked: Record<string, string>, more: object = {}) => ({
  ...tracking,
  annotations: { ...tracking.annotations, ...asked },
  ...more,
});

/** What the actions write: CronJobs, Jobs of every kind, claims; pods are in their templates. */
function written(actions: readonly Action[]): object[] {
  return actions.flatMap((action) => [
    ...('cronJob' in action ? [action.cronJob] : []),
    ...(action.kind === 'CreateJob' ? [action.job] : []),
    ...('claim' in action ? [action.claim] : []),
  ]);
}

const fresh = connection({ spec: withLedger, metadata: tracking, status: { observedGeneration: -1 } });
const ledgers = [
  {
    connection: 'nordic',
    connectionUID: 'connection-uid',
    segments: [{ criteoSegmentId: '1001', criteoName: 'Readers', advertiserId: '12345' }],
  },
];
const see = (metadata: object, spec: object = {}, status: object = { observedGeneration: -1 }) =>
  observedExport({
    export: segmentExport({ metadata, spec, status }),
    connection: used,
    connectionsOfJobs: [used],
    remembered: new Map([['nordic', { connection: used, otherRuns: 0 }]]),
  });

test.each<[string, () => readonly Action[], number]>([
  ['an export', () => exportPlan(see(tracking, { schedule })).actions, 1],
  [
    'an export that is to run',
    () =>
      exportPlan(see(tracked({ ...(requested(timeAt(0)) as { annotations: object }).annotations })), 1)
        .actions,
    2,
  ],
  [
    'an export of which a plan is asked',
    () => exportPlan(see(tracked({ [annotations.planRequestedAt]: timeAt(0) })), 1).actions,
    2,
  ],
  [
    'an export that is deleted',
    () =>
      exportPlan(
        see(
          tracked({}, { finalizers: ['segmentexport.io/retire'], deletionTimestamp: timeAt(0) }),
          { deletionPolicy: 'Empty' },
          { ledgers },
        ),
        1,
      ).actions,
    1,
  ],
  ['a connection with a ledger', () => connectionPlan({ connection: fresh }).actions, 2],
])(
  'what is made for %s carries nothing by which a GitOps tool would take it for its own',
  (_, plan, count) => {
    const children = written(plan());
    expect(children).toHaveLength(count);
    const text = JSON.stringify(children);
    for (const key of [...Object.keys(tracking.labels), ...Object.keys(tracking.annotations)]) {
      expect(text).not.toContain(`"${key}"`);
    }
    for (const value of Object.values(tracking.labels)) expect(text).not.toContain(`"${value}"`);
  },
);
