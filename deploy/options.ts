/** What an installation can choose. */
export interface InstallOptions {
  /** Image of the controller, and of the Jobs that it makes; by digest where there is one. */
  image: string;
  imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** Namespace of the controller. */
  namespace: string;
  /** False where the namespace is there already, and managed by others. */
  createNamespace: boolean;
  /**
   * CRDs, their admission policies and the ClusterRoles for people: what a cluster has once. False where they are there
   * already, and managed by others.
   */
  installDefinitions: boolean;
  /** Two: one leads, the other waits with its caches full. More gain nothing. */
  replicas: number;
  /** CPU and memory of the controller's container. */
  resources: Resources;
  /** Namespaces whose exports it runs, by a Role in each; empty: all, by a ClusterRole. They must exist. */
  watchedNamespaces: string[];
  /** Where pods reach the API server: by its Service, and by what stands behind it. */
  apiServerPorts: number[];
  /** Base URLs that connections may name; empty: only https://api.criteo.com. */
  allowedBaseUrls: string[];
  /** Further flags of the controller, such as `--log-level=debug`. */
  extraFlags: string[];
  /** Objects for Prometheus and Grafana; by default none, because not every cluster knows their kinds. */
  monitoring: MonitoringOptions;
}

/** Quantities of Kubernetes by the name of the resource. */
export interface Resources {
  requests?: Record<string, string>;
  limits?: Record<string, string>;
}

export interface MonitoringOptions {
  /** A ServiceMonitor of Prometheus Operator, which gathers the metrics of each replica. */
  serviceMonitor: boolean;
  /** A PodMonitor in its place, where Prometheus looks for these. */
  podMonitor: boolean;
  /** A PrometheusRule with the alerts of examples/monitoring/rules.yaml. */
  prometheusRule: boolean;
  /** A ConfigMap with the dashboard, as Grafana's sidecar finds it. */
  dashboard: boolean;
  /** By which Prometheus and Grafana choose these objects. */
  labels: Record<string, string>;
}

export const defaultOptions: Omit<InstallOptions, 'image'> = {
  imagePullPolicy: 'IfNotPresent',
  namespace: 'criteo-segment-export',
  createNamespace: true,
  installDefinitions: true,
  replicas: 2,
  resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
  watchedNamespaces: [],
  apiServerPorts: [443, 6443],
  allowedBaseUrls: [],
  extraFlags: [],
  monitoring: {
    serviceMonitor: false,
    podMonitor: false,
    prometheusRule: false,
    dashboard: false,
    labels: {},
  },
};

/** A Kubernetes object as it is written in a manifest. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  [field: string]: unknown;
}

export const appName = 'criteo-segment-export';

export const appLabels = {
  'app.kubernetes.io/name': appName,
  'app.kubernetes.io/component': 'controller',
  'app.kubernetes.io/part-of': appName,
};
