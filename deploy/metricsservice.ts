import { healthPort } from './deployment.ts';
import { appLabels, appName, type InstallOptions, type Manifest } from './options.ts';

export const metricsPort = 'metrics';

/**
 * Where the metrics are gathered. Without an address of its own: one address for all replicas would answer now with the
 * leader's figures and now with those of one that waits.
 */
export function metricsService({ namespace }: InstallOptions): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `${appName}-metrics`, namespace, labels: appLabels },
    spec: {
      clusterIP: 'None',
      selector: appLabels,
      ports: [{ name: metricsPort, protocol: 'TCP', port: healthPort, targetPort: 'health' }],
    },
  };
}
