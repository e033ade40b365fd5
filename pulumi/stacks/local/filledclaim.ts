import * as k8s from '@pulumi/kubernetes';
import type * as pulumi from '@pulumi/pulumi';

export interface FilledClaimArgs {
  namespace: pulumi.Input<string>;
  /** The controller's own image: it has Node, and the nodes have it. */
  image: string;
  /** By name; 1 MiB at most, which is what a ConfigMap holds. */
  files: Readonly<Record<string, Uint8Array>>;
}

/** A volume claim with files in it: a Job copies them from a ConfigMap. In real life another program writes the list. */
export function filledClaim(
  name: string,
  { namespace, image, files }: FilledClaimArgs,
): k8s.core.v1.PersistentVolumeClaim {
  const claim = new k8s.core.v1.PersistentVolumeClaim(name, {
    metadata: { name, namespace },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '100Mi' } } },
  });
  const binaryData = Object.fromEntries(
    Object.entries(files).map(([file, bytes]) => [file, Buffer.from(bytes).toString('base64')]),
  );
  const list = new k8s.core.v1.ConfigMap(`${name}-files`, {
    metadata: { name: `${name}-files`, namespace },
    binaryData,
  });
  new k8s.batch.v1.Job(`fill-${name}`, {
    metadata: { name: `fill-${name}`, namespace },
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
              image,
              imagePullPolicy: 'IfNotPresent',
              command: ['node', '-e', copyScript],
              securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
              volumeMounts: [
                { name: 'from', mountPath: '/from' },
                { name: 'to', mountPath: '/to' },
              ],
            },
          ],
          volumes: [
            { name: 'from', configMap: { name: list.metadata.name } },
            { name: 'to', persistentVolumeClaim: { claimName: claim.metadata.name } },
          ],
        },
      },
    },
  });
  return claim;
}

// Files of a ConfigMap are links into a directory of the mount; the copies are plain files.
const copyScript = `
const fs = require('node:fs');
for (const name of fs.readdirSync('/from')) {
  if (!name.startsWith('..')) fs.copyFileSync('/from/' + name, '/to/' + name);
}`;
