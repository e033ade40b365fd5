import type * as pulumi from '@pulumi/pulumi';

/**
 * What an installation can choose; each has the default of dist/install.yaml. What decides which objects there are is
 * plain, and no Output: a preview could else not tell them. All else may be an Output, at every depth.
 */
export interface CriteoExportControllerArgs {
  /** Image of the controller, and of the Jobs that it makes; by digest where there is one. */
  image: pulumi.Input<string>;
  /** Default: IfNotPresent. */
  imagePullPolicy?: pulumi.Input<'Always' | 'IfNotPresent' | 'Never'>;
  /** Namespace of the controller. Default: criteo-segment-export. */
  namespace?: pulumi.Input<string>;
  /** False where the namespace is there already, and managed by others. Plain. Default: true. */
  createNamespace?: boolean;
  /**
   * False where the CRDs, their admission policies and the ClusterRoles for people are there already, and managed by
   * others: by another installation in this cluster, say. Plain. Default: true.
   */
  installDefinitions?: boolean;
  /**
   * Whether the CRDs go with the component, and with them every connection and export of the cluster. Plain. Default:
   * false; they stay.
   */
  deleteCustomResourceDefinitions?: boolean;
  /** Two: one leads, the other waits with its caches full. More gain nothing. Default: 2. */
  replicas?: pulumi.Input<number>;
  /** CPU and memory of the controller's container. Default: requests of 50m and 128Mi, and a memory limit of 512Mi. */
  resources?: pulumi.Input<ControllerResources>;
  /**
   * Namespaces whose exports it runs, by a Role in each; they must exist. Of one that the same program makes, name it here
   * as a text, and give the component `dependsOn: [thatNamespace]`. Plain. Default: all, by a ClusterRole.
   */
  watchedNamespaces?: string[];
  /** Where pods reach the API server: by its Service, and by what stands behind it. Default: 443 and 6443. */
  apiServerPorts?: pulumi.Input<pulumi.Input<number>[]>;
  /** Base URLs that connections may name. Default: only https://api.criteo.com. */
  allowedBaseUrls?: pulumi.Input<pulumi.Input<string>[]>;
  /** Further flags of the controller, such as `--log-level=debug`. Default: none. */
  extraFlags?: pulumi.Input<pulumi.Input<string>[]>;
  /** Objects for Prometheus and Grafana. Plain, but for `labels`. Default: none of them. */
  monitoring?: MonitoringArgs;
}

export interface ControllerResources {
  requests?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  limits?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/** The kinds of Prometheus Operator must be known to the cluster. */
export interface MonitoringArgs {
  /** A ServiceMonitor of Prometheus Operator, which gathers the metrics of each replica. Default: false. */
  serviceMonitor?: boolean;
  /** A PodMonitor in its place, where Prometheus looks for these. Default: false. */
  podMonitor?: boolean;
  /** A PrometheusRule with the alerts of examples/monitoring/rules.yaml. Default: false. */
  prometheusRule?: boolean;
  /** A ConfigMap with the dashboard, as Grafana's sidecar finds it. Default: false. */
  dashboard?: boolean;
  /**
   * Labels by which Prometheus and Grafana choose these objects, such as `{release: "prometheus"}`; they decide no object,
   * and may be Outputs. Default: none.
   */
  labels?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}
