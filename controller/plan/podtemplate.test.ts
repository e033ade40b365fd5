import { expect, test } from 'vitest';
import { paths } from '../../api/names.ts';
import type { RunDocument } from '../../api/rundocument.ts';
import { jobSpec } from './jobspec.ts';
import { podTemplate } from './podtemplate.ts';
import { settings } from './testkit/objects.ts';

const run: RunDocument = {
  formatVersion: 1,
  kind: 'Check',
  connection: { namespace: 'shop', name: 'nordic', uid: 'u' },
  api: { baseUrl: 'https://api.criteo.com', version: '2026-07' },
};
const request = { run, credentialsSecret: 'criteo-nordic', sourceClaim: 'people', labels: {} };
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
