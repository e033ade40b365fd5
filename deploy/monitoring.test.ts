import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { manifests } from './manifests.ts';
import { defaultOptions, type Manifest, type MonitoringOptions } from './options.ts';

const examples = join(import.meta.dirname, '..', 'examples', 'monitoring');
const none = defaultOptions.monitoring;

function objectsWith(monitoring: Partial<MonitoringOptions>): Manifest[] {
  return manifests({ ...defaultOptions, image: 'image', monitoring: { ...none, ...monitoring } });
}

/** What is there beyond an installation without monitoring. */
function addedBy(monitoring: Partial<MonitoringOptions>): Manifest[] {
  return objectsWith(monitoring).slice(objectsWith({}).length);
}

describe('monitoring', () => {
  test('adds nothing that is not asked for, so that no kind is asked of a cluster that does not have it', () => {
    expect(objectsWith({}).filter(({ apiVersion }) => apiVersion.startsWith('monitoring.'))).toEqual([]);
    expect(addedBy({ prometheusRule: true }).map(({ kind }) => kind)).toEqual(['PrometheusRule']);
  });

  test('has the PodMonitor of examples/monitoring', () => {
    const written = parse(readFileSync(join(examples, 'podmonitor.yaml'), 'utf8'));
    expect(addedBy({ podMonitor: true })).toEqual([written]);
  });

  test('has the same alerts as a Prometheus that reads rules.yaml', () => {
    const { groups } = parse(readFileSync(join(examples, 'rules.yaml'), 'utf8'));
    expect(addedBy({ prometheusRule: true })[0]).toMatchObject({ spec: { groups } });
  });

  test('has the dashboard as Grafana imports it, in a ConfigMap that its sidecar finds', () => {
    const [configMap] = addedBy({ dashboard: true }) as (Manifest & { data: Record<string, string> })[];
    const text = readFileSync(join(examples, 'dashboard.json'), 'utf8');
    expect(configMap?.data).toEqual({ 'criteo-segment-export.json': text });
    expect(configMap?.metadata.labels?.grafana_dashboard).toBe('1');
  });

  test('has a ServiceMonitor that finds the Service by its labels and its port by name', () => {
    const [monitor] = addedBy({ serviceMonitor: true }) as (Manifest & { spec: ServiceMonitorSpec })[];
    const services = objectsWith({}).filter(
      ({ kind, metadata }) =>
        kind === 'Service' &&
        Object.entries(monitor?.spec.selector.matchLabels ?? {}).every(
          ([label, value]) => metadata.labels?.[label] === value,
        ),
    ) as (Manifest & { spec: { ports: { name: string }[] } })[];
    expect(services).toHaveLength(1);
    expect(services[0]?.spec.ports.map(({ name }) => name)).toContain(monitor?.spec.endpoints[0]?.port);
    // Else an export's series would have the controller's namespace.
    expect(monitor?.spec.endpoints[0]?.honorLabels).toBe(true);
  });

  test('has the labels by which a Prometheus chooses, on each', () => {
    const all = { serviceMonitor: true, podMonitor: true, prometheusRule: true, dashboard: true };
    const added = addedBy({ ...all, labels: { release: 'prometheus' } });
    expect(added).toHaveLength(4);
    for (const { metadata } of added) expect(metadata.labels).toMatchObject({ release: 'prometheus' });
  });
});

interface ServiceMonitorSpec {
  selector: { matchLabels: Record<string, string> };
  endpoints: { port: string; honorLabels: boolean }[];
}
