import { isConnectionReason, isExportReason } from '../plan/conditionreasons.ts';
import { conditionLabelsOf } from '../plan/metrics/conditionlabels.ts';
import { type ExportGauge, exportGauges, exportGaugesOf } from '../plan/metrics/exportgauges.ts';
import { skippedRunOf } from '../plan/metrics/skippedrun.ts';
import type { Gauge, Registry, Sample } from '../runtime/metrics.ts';
import type { Caches } from './caches.ts';

export type GaugeCaches = {
  [Name in 'connections' | 'exports']: { store: Pick<Caches[Name]['store'], 'list'> };
};

const conditionHelp = '1 for the present status of each condition, with its reason.';

/** The gauges `criteo_export_*` and `criteo_connection_*`, made anew from the caches at each scrape. */
export class ResourceGauges {
  readonly #caches: GaugeCaches;
  readonly #exports: Map<ExportGauge, Gauge>;
  readonly #skippedRuns: Gauge;
  readonly #exportConditions: Gauge;
  readonly #connectionConditions: Gauge;

  constructor(registry: Registry, caches: GaugeCaches) {
    this.#caches = caches;
    const conditions = (kind: string) =>
      registry.gauge(`criteo_${kind}_condition`, conditionHelp, [
        'namespace',
        kind,
        'type',
        'status',
        'reason',
      ]);
    this.#exportConditions = conditions('export');
    this.#connectionConditions = conditions('connection');
    this.#skippedRuns = registry.gauge(
      'criteo_export_last_skipped_run_timestamp_seconds',
      'When a run was last dropped before it began, in seconds since the epoch; absent where none was.',
      ['namespace', 'export', 'trigger', 'reason'],
    );
    const names = Object.keys(exportGauges) as ExportGauge[];
    this.#exports = new Map(
      names.map((name) => [
        name,
        registry.gauge(`criteo_export_${name}`, exportGauges[name], ['namespace', 'export']),
      ]),
    );
  }

  update(): void {
    const exports = this.#caches.exports.store.list();
    const connections = this.#caches.connections.store.list();
    const read = exports.map((one) => ({ labels: exportLabels(one), values: exportGaugesOf(one) }));
    for (const [name, gauge] of this.#exports) {
      gauge.replace(
        read.flatMap(({ labels, values }) => {
          const value = values[name];
          return value === undefined ? [] : [{ labels, value }];
        }),
      );
    }
    this.#skippedRuns.replace(
      exports.flatMap((one) => {
        const skipped = skippedRunOf(one);
        return skipped ? [{ labels: { ...exportLabels(one), ...skipped.labels }, value: skipped.value }] : [];
      }),
    );
    this.#exportConditions.replace(
      exports.flatMap((one) =>
        conditionLabelsOf(one.status?.conditions, isExportReason).map((labels) =>
          present({ ...exportLabels(one), ...labels }),
        ),
      ),
    );
    this.#connectionConditions.replace(
      connections.flatMap((one) =>
        conditionLabelsOf(one.status?.conditions, isConnectionReason).map((labels) =>
          present({
            namespace: one.metadata.namespace ?? '',
            connection: one.metadata.name ?? '',
            ...labels,
          }),
        ),
      ),
    );
  }

  clear(): void {
    for (const gauge of [
      ...this.#exports.values(),
      this.#skippedRuns,
      this.#exportConditions,
      this.#connectionConditions,
    ]) {
      gauge.replace([]);
    }
  }
}

/** As all metrics of one export have them. */
export function exportLabels({ metadata }: { metadata: { namespace?: string; name?: string } }) {
  return { namespace: metadata.namespace ?? '', export: metadata.name ?? '' };
}

function present(labels: Record<string, string>): Sample {
  return { labels, value: 1 };
}
