import { type Clock, sleep, systemClock } from './clock.ts';
import { ApiError, errorMessage, isConflict } from './errors.ts';
import { type Logger, silentLogger } from './log.ts';
import { Registry } from './metrics.ts';
import type { WorkQueue } from './queue.ts';

export interface Result {
  /** Look again after so long, even if nothing changes. */
  requeueAfterMs?: number | undefined;
}

/** Trying again will not help: the key is left alone until it is added anew. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

export interface ControllerOptions {
  /** Of the metrics' label and the log lines. */
  name: string;
  queue: WorkQueue;
  /**
   * Makes the world as the object `key` says. Gets nothing but the key, because all it may rely on is the state it reads.
   * `signal` aborts at the deadline and at the end of the controller.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a reconcile without a result need not return one.
  reconcile: (key: string, signal: AbortSignal) => Promise<Result | void>;
  /** Keys at once; 1 unless told. */
  workers?: number;
  /** For one reconcile; 120,000 unless told. */
  deadlineMs?: number;
  logger?: Logger;
  metrics?: Registry;
  clock?: Clock;
}

export interface Controller {
  /** Takes no more keys. What runs may end within `graceMs` (10,000 unless told), and is aborted then. */
  stop(graceMs?: number): Promise<void>;
  /** For a health check: what is stuck, or undefined. */
  check(): string | undefined;
}

// What ignores its signal is not waited for any longer than this.
const ABORT_GRACE_MS = 5_000;
const TIME_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5,
  1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];

/** Starts workers that take keys from the queue and reconcile them. */
export function runController(options: ControllerOptions): Controller {
  const { queue, workers = 1 } = options;
  const runner = new Runner(options);
  for (let worker = 0; worker < workers; worker++) void runner.work();
  return {
    async stop(graceMs = 10_000) {
      const idle = queue.shutDown();
      await runner.wait(idle, graceMs);
      runner.abortAll();
      await runner.wait(idle, ABORT_GRACE_MS);
    },
    check: () => runner.check(),
  };
}

class Runner {
  readonly #options: Required<ControllerOptions>;
  readonly #running = new Set<AbortController>();
  readonly #metrics: ReturnType<typeof controllerMetrics>;
  #stopping = false;

  constructor(options: ControllerOptions) {
    const { workers = 1, deadlineMs = 120_000, clock = systemClock, metrics = new Registry() } = options;
    const logger = (options.logger ?? silentLogger).with({ controller: options.name });
    this.#options = { ...options, workers, deadlineMs, clock, metrics, logger };
    this.#metrics = controllerMetrics(metrics, options.name, workers);
  }

  async work(): Promise<void> {
    const { queue, clock, deadlineMs, logger } = this.#options;
    for (let key = await queue.get(); key !== undefined; key = await queue.get()) {
      const finished = this.#handle(key);
      const hung = await this.wait(finished, deadlineMs + ABORT_GRACE_MS, clock);
      // The key stays with the reconcile that hangs, for two of one key must never run; the worker goes on with others.
      if (hung) logger.error('the reconcile ignores its deadline; its key is blocked until it ends', { key });
    }
  }

  abortAll(): void {
    this.#stopping = true;
    for (const running of this.#running) running.abort(new Error('the controller stops'));
  }

  /** True when `promise` did not settle in time. */
  async wait(promise: Promise<unknown>, ms: number, clock: Clock = this.#options.clock): Promise<boolean> {
    const settled = new AbortController();
    const settle = () => settled.abort();
    promise.then(settle, settle);
    await sleep(ms, clock, settled.signal);
    return !settled.signal.aborted;
  }

  check(): string | undefined {
    const { queue, deadlineMs } = this.#options;
    const limitMs = 2 * deadlineMs + ABORT_GRACE_MS;
    if (queue.longestRunMs() > limitMs) return `a reconcile has run for ${seconds(queue.longestRunMs())}`;
    if (queue.oldestWaitMs() > limitMs) return `a key has waited for ${seconds(queue.oldestWaitMs())}`;
    return undefined;
  }

  /** Reconciles one key, and sees to its next time. Never rejects. */
  async #handle(key: string): Promise<void> {
    const { queue, clock, deadlineMs, reconcile } = this.#options;
    const abort = new AbortController();
    this.#running.add(abort);
    this.#metrics.active(1);
    const startedAt = clock.monotonic();
    const cancel = clock.setTimeout(() => {
      this.#metrics.timedOut();
      abort.abort(new Error(`the reconcile took longer than ${seconds(deadlineMs)}`));
    }, deadlineMs);
    try {
      this.#succeeded(key, await reconcile(key, abort.signal));
    } catch (error) {
      this.#failed(key, error, abort.signal);
    } finally {
      cancel();
      this.#metrics.active(-1);
      this.#metrics.took((clock.monotonic() - startedAt) / 1000);
      this.#running.delete(abort);
      queue.done(key);
    }
  }

