import { alertGroups, dashboardText } from './contents.ts';
import { metricsPort } from './metricsservice.ts';
import { appLabels, appName, type InstallOptions, type Manifest } from './options.ts';

const operator = 'monitoring.coreos.com/v1';
// By it the series have the job criteo-segment-export, whatever the Service's name.
const jobLabel = 'app.kubernetes.io/name';
const selector = { matchLabels: appLabels };
// The metrics of an export have its namespace: the target's, in its place, would be the controller's.
const endpoint = { path: '/metrics', honorLabels: true };

/** What is asked for of ServiceMonitor, PodMonitor, PrometheusRule and dashboard. */
export function monitoring(options: InstallOptions): Manifest[] {
  const asked = options.monitoring;
  const builders = [
    ...(asked.serviceMonitor ? [serviceMonitor] : []),
    ...(asked.podMonitor ? [podMonitor] : []),
    ...(asked.prometheusRule ? [prometheusRule] : []),
    ...(asked.dashboard ? [dashboard] : []),
  ];
  return builders.map((build) => build(options));
}

function metadataOf({ namespace, monitoring }: InstallOptions): Manifest['metadata'] {
  return { name: appName, namespace, labels: { ...appLabels, ...monitoring.labels } };
}

function serviceMonitor(options: InstallOptions): Manifest {
  return {
    apiVersion: operator,
    kind: 'ServiceMonitor',
    metadata: metadataOf(options),
    spec: { jobLabel, selector, endpoints: [{ port: metricsPort, ...endpoint }] },
  };
}

function podMonitor(options: InstallOptions): Manifest {
  return {
    apiVersion: operator,
    kind: 'PodMonitor',
    metadata: metadataOf(options),
    spec: { jobLabel, selector, podMetricsEndpoints: [{ port: 'health', ...endpoint }] },
  };
}

function prometheusRule(options: InstallOptions): Manifest {
  return {
    apiVersion: operator,
    kind: 'PrometheusRule',
    metadata: metadataOf(options),
    spec: { groups: alertGroups() },
  };
}

function dashboard(options: InstallOptions): Manifest {
  const metadata = metadataOf(options);
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    // By this label the sidecar of Grafana's charts finds it, unless it was told another.
    metadata: {
      ...metadata,
      name: `${appName}-dashboard`,
      labels: { grafana_dashboard: '1', ...metadata.labels },
    },
    data: { [`${appName}.json`]: dashboardText() },
  };
}
