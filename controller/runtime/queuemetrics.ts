import { type Counter, type Gauge, type Histogram, Registry } from './metrics.ts';

const BUCKETS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000];

/** The `workqueue_*` metrics of one queue, with the names, labels and buckets of controller-runtime. Times in ms. */
export class QueueMetrics {
  readonly #labels: { name: string; controller: string };
  readonly #depth: Gauge;
  readonly #adds: Counter;
  readonly #retries: Counter;
  readonly #waited: Histogram;
  readonly #ran: Histogram;
  readonly #stopScrape: () => void;

  constructor(name: string, registry: Registry = new Registry(), runningMs: () => number[]) {
    // controller-runtime has the name twice, and dashboards group by either.
    this.#labels = { name, controller: name };
    const labels = ['name', 'controller'];
    this.#depth = registry.gauge('workqueue_depth', 'Current depth of workqueue.', labels);
    this.#adds = registry.counter(
      'workqueue_adds_total',
      'Total number of adds handled by workqueue.',
      labels,
    );
    this.#retries = registry.counter(
      'workqueue_retries_total',
      'Total number of retries handled by workqueue.',
      labels,
    );
    this.#waited = registry.histogram(
      'workqueue_queue_duration_seconds',
      'How long in seconds an item stays in workqueue before being requested.',
      labels,
      BUCKETS,
    );
    this.#ran = registry.histogram(
      'workqueue_work_duration_seconds',
      'How long in seconds processing an item from workqueue takes.',
      labels,
      BUCKETS,
    );
    const unfinished = registry.gauge(
      'workqueue_unfinished_work_seconds',
      'How many seconds of work has been done that is in progress and has not been observed by work_duration.',
      labels,
    );
    const longest = registry.gauge(
      'workqueue_longest_running_processor_seconds',
      'How many seconds has the longest running processor for workqueue been running.',
      labels,
    );
    const update = () => {
      const running = runningMs();
      unfinished.set(running.reduce((sum, ms) => sum + ms, 0) / 1000, this.#labels);
      longest.set(Math.max(0, ...running) / 1000, this.#labels);
    };
    const stop = registry.onScrape(update);
    this.#stopScrape = () => {
      stop();
      update();
    };
    this.depth(0);
    for (const counter of [this.#adds, this.#retries]) counter.inc(this.#labels, 0);
  }

  depth(keys: number): void {
    this.#depth.set(keys, this.#labels);
  }

  added(): void {
    this.#adds.inc(this.#labels);
  }

  retried(): void {
    this.#retries.inc(this.#labels);
  }

  started(waitedMs: number): void {
    this.#waited.observe(waitedMs / 1000, this.#labels);
  }

  finished(ranMs: number): void {
    this.#ran.observe(ranMs / 1000, this.#labels);
  }

  /** The queue is gone. */
  close(): void {
    this.#stopScrape();
  }
}
