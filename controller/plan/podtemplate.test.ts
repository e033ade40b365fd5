import { describe, expect, test } from 'vitest';
import { labels, paths } from '../../api/names.ts';
import type { RunDocument } from '../../api/rundocument.ts';
import { jobSpec } from './jobspec.ts';
import type { LedgerMount } from './ledger.ts';
import { podTemplate } from './podtemplate.ts';
import { settings } from './testkit/objects.ts';

const run: RunDocument = {
  formatVersion: 1,
  kind: 'Check',
  connection: { namespace: 'shop', name: 'nordic', uid: 'u' },
  api: { baseUrl: 'https://api.criteo.com', version: '2026-07' },
};
const request = { run, credentialsSecret: 'criteo-nordic', source: { claim: 'people' }, labels: {} };
const { spec } = podTemplate(request, { ...settings, caBundleConfigMap: 'roots' });
const [container] = spec.containers as {
  securityContext: object;
  env: object[];
  volumeMounts: { readOnly: boolean; mountPath: string }[];
}[];

test('a pod has no token, no rights and nothing to write to', () => {
  expect(spec).toMatchObject({
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    restartPolicy: 'Never',
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
  });
  expect(spec).not.toHaveProperty('serviceAccountName');
  expect(container?.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  expect(container?.volumeMounts.every(({ readOnly }) => readOnly)).toBe(true);
});

test('a missing Secret or bundle does not keep it from starting, and the claim is not written to', () => {
  expect(spec.volumes).toMatchObject([
    { name: 'run' },
    { name: 'credentials', secret: { secretName: 'criteo-nordic', optional: true } },
    { name: 'source', persistentVolumeClaim: { claimName: 'people', readOnly: true } },
    { name: 'ca', configMap: { name: 'roots', optional: true } },
  ]);
  expect(container?.volumeMounts.map(({ mountPath }) => mountPath)).toContain(paths.credentials);
});

describe('a ledger', () => {
  const labelled = { ...request, labels: { [labels.connectionUid]: 'u', [labels.runKind]: 'Export' } };
  const podWith = (ledger: LedgerMount) => podTemplate({ ...labelled, ledger }, settings).spec;

  test('on a volume is the one thing that can be written to', () => {
    const pod = podWith({ claimName: 'nordic-ledger', oneNode: false });
    expect(pod.volumes).toContainEqual({
      name: 'ledger',
      persistentVolumeClaim: { claimName: 'nordic-ledger' },
    });
    const [{ volumeMounts } = { volumeMounts: [] }] = pod.containers as { volumeMounts: object[] }[];
    expect(volumeMounts).toContainEqual({ name: 'ledger', mountPath: paths.ledger, readOnly: false });
    expect(volumeMounts.filter((mount) => !('readOnly' in mount && mount.readOnly))).toHaveLength(1);
    expect(pod).not.toHaveProperty('affinity');
  });

  test('on a volume of one node keeps the runs of its connection together, and no check', () => {
    const { affinity } = podWith({ claimName: 'nordic-ledger', oneNode: true });
    expect(affinity).toEqual({
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          {
            topologyKey: 'kubernetes.io/hostname',
            labelSelector: {
              matchLabels: { [labels.connectionUid]: 'u' },
              matchExpressions: [{ key: labels.runKind, operator: 'In', values: ['Export', 'Retire'] }],
            },
          },
        ],
      },
    });
  });

  test('in an object store brings its Secret, which may be missing', () => {
    const pod = podWith({ credentialsSecret: 'store' });
    expect(pod.volumes).toContainEqual({
      name: 'ledger-credentials',
      secret: { secretName: 'store', optional: true, defaultMode: 0o440 },
    });
    expect(pod).not.toHaveProperty('affinity');
  });
});

test('the environment holds the proxy, and no secret', () => {
  const { spec: proxied } = podTemplate(request, { ...settings, proxy: { https: 'http://proxy:3128' } });
  expect(JSON.stringify(proxied)).toContain('{"name":"HTTPS_PROXY","value":"http://proxy:3128"}');
  expect(JSON.stringify(proxied)).not.toContain('secretKeyRef');
});

test('a Job does not repeat what a person must mend, and counts no drained pod', () => {
  const job = jobSpec({ spec: {} }, { backoffLimit: 3, activeDeadlineSeconds: 60, held: true });
  expect(job).toMatchObject({
    suspend: true,
    backoffLimit: 3,
    activeDeadlineSeconds: 60,
    podReplacementPolicy: 'Failed',
  });
  expect(job.podFailurePolicy).toMatchObject({
    rules: [{ action: 'FailJob', onExitCodes: { values: [10, 20, 40, 50] } }, { action: 'Ignore' }],
  });
});
