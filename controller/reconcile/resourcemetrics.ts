import type { Registry } from '../runtime/metrics.ts';
import type { Caches } from './caches.ts';
import { ExportCounters } from './exportcounters.ts';
import { type GaugeCaches, ResourceGauges } from './resourcegauges.ts';

export type MetricCaches = GaugeCaches & { exports: Pick<Caches['exports'], 'addHandler'> };

/**
 * Shows the exports and connections in /metrics. Only who leads may: of two controllers each would count every run, and
 * what a former leader's caches hold may be old. Returns how to end that; nothing of them is shown then.
 */
export function connectMetrics(caches: MetricCaches, registry: Registry): () => void {
  const gauges = new ResourceGauges(registry, caches);
  const counters = new ExportCounters(registry);
  const stopUpdates = registry.onScrape(() => gauges.update());
  const stopCounting = caches.exports.addHandler(counters.changed);
  return () => {
    stopUpdates();
    stopCounting();
    gauges.clear();
    counters.clear();
  };
}
