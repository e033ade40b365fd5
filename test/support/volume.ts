import type { Ground } from './stack.ts';

/**
 * Puts files into a claim, as a user's other tool would: a Job with the claim
 * mounted for writing, the files handed to it in a ConfigMap (1 MiB at most).
 */
export async function fillClaim(
  ground: Ground,
  namespace: string,
  claimName: string,
  files: Readonly<Record<string, Uint8Array>>,
): Promise<void> {
  const name = `fill-${claimName}`;
  const binaryData = Object.fromEntries(
    Object.entries(files).map(([file, bytes]) => [file, Buffer.from(bytes).toString('base64')]),
  );
  const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, binaryData };
  const list = {
    apiVersion: 'v1',
    kind: 'List',
    items: [configMap, fillJob(ground, namespace, name, claimName)],
  };
  await ground.kubectl(['delete', 'job,configmap', name, '--namespace', namespace, '--ignore-not-found']);
  // Not with apply: its annotation of the last configuration would exceed what an object may hold.
  await ground.kubectl(['create', '-f', '-'], JSON.stringify(list));
  await ground.kubectl([
    'wait',
    '--for=condition=Complete',
    `job/${name}`,
    '--namespace',
    namespace,
    '--timeout=120s',
  ]);
  await ground.kubectl(['delete', 'job,configmap', name, '--namespace', namespace]);
}

// ConfigMap files are links into a directory of the mount; the copies are plain files.
const script = `
const fs = require('node:fs');
for (const name of fs.readdirSync('/from')) {
  if (!name.startsWith('..')) fs.copyFileSync('/from/' + name, '/to/' + name);
}`;

function fillJob(ground: Ground, namespace: string, name: string, claimName: string): object {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace },
    spec: {
      backoffLimit: 2,
      template: {
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 65532,
            fsGroup: 65532,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [
            {
              name: 'fill',
              image: ground.image,
              imagePullPolicy: 'IfNotPresent',
              command: ['node', '-e', script],
              securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
              volumeMounts: [
                { name: 'from', mountPath: '/from' },
                { name: 'to', mountPath: '/to' },
              ],
            },
          ],
          volumes: [
            { name: 'from', configMap: { name } },
            { name: 'to', persistentVolumeClaim: { claimName } },
          ],
        },
      },
    },
  };
}
