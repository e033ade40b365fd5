import { Registry } from './metrics.ts';

const BUCKETS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000];

/** The `workqueue_*` metrics of one queue, with the names, labels and buckets of controller-runtime. Times in ms. */
export class QueueMetrics {
  readonly #labels: { name: string };
  readonly #registry: Registry;
  readonly #stopScrape: () => void;

  constructor(name: string, registry: Registry = new Registry(), runningMs: () => number[]) {
    this.#labels = { name };
    this.#registry = registry;
    const unfinished = registry.gauge(
      'workqueue_unfinished_work_seconds',
      'How many seconds of work has been done that is in progress and has not been observed by work_duration.',
      ['name'],
    );
    const longest = registry.gauge(
      'workqueue_longest_running_processor_seconds',
      'How many seconds has the longest running processor for workqueue been running.',
      ['name'],
    );
    this.#stopScrape = registry.onScrape(() => {
      const running = runningMs();
      unfinished.set(running.reduce((sum, ms) => sum + ms, 0) / 1000, this.#labels);
      longest.set(Math.max(0, ...running) / 1000, this.#labels);
    });
    this.depth(0);
  }

  depth(keys: number): void {
    this.#registry.gauge('workqueue_depth', 'Current depth of workqueue.', ['name']).set(keys, this.#labels);
  }

  added(): void {
    this.#registry
      .counter('workqueue_adds_total', 'Total number of adds handled by workqueue.', ['name'])
      .inc(this.#labels);
  }

  retried(): void {
    this.#registry
      .counter('workqueue_retries_total', 'Total number of retries handled by workqueue.', ['name'])
      .inc(this.#labels);
  }

  started(waitedMs: number): void {
    const help = 'How long in seconds an item stays in workqueue before being requested.';
    this.#registry
      .histogram('workqueue_queue_duration_seconds', help, ['name'], BUCKETS)
      .observe(waitedMs / 1000, this.#labels);
  }

  finished(ranMs: number): void {
    const help = 'How long in seconds processing an item from workqueue takes.';
    this.#registry
      .histogram('workqueue_work_duration_seconds', help, ['name'], BUCKETS)
      .observe(ranMs / 1000, this.#labels);
  }

  /** The queue is gone. */
  close(): void {
    this.#stopScrape();
  }
}