  // biome-ignore lint/suspicious/noConfusingVoidType: as in `reconcile`.
  #succeeded(key: string, result: Result | void): void {
    const { queue } = this.#options;
    queue.forget(key);
    const after = result?.requeueAfterMs;
    this.#metrics.ended(after === undefined ? 'success' : 'requeue_after');
    if (after !== undefined) queue.addAfter(key, after);
  }

  #failed(key: string, error: unknown, signal: AbortSignal): void {
    const { queue, logger } = this.#options;
    if (this.#stopping) return;
    if (error instanceof TerminalError) {
      this.#metrics.failed(true);
      queue.forget(key);
      logger.error('reconcile failed, and will not be tried again until the object changes', {
        key,
        error: errorMessage(error),
      });
      return;
    }
    if (isConflict(error)) {
      // The cache was a moment behind. The newer object is on its way, and usually here before the key is.
      this.#metrics.ended('requeue');
      logger.debug('conflict, trying again', { key });
      queue.addRateLimited(key);
      return;
    }
    this.#metrics.failed(false);
    if (isPanic(error)) this.#metrics.panicked();
    // An abort's own message says less than the reason for it.
    const cause = signal.aborted ? signal.reason : error;
    logger.error('reconcile failed', { key, error: errorMessage(cause), retries: queue.numRequeues(key) });
    queue.addRateLimited(key, error instanceof ApiError ? error.retryAfterMs : undefined);
  }
}

/** What JavaScript has in place of a panic: an error that only a mistake in the program makes. */
function isPanic(error: unknown): boolean {
  return [TypeError, ReferenceError, RangeError, SyntaxError].some((kind) => error instanceof kind);
}

type Outcome = 'success' | 'requeue_after' | 'requeue' | 'error';

/** The `controller_runtime_*` metrics, with the names and buckets that dashboards for controllers know. */
function controllerMetrics(registry: Registry, controller: string, workers: number) {
  const labels = { controller };
  const name = (suffix: string) => `controller_runtime_${suffix}`;
  const counter = (suffix: string, help: string) => registry.counter(name(suffix), help, ['controller']);
  const total = registry.counter(name('reconcile_total'), 'Total number of reconciliations per controller.', [
    'controller',
    'result',
  ]);
  const errors = counter('reconcile_errors_total', 'Total number of reconciliation errors per controller.');
  const terminal = counter(
    'terminal_reconcile_errors_total',
    'Total number of terminal reconciliation errors per controller.',
  );
  const panics = counter('reconcile_panics_total', 'Total number of reconciliation panics per controller.');
  const timeouts = counter(
    'reconcile_timeouts_total',
    'Total number of reconciliation timeouts per controller.',
  );
  const time = registry.histogram(
    name('reconcile_time_seconds'),
    'Length of time per reconciliation per controller.',
    ['controller'],
    TIME_BUCKETS,
  );
  const active = registry.gauge(name('active_workers'), 'Number of currently used workers per controller.', [
    'controller',
  ]);
  registry
    .gauge(name('max_concurrent_reconciles'), 'Maximum number of concurrent reconciles per controller.', [
      'controller',
    ])
    .set(workers, labels);
  for (const metric of [errors, terminal, panics, timeouts]) metric.inc(labels, 0);
  const outcomes: Outcome[] = ['success', 'requeue_after', 'requeue', 'error'];
  for (const result of outcomes) total.inc({ controller, result }, 0);
  // Not set to 0: a reconcile of an earlier lead may still hang, and is subtracted when it ends.
  active.inc(labels, 0);
  return {
    active: (by: 1 | -1) => active.inc(labels, by),
    took: (secondsTaken: number) => time.observe(secondsTaken, labels),
    ended: (result: Outcome) => total.inc({ controller, result }),
    timedOut: () => timeouts.inc(labels),
    panicked: () => panics.inc(labels),
    failed: (isTerminal: boolean) => {
      total.inc({ controller, result: 'error' });
      errors.inc(labels);
      if (isTerminal) terminal.inc(labels);
    },
  };
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
