import { describe, expect, test } from 'vitest';
import type { CriteoSegmentExportSpec } from '../../api/generated/criteosegmentexport.ts';
import { labels } from '../../api/names.ts';
import { exportTemplate } from './exporttemplate.ts';
import { allowedJobFields, isReservedLabel, jobFieldFault } from './jobfields.ts';
import { retireJob } from './retirejob.ts';
import type { Settings } from './settings.ts';
import { connection, segmentExport, settings, withLedger } from './testkit/objects.ts';

type Job = NonNullable<CriteoSegmentExportSpec['job']>;

const lists: Settings = {
  ...settings,
  allowedJobLabels: ['team', 'example.com/'],
  allowedPriorityClasses: ['batch-low'],
  allowedTolerations: ['batch'],
};
const job = (fields: Partial<Job>): Job => ({ activeDeadlineSeconds: 60, ...fields });
const allowed = job({
  labels: { team: 'crm', 'example.com/cost': '7' },
  priorityClassName: 'batch-low',
  tolerations: [{ key: 'batch', operator: 'Exists', effect: 'NoSchedule' }],
});

describe('what spec.job puts on pods', () => {
  test('is used where the lists have it; nothing is no fault', () => {
    expect(jobFieldFault(allowed, lists)).toBeUndefined();
    expect(jobFieldFault(undefined, settings)).toBeUndefined();
    expect(jobFieldFault(job({ labels: {}, tolerations: [] }), settings)).toBeUndefined();
  });

  test.each<[string, Partial<Job>, string]>([
    [
      'a label',
      { labels: { app: 'payments' } },
      'spec.job.labels: "app" is not allowed; remove it, or have it added with --allowed-job-label by whoever runs the controller. Allowed now: team, example.com/.',
    ],
    ['a label that begins as one', { labels: { 'team.other': 'x' } }, 'spec.job.labels: "team.other" is'],
    ['a domain that ends as one', { labels: { 'other.example.com/a': 'x' } }, '"other.example.com/a" is not'],
    [
      'a label of ours',
      { labels: { 'app.kubernetes.io/managed-by': 'me' } },
      'spec.job.labels: "app.kubernetes.io/managed-by" is a label of Kubernetes\' own or of the controller\'s, and nobody can allow it; remove it.',
    ],
    [
      'a priority class',
      { priorityClassName: 'system-node-critical' },
      'spec.job.priorityClassName: "system-node-critical" is not allowed; remove it, or have it added with --allowed-priority-class by whoever runs the controller. Allowed now: batch-low.',
    ],
    [
      'a taint',
      { tolerations: [{ key: 'batch' }, { key: 'gpu' }] },
      'spec.job.tolerations[1].key: "gpu" is not allowed; remove it, or have it added with --allowed-toleration by whoever runs the controller. Allowed now: batch.',
    ],
    [
      'every taint',
      { tolerations: [{ operator: 'Exists' }] },
      'spec.job.tolerations[0]: it has no key, and tolerates every taint; name the key of one that --allowed-toleration lists. Allowed now: batch.',
    ],
    [
      'every taint, by an empty key',
      { tolerations: [{ key: '' }] },
      'spec.job.tolerations[0]: it has no key',
    ],
  ])('%s that no list has is refused by its name', (_, fields, message) => {
    const fault = jobFieldFault(job(fields), lists);
    expect(fault).toMatchObject({ status: 'False', reason: 'JobFieldNotAllowed', progress: 'Stalled' });
    expect(fault?.message).toContain(message);
  });

  test('says so where nothing is allowed', () => {
    const fault = jobFieldFault(job({ labels: { team: 'crm' } }), settings);
    expect(fault?.message).toMatch(/ None is allowed now\.$/);
  });
});

test.each([
  ...[
    'segmentexport.io/',
    'segmentexport.io/export-uid',
    'a.segmentexport.io/x',
    'job-name',
    'controller-uid',
  ],
  ...[
    'kubernetes.io/',
    'batch.kubernetes.io/job-name',
    'pod-security.kubernetes.io/enforce',
    'x-k8s.k8s.io/a',
  ],
  ...[labels.managedBy, labels.partOf, 'app.kubernetes.io/'],
])('no list gives %s away', (key) => {
  expect(isReservedLabel(key)).toBe(true);
  const open = { ...lists, allowedJobLabels: [key, key.slice(0, key.indexOf('/') + 1)] };
  expect(allowedJobFields(job({ labels: { [key]: 'x' } }), open)).toEqual({});
});

test.each(['team', 'example.com/', 'notkubernetes.io/a', 'app.kubernetes.io/component'])(
  '%s may be given away',
  (key) => expect(isReservedLabel(key)).toBe(false),
);

describe('pods of', () => {
  const used = connection({ spec: withLedger });
  const podsOf = (fields: Job, of = lists) => {
    const resource = segmentExport({ spec: { job: fields } });
    const run = exportTemplate({ export: resource, connection: used, claimExists: true }, of);
    const retirement = retireJob(resource, used, { attempt: 1, activeDeadlineSeconds: 60 }, of);
    return { run, pods: [run?.spec.template, retirement?.spec.template] };
  };

  test('runs and retirements have what is allowed; the Jobs themselves have our labels alone', () => {
    const { run, pods } = podsOf(allowed);
    for (const pod of pods) {
      expect(pod?.metadata?.labels).toMatchObject({ ...allowed.labels, [labels.exportUid]: 'export-uid' });
      expect(pod?.spec).toMatchObject({ tolerations: allowed.tolerations, priorityClassName: 'batch-low' });
    }
    expect(Object.keys(run?.metadata.labels ?? {})).not.toContain('team');
    expect(run?.hash).not.toBe(podsOf(job({})).run?.hash);
  });

  test('a definition that nobody checks any more, as of an export that is deleted, have no more than that', () => {
    const { pods } = podsOf(allowed, settings);
    expect(pods).toEqual(podsOf(job({}), settings).pods);
  });
});
