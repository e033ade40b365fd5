import { expect, test } from 'vitest';
import { exportTemplate } from './exporttemplate.ts';
import { connection, settings } from './testkit/objects.ts';
import { exportFrom } from './testkit/sources.ts';

interface PodSpec {
  serviceAccountName?: string;
  automountServiceAccountToken?: boolean;
  volumes: { name: string }[];
  containers: { volumeMounts: { name: string; mountPath: string; readOnly: boolean }[] }[];
}

function podOf(title: string, changes: object = {}): PodSpec {
  const input = { export: exportFrom(title, changes), connection: connection(), claimExists: true };
  const template = exportTemplate(input, settings);
  if (!template) throw new Error('the definition has no template');
  return template.spec.template.spec as unknown as PodSpec;
}

const secretOf = (secretName: string): object => ({ secretName, optional: true, defaultMode: 0o440 });
const sourceSecret = { name: 'source-credentials', secret: secretOf('reader') };
const sourceCa = {
  name: 'source-ca',
  secret: { ...secretOf('warehouse-ca'), items: [{ key: 'ca.crt', path: 'ca.crt' }] },
};
const tokenFor = (audience: string): object => ({
  name: 'identity',
  projected: {
    defaultMode: 0o440,
    sources: [{ serviceAccountToken: { audience, expirationSeconds: 3600, path: 'token' } }],
  },
});
const ofAzure = 'api://AzureADTokenExchange';

test.each<[string, object[]]>([
  [
    'file with a column of segments',
    [{ name: 'source', persistentVolumeClaim: { claimName: 'people', readOnly: true } }],
  ],
  ['s3 with keys', [sourceSecret]],
  ['s3 with a role', [tokenFor('sts.amazonaws.com')]],
  ['azureBlob with a SAS token', [sourceSecret]],
  ['azureBlob of Customer Insights', [tokenFor(ofAzure)]],
  ['postgresql with a query', [sourceSecret]],
  ['postgresql with a table and a CA', [sourceSecret, sourceCa]],
  ['customerInsights with a secret', [sourceSecret]],
  ['customerInsights with an identity', [tokenFor(ofAzure)]],
])('the pod of %s has mounted what its source needs, and nothing else', (title, volumes) => {
  const pod = podOf(title);
  expect(pod.volumes.slice(0, 2).map(({ name }) => name)).toEqual(['run', 'credentials']);
  expect(pod.volumes.slice(2)).toEqual(volumes);
  const mounts = pod.containers[0]?.volumeMounts ?? [];
  expect(mounts.every(({ readOnly }) => readOnly)).toBe(true);
  expect(mounts.map(({ name }) => name)).toEqual(pod.volumes.map(({ name }) => name));
});

test('a pod finds them where the exporter looks', () => {
  const paths = ['postgresql with a table and a CA', 's3 with a role'].flatMap((title) =>
    podOf(title).containers.flatMap(({ volumeMounts }) => volumeMounts.map(({ mountPath }) => mountPath)),
  );
  expect(paths).toContain('/run/segmentexport/source-credentials');
  expect(paths).toContain('/run/segmentexport/source-ca');
  expect(paths).toContain('/run/segmentexport/identity');
});

test('a service account is the pod’s, with or without a use for it, and never gives it a token for the API server', () => {
  const job = { activeDeadlineSeconds: 60, serviceAccountName: 'crm-exports' };
  for (const pod of [podOf('s3 with a role'), podOf('s3 with keys', { job })]) {
    expect(pod).toMatchObject({ serviceAccountName: 'crm-exports', automountServiceAccountToken: false });
  }
  expect(podOf('s3 with keys')).not.toHaveProperty('serviceAccountName');
});
