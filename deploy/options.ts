/** What an installation can choose. */
export interface InstallOptions {
  /** Image of the controller, and of the Jobs that it makes; by digest where there is one. */
  image: string;
  imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** Namespace of the controller. */
  namespace: string;
  /** Two: one leads, the other waits with its caches full. More gain nothing. */
  replicas: number;
  /** Namespaces whose exports it runs, by a Role in each; empty: all, by a ClusterRole. They must exist. */
  watchedNamespaces: string[];
  /** Where pods reach the API server: by its Service, and by what stands behind it. */
  apiServerPorts: number[];
  /** Base URLs that connections may name; empty: only https://api.criteo.com. */
  allowedBaseUrls: string[];
  /** Further flags of the controller, such as `--log-level=debug`. */
  extraFlags: string[];
}

export const defaultOptions: Omit<InstallOptions, 'image'> = {
  imagePullPolicy: 'IfNotPresent',
  namespace: 'criteo-segment-export',
  replicas: 2,
  watchedNamespaces: [],
  apiServerPorts: [443, 6443],
  allowedBaseUrls: [],
  extraFlags: [],
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
