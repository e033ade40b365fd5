import type { KubeClient } from './client.ts';
import { type Clock, sleep, systemClock } from './clock.ts';
import { errorMessage, isAlreadyExists, isConflict, isNotFound } from './errors.ts';
import { heldBy, LEASES, type Lease, released } from './lease.ts';
import { type Logger, silentLogger } from './log.ts';
import type { Registry } from './metrics.ts';
import { Watchdog } from './watchdog.ts';

export { LEASES, type Lease, type LeaseSpec } from './lease.ts';

export interface LeaderElectorOptions {
  client: Pick<KubeClient, 'get' | 'create' | 'update'>;
  namespace: string;
  /** Of the Lease. */
  name: string;
  /** Of this process among its replicas: a pod's name and something random. */
  identity: string;
  /** A leader that was not heard for so long may be replaced; 15,000 unless told. */
  leaseDurationMs?: number;
  /** A leader that could not renew for so long gives up; 10,000 unless told. Less than leaseDurationMs. */
  renewDeadlineMs?: number;
  /** Between two attempts; 2,000 unless told. */
  retryPeriodMs?: number;
  onNewLeader?: (identity: string) => void;
  logger?: Logger;
  metrics?: Registry;
  clock?: Clock;
  random?: () => number;
}

/**
 * Sees to it that of several replicas one works, by a Lease. It does not fence: a leader that was paused can finish one
 * write after another took over, so every write must be safe with two leaders.
 */
export class LeaderElector {
  readonly #options: Required<Omit<LeaderElectorOptions, 'metrics'>>;
  readonly #logger: Logger;
  readonly #report: (leads: boolean) => void;
  /** The Lease as last read or written. */
  #lease: Lease | undefined;
  /** When its spec was first seen as it is. Only this clock counts: another machine's may be minutes off. */
  #observedAt = 0;
  #renewedAt = 0;
  #leads = false;
  #reportedLeader = '';

