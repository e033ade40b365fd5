import { healthPort } from './deployment.ts';
import { appLabels, appName, type InstallOptions, type Manifest } from './options.ts';

/**
 * The controller speaks to the API server alone, by the address that Kubernetes gives
 * every pod, so that it needs no DNS; the kubelet and whoever gathers metrics speak to
 * it. It holds where the cluster's network enforces NetworkPolicies.
 */
export function networkPolicy({ namespace, apiServerPorts }: InstallOptions): Manifest {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: appName, namespace, labels: appLabels },
    spec: {
      // The uninstallation's pod, too.
      podSelector: { matchLabels: { 'app.kubernetes.io/name': appName } },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ ports: [{ protocol: 'TCP', port: healthPort }] }],
      egress: [{ ports: apiServerPorts.map((port) => ({ protocol: 'TCP', port })) }],
    },
  };
}
