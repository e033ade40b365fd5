import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { endedRuns, identifierOutcomes, runOutcomes } from '../plan/metrics/endedruns.ts';
import type { Handler } from '../runtime/informer.ts';
import type { Counter, Registry } from '../runtime/metrics.ts';
import { exportLabels } from './resourcegauges.ts';

const perExport = ['namespace', 'export'];
const perOutcome = [...perExport, 'outcome'];

/** The counters `criteo_export_*_total`: of the runs whose end is seen while they are connected. */
export class ExportCounters {
  readonly #runs: Counter;
  readonly #identifiers: Counter;
  readonly #apiCalls: Counter;
  readonly #throttledSeconds: Counter;

  constructor(registry: Registry) {
    this.#runs = registry.counter('criteo_export_runs_total', 'Runs that ended, by outcome.', perOutcome);
    this.#identifiers = registry.counter(
      'criteo_export_identifiers_total',
      'Rows read and identifiers sent by runs that ended, by what became of them.',
      perOutcome,
    );
    this.#apiCalls = registry.counter(
      'criteo_export_api_calls_total',
      "Calls of runs to Criteo's API.",
      perExport,
    );
    this.#throttledSeconds = registry.counter(
      'criteo_export_throttled_seconds_total',
      "Seconds that runs waited for Criteo's rate limit.",
      perExport,
    );
  }

  /** What ended before the export was first seen was counted by whoever led then, or is lost: it is never counted here. */
  readonly changed: Handler<CriteoSegmentExport> = (before, now) => {
    // Deleted and made again while nobody watched, it is another export of the same name.
    const known = before?.metadata.uid === now?.metadata.uid ? before : undefined;
    if (before && !known) this.#remove(before);
    if (!now) return;
    if (known) this.#count(known, now);
    else this.#begin(now);
  };

  clear(): void {
    for (const counter of [this.#runs, this.#identifiers, this.#apiCalls, this.#throttledSeconds])
      counter.clear();
  }

  /** Zeros: increase() sees the first run only where there was a series before it. */
  #begin(object: CriteoSegmentExport): void {
    const labels = exportLabels(object);
    for (const outcome of runOutcomes) this.#runs.inc({ ...labels, outcome }, 0);
    for (const outcome of identifierOutcomes) this.#identifiers.inc({ ...labels, outcome }, 0);
    this.#apiCalls.inc(labels, 0);
    this.#throttledSeconds.inc(labels, 0);
  }

  #count(before: CriteoSegmentExport, now: CriteoSegmentExport): void {
    const labels = exportLabels(now);
    for (const run of endedRuns(before, now)) {
      this.#runs.inc({ ...labels, outcome: run.outcome });
      for (const outcome of identifierOutcomes) {
        this.#identifiers.inc({ ...labels, outcome }, run.identifiers[outcome]);
      }
      this.#apiCalls.inc(labels, run.apiCalls);
      this.#throttledSeconds.inc(labels, run.throttledSeconds);
    }
  }

  #remove(object: CriteoSegmentExport): void {
    const labels = exportLabels(object);
    for (const outcome of runOutcomes) this.#runs.remove({ ...labels, outcome });
    for (const outcome of identifierOutcomes) this.#identifiers.remove({ ...labels, outcome });
    this.#apiCalls.remove(labels);
    this.#throttledSeconds.remove(labels);
  }
}
