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
  await ground.kubectl(['delete', 'configmap', name, '--namespace', namespace, '--ignore-not-found']);
  // Not with apply: its annotation of the last configuration would exceed what an object may hold.
  await ground.kubectl(['create', '-f', '-'], JSON.stringify(configMap));
  await runWithClaim(ground, namespace, claimName, copyScript, { from: { configMap: { name } } });
  await ground.kubectl(['delete', 'configmap', name, '--namespace', namespace]);
}

/**
 * Runs a script of Node's in a pod that has the claim at /to: for files that are larger
 * than a ConfigMap takes, made where they are needed.
 * @param volumes further ones, by the directory at which they are mounted.
 */
export async function runWithClaim(
  ground: Ground,
  namespace: string,
  claimName: string,
  script: string,
  volumes: Readonly<Record<string, object>> = {},
): Promise<void> {
  const name = `fill-${claimName}`;
  const inNamespace = ['--namespace', namespace];
  await ground.kubectl(['delete', 'job', name, ...inNamespace, '--ignore-not-found']);
  const all = { ...volumes, to: { persistentVolumeClaim: { claimName } } };
  await ground.kubectl(
    ['create', '-f', '-'],
    JSON.stringify(scriptJob(ground, namespace, name, script, all)),
  );
  await ground.kubectl(['wait', '--for=condition=Complete', `job/${name}`, ...inNamespace, '--timeout=120s']);
  await ground.kubectl(['delete', 'job', name, ...inNamespace]);
}

// ConfigMap files are links into a directory of the mount; the copies are plain files.
const copyScript = `
const fs = require('node:fs');
for (const name of fs.readdirSync('/from')) {
  if (!name.startsWith('..')) fs.copyFileSync('/from/' + name, '/to/' + name);
}`;

function scriptJob(
  ground: Ground,
  namespace: string,
  name: string,
  script: string,
  volumes: Readonly<Record<string, object>>,
): object {
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
              volumeMounts: Object.keys(volumes).map((volume) => ({ name: volume, mountPath: `/${volume}` })),
            },
          ],
          volumes: Object.entries(volumes).map(([volume, source]) => ({ name: volume, ...source })),
        },
      },
    },
  };
}
