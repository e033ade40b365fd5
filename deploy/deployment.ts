import { appLabels, appName, type InstallOptions, type Manifest } from './options.ts';

const nonRoot = 65532;
export const healthPort = 8081;

export const podSecurity = {
  runAsNonRoot: true,
  runAsUser: nonRoot,
  runAsGroup: nonRoot,
  seccompProfile: { type: 'RuntimeDefault' },
};
export const containerSecurity = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

export function namespace(options: InstallOptions): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: options.namespace,
      labels: {
        'app.kubernetes.io/part-of': appName,
        'pod-security.kubernetes.io/enforce': 'restricted',
        'pod-security.kubernetes.io/warn': 'restricted',
      },
    },
  };
}

export function deployment(options: InstallOptions): Manifest {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: appName, namespace: options.namespace, labels: appLabels },
    spec: {
      replicas: options.replicas,
      selector: { matchLabels: appLabels },
      // An old pod goes when a new one is ready, its caches full: of an image that never starts, both old ones stay.
      // The leader releases the Lease as it ends, and one that waits takes it at its next try.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: { metadata: { labels: appLabels }, spec: podSpec(options) },
    },
  };
}

function podSpec(options: InstallOptions): object {
  return {
    serviceAccountName: appName,
    securityContext: podSecurity,
    // Longer than a reconcile under way is given to end, and the Lease to be released.
    terminationGracePeriodSeconds: 30,
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: appLabels },
      },
    ],
    containers: [
      {
        name: 'controller',
        image: options.image,
        imagePullPolicy: options.imagePullPolicy,
        command: ['node', '/app/controller.mjs'],
        args: controllerFlags(options),
        ports: [{ name: 'health', containerPort: healthPort }],
        livenessProbe: {
          httpGet: { path: '/healthz', port: 'health' },
          periodSeconds: 10,
          failureThreshold: 3,
        },
        readinessProbe: { httpGet: { path: '/readyz', port: 'health' }, periodSeconds: 2 },
        resources: options.resources,
        securityContext: containerSecurity,
      },
    ],
  };
}

/** The controller's flags, as its container has them. */
export function controllerFlags(options: InstallOptions): string[] {
  return [
    `--exporter-image=${options.image}`,
    `--image-pull-policy=${options.imagePullPolicy}`,
    // The kubelet asks by the pod's address.
    '--health-host=0.0.0.0',
    `--health-port=${healthPort}`,
    ...options.allowedBaseUrls.map((url) => `--allowed-base-url=${url}`),
    ...namespaceFlags(options),
    ...options.extraFlags,
  ];
}

export function namespaceFlags({ watchedNamespaces }: InstallOptions): string[] {
  return watchedNamespaces.map((namespace) => `--namespace=${namespace}`);
}