  constructor(options: LeaderElectorOptions) {
    const { leaseDurationMs = 15_000, renewDeadlineMs = 10_000, retryPeriodMs = 2_000 } = options;
    const { clock = systemClock, random = Math.random, onNewLeader = () => {}, metrics } = options;
    if (!(leaseDurationMs > renewDeadlineMs && renewDeadlineMs > retryPeriodMs && retryPeriodMs > 0)) {
      throw new Error(
        `leader election: leaseDurationMs (${leaseDurationMs}) must exceed renewDeadlineMs (${renewDeadlineMs}), and that retryPeriodMs (${retryPeriodMs})`,
      );
    }
    this.#logger = (options.logger ?? silentLogger).with({ lease: `${options.namespace}/${options.name}` });
    this.#options = {
      ...options,
      leaseDurationMs,
      renewDeadlineMs,
      retryPeriodMs,
      clock,
      random,
      onNewLeader,
      logger: this.#logger,
    };
    const status = metrics?.gauge(
      'leader_election_master_status',
      'Whether this process leads (1) or not (0).',
      ['name'],
    );
    this.#report = (leads) => status?.set(leads ? 1 : 0, { name: options.name });
    this.#report(false);
  }

  /** True while this process may act. False as soon as the time to renew is over, whatever is still running. */
  isLeader(): boolean {
    return this.#leads && this.#sinceRenewal() < this.#options.renewDeadlineMs;
  }

  /** For a health check: text when this process should have given up leading and has not. */
  check(): string | undefined {
    if (!this.#leads || this.#sinceRenewal() < this.#options.leaseDurationMs) return undefined;
    return `leading, though the lease was last renewed ${Math.round(this.#sinceRenewal() / 1000)} s ago`;
  }

  /**
   * Waits to lead, then calls `lead`. Its signal aborts when `signal` does or when the lease is lost. After `signal`, the
   * lease is kept until `lead` has ended and then released, so that the next leader need not wait and never overlaps.
   * Resolves with `lost` when another may lead now; calling it again is then safe. Rejects only with what `lead` threw.
   */
  async run(lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<'stopped' | 'lost'> {
    if (!(await this.#acquire(signal))) return 'stopped';
    this.#setLeads(true);
    const work = new AbortController();
    const stopWork = () => work.abort(signal.reason);
    signal.addEventListener('abort', stopWork, { once: true });
    if (signal.aborted) stopWork();
    const ended = new AbortController();
    const leading = Promise.resolve()
      .then(() => lead(work.signal))
      .finally(() => ended.abort());
    leading.catch(() => {}); // Reported by the await below; here only so that it is never unhandled.
    try {
      const lost = await this.#renewUntil(ended.signal);
      if (lost) {
        this.#logger.warn('lost the lease');
        this.#setLeads(false);
        work.abort(new Error('the lease was lost'));
      }
      await leading;
      return lost ? 'lost' : 'stopped';
    } finally {
      signal.removeEventListener('abort', stopWork);
      if (this.#leads) await this.#release();
      this.#setLeads(false);
    }
  }

  /** False when `signal` aborted first. */
  async #acquire(signal: AbortSignal): Promise<boolean> {
    const { retryPeriodMs, random, clock } = this.#options;
    while (!signal.aborted) {
      if (await this.#tryAcquireOrRenew(signal)) return true;
      // Spread, so that two candidates do not stay in step and collide each time.
      await sleep(retryPeriodMs * (1 + 1.2 * random()), clock, signal);
    }
    return false;
  }

  /** True when the lease was lost, false when `ended` came first. */
  async #renewUntil(ended: AbortSignal): Promise<boolean> {
    const { retryPeriodMs, renewDeadlineMs, clock } = this.#options;
    while (!ended.aborted) {
      await sleep(retryPeriodMs, clock, ended);
      if (ended.aborted) return false;
      // An attempt that hangs must not outlast the deadline.
      const attempt = new Watchdog(clock);
      attempt.renew(Math.max(0, renewDeadlineMs - this.#sinceRenewal()));
      const renewed = await this.#tryAcquireOrRenew(attempt.signal);
      attempt.stop();
      if (renewed) continue;
      const holder = this.#lease?.spec?.holderIdentity;
      if (holder !== this.#options.identity || this.#sinceRenewal() >= renewDeadlineMs) return true;
    }
    return false;
  }

  async #tryAcquireOrRenew(signal: AbortSignal): Promise<boolean> {
    const { client, clock, renewDeadlineMs } = this.#options;
    // Counted from before the request: the server's record is never newer than we believe.
    const startedAt = clock.monotonic();
    // Half the deadline, so that one lost packet leaves time for a second attempt.
    const request = { signal, timeoutMs: renewDeadlineMs / 2 };
    try {
      // A leader writes straight on what it wrote last: one request instead of two. If somebody else wrote, it conflicts.
      if (!this.#leads) await this.#observe(request);
      if (!this.#isFree()) return false;
      const desired = this.#heldLease();
      this.#keep(
        this.#lease?.metadata.resourceVersion
          ? await client.update(LEASES, desired, request)
          : await client.create(LEASES, desired, request),
      );
      this.#renewedAt = startedAt;
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      if (isConflict(error) || isNotFound(error) || isAlreadyExists(error))
        await this.#observe(request).catch(() => {});
      this.#logger[this.#leads ? 'warn' : 'debug']('could not take or renew the lease', {
        error: errorMessage(error),
      });
      return false;
    }
  }

  /** Reads the Lease. Whether its holder is alive is told by its changing, never by the times in it. */
  async #observe(request: { signal: AbortSignal; timeoutMs: number }): Promise<void> {
    const { client, namespace, name } = this.#options;
    try {
      this.#keep(await client.get(LEASES, { namespace, name }, request));
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#lease = undefined;
    }
  }

  #keep(lease: Lease): void {
    const changed = JSON.stringify(lease.spec) !== JSON.stringify(this.#lease?.spec);
    if (changed || !this.#lease) this.#observedAt = this.#options.clock.monotonic();
    this.#lease = lease;
    const holder = lease.spec?.holderIdentity;
    if (holder && holder !== this.#reportedLeader) {
      this.#reportedLeader = holder;
      this.#logger.info('new leader', { identity: holder });
      this.#options.onNewLeader(holder);
    }
  }

  #isFree(): boolean {
    const { identity, leaseDurationMs, clock } = this.#options;
    const { holderIdentity, leaseDurationSeconds } = this.#lease?.spec ?? {};
    if (!holderIdentity || holderIdentity === identity) return true;
    // The holder's own promise counts: it may run with other settings than we do.
    const promisedMs = leaseDurationSeconds ? leaseDurationSeconds * 1000 : leaseDurationMs;
    return clock.monotonic() - this.#observedAt >= promisedMs;
  }

  #heldLease(): Lease {
    const { namespace, name, identity, leaseDurationMs, clock } = this.#options;
    return {
      metadata: this.#lease?.metadata ?? { namespace, name },
      spec: heldBy(identity, this.#lease?.spec, leaseDurationMs, clock.now()),
    };
  }

  async #release(): Promise<void> {
    const { client, clock, retryPeriodMs } = this.#options;
    if (!this.#lease) return;
    const spec = released(this.#lease.spec, clock.now());
    try {
      await client.update(LEASES, { ...this.#lease, spec }, { timeoutMs: retryPeriodMs });
      this.#lease = undefined;
      this.#reportedLeader = '';
      this.#logger.info('released the lease');
    } catch (error) {
      // Then the next leader waits until it runs out.
      this.#logger.warn('could not release the lease', { error: errorMessage(error) });
    }
  }

  #setLeads(leads: boolean): void {
    this.#leads = leads;
    this.#report(leads);
  }

  #sinceRenewal(): number {
    return this.#options.clock.monotonic() - this.#renewedAt;
  }
}
