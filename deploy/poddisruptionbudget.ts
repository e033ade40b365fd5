import { appLabels, appName, type InstallOptions, type Manifest } from './options.ts';

/** A node's draining takes one replica at a time, so that another one leads; of a single one it is not held up. */
export function podDisruptionBudget({ namespace }: InstallOptions): Manifest {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: appName, namespace, labels: appLabels },
    spec: {
      maxUnavailable: 1,
      // One that does not become ready leads nothing: it is no reason to keep a node.
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: appLabels },
    },
  };
}
