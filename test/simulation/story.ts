import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import { annotations } from '../../api/names.ts';
import { noCounts, type Report } from '../../api/report.ts';
import type { DeletionPolicy } from '../../api/rundocument.ts';
import { formatTime } from '../../api/time.ts';
import { documentOf } from '../../controller/plan/jobdocument.ts';
import { finished, isLive, type Job } from '../../controller/plan/kubernetes.ts';
import { connection, podOf, readyStatus, report } from '../../controller/plan/testkit/objects.ts';
import { Book } from './book.ts';
import { Cluster, type ConnectionName, connectionNames, type FollowedName, type Kind } from './cluster.ts';
import { kinds, Process } from './process.ts';

/** What may happen to an export, its connection and its Jobs, in any order. */
export type Step =
  | { do: 'request' | 'plan'; value: 'new' | 'older' | 'same' | 'garbage' | 'past' | 'ahead' }
  | { do: 'approve'; what: 'pending' | 'older' | 'garbage' }
  | { do: 'schedule' | 'by hand' | 'change' | 'suspend' | 'resume' | 'end pods' }
  | { do: 'point'; to: ConnectionName }
  | { do: 'policy'; policy: DeletionPolicy }
  | { do: 'succeed'; name: FollowedName }
  | { do: 'delete the export' | 'end the namespace' }
  | {
      do: 'connection';
      name: ConnectionName;
      becomes: 'ready' | 'broken' | 'suspended' | 'withdrawn' | 'deleted' | 'another' | 'changed';
    }
  | { do: 'finish'; how: End }
  /** Somebody asks, and nothing goes wrong until what starts by it ends. */
  | { do: 'turn'; asks: 'request' | 'plan' | 'approve' | 'nobody'; how: End }
  | { do: 'delete'; which: number }
  | { do: 'wait'; seconds: number }
  /** The watches of these kinds catch up, then the controller looks; it may be killed at a write. */
  | { do: 'reconcile'; sync: readonly Kind[]; crashAfter?: number };

export type End = 'well' | 'user' | 'passing' | 'silent' | 'guard';

/** An export from its first sight to rest, or to its end. */
export class Story {
  readonly cluster: Cluster;
  readonly process: Process;
  readonly book: Book;
  readonly #hasLedger: boolean;
  #connections = 1;
  #byHand = 0;
  #tokens = 0;
  readonly #values = { request: [] as string[], plan: [] as string[], approve: [] as string[] };

  constructor({
    hasLedger,
    policy,
    clockAheadMs,
  }: {
    hasLedger: boolean;
    policy: DeletionPolicy;
    clockAheadMs: number;
  }) {
    this.#hasLedger = hasLedger;
    const connections = connectionNames.map((name) => this.#connection(name, `${name}-1`));
    this.cluster = new Cluster(connections, hasLedger ? policy : 'Retain');
    this.process = new Process(this.cluster, clockAheadMs);
    this.book = new Book(this.cluster, this.process);
  }

  async play(steps: readonly Step[]): Promise<void> {
    await this.settle();
    for (const step of steps) {
      // Two things in one second cannot be told apart by Kubernetes' times.
      this.cluster.now += 1000;
      await this.#take(step);
      this.cluster.startPods();
    }
  }

  /** All caches catch up, and the controller works until it has nothing more to do. */
  async settle(): Promise<void> {
    for (let round = 0; round < 12; round++) {
      this.process.sync(...kinds);
      this.book.looks();
      const before = this.cluster.writes;
      await this.process.reconcile();
      if (this.cluster.writes === before) return;
    }
    this.book.faults.push('it never comes to rest');
  }

  /** Everything is mended, and what waits may run: then nothing is left. */
  async end(): Promise<string[]> {
    const { cluster } = this;
    const { spec, metadata } = cluster.world.export;
    if (metadata.deletionTimestamp === undefined) {
      for (const name of connectionNames) this.#setConnection(name, 'ready');
      if (spec.suspend) cluster.changeSpec({ suspend: false });
      if (!this.#hasLedger && spec.deletionPolicy !== 'Retain')
        cluster.changeSpec({ deletionPolicy: 'Retain' });
    }
    // What succeeded a moment ago counts when the controller's clock has come to it.
    cluster.now += Math.max(-this.process.clockAheadMs, 0);
    for (let round = 0; round < 60; round++) {
      cluster.now += 1000;
      cluster.endPodsWithoutJob();
      await this.settle();
      cluster.startPods();
      const live = this.#live();
      if (live) this.#finish(live, 'well');
      else if (cluster.world.gone) break;
      else if (metadata.deletionTimestamp !== undefined) cluster.now += 300_000;
      else if (![...cluster.world.jobs.values()].some((job) => !finished(job))) break;
    }
    await this.settle();
    this.book.close();
    return this.book.faults;
  }

  async #take(step: Step): Promise<void> {
    const { cluster } = this;
    const { gone, export: object } = cluster.world;
    if (gone && step.do !== 'reconcile' && step.do !== 'end pods') return;
    switch (step.do) {
      case 'request':
      case 'plan':
        return this.#request(step.do, step.value);
      case 'approve':
        return this.#approve(step.what);
      case 'succeed':
        cluster.succeed(step.name);
        return this.book.succeeded(step.name);
      case 'point':
        return cluster.changeSpec({ connectionRef: { name: step.to } });
      case 'policy':
        return cluster.changeSpec({ deletionPolicy: step.policy });
      case 'delete the export':
        return cluster.deleteExport();
      case 'end the namespace':
        // Its contents are deleted, in any order; what is left here is the one that waits.
        if (object.metadata.deletionTimestamp === undefined) return;
        cluster.terminating = true;
        return;
      case 'schedule':
        return this.#schedule();
      case 'by hand':
        this.#byHand += 1;
        return this.#fromCronJob(`by-hand-${this.#byHand}`, {});
      case 'change':
        return cluster.changeSpec({ name: `Readers ${cluster.now}` });
      case 'suspend':
      case 'resume':
        return cluster.changeSpec({ suspend: step.do === 'suspend' });
      case 'end pods':
        return cluster.endPodsWithoutJob();
      case 'connection':
        return this.#setConnection(step.name, step.becomes);
      case 'finish': {
        const live = this.#live();
        return live && this.#finish(live, step.how);
      }
      case 'turn':
        return await this.#turn(step.asks, step.how);
      case 'delete': {
        const jobs = [...cluster.world.jobs.values()];
        const job = jobs[step.which % Math.max(jobs.length, 1)];
        if (!job) return;
        this.book.deletedByHand(job);
        return cluster.removeJob(job.metadata.name ?? '');
      }
      case 'wait':
        cluster.now += step.seconds * 1000;
        return;
      case 'reconcile':
        this.process.sync(...step.sync);
        this.book.looks();
        await this.process.reconcile(step.crashAfter);
        return;
    }
  }

  async #turn(asks: Extract<Step, { do: 'turn' }>['asks'], how: End): Promise<void> {
    if (asks === 'approve') this.#approve('pending');
    else if (asks !== 'nobody') this.#request(asks, 'new');
    await this.settle();
    this.cluster.startPods();
    const live = this.#live();
    this.cluster.now += 1000;
    if (live) this.#finish(live, how);
    await this.settle();
  }

  #request(asksFor: 'request' | 'plan', what: 'new' | 'older' | 'same' | 'garbage' | 'past' | 'ahead'): void {
    const { now } = this.cluster;
    const last = this.#values[asksFor].at(-1);
    const value = {
      new: formatTime(now),
      older: formatTime(now - 1_800_000),
      same: last ?? formatTime(now),
      garbage: 'now, please',
      past: '2020-01-01T00:00:00Z',
      ahead: formatTime(now + 3 * 86_400_000),
    }[what];
    this.#values[asksFor].push(value);
    this.#annotate(asksFor === 'request' ? annotations.requestedAt : annotations.planRequestedAt, value);
  }

  #approve(what: 'pending' | 'older' | 'garbage'): void {
    const { pendingApproval, retirements = [] } = this.cluster.world.export.status ?? {};
    const waiting = [pendingApproval, ...retirements.map((entry) => entry.pendingApproval)];
    const pending = waiting.find((one) => one !== undefined)?.runName;
    const value = what === 'garbage' ? 'Yes!' : what === 'older' ? this.#values.approve.at(-1) : pending;
    if (value === undefined) return;
    this.#values.approve.push(value);
    if (waiting.some((one) => one?.runName === value)) this.book.approved(value);
    this.#annotate(annotations.approvedRun, value);
  }

  #annotate(name: string, value: string): void {
    this.cluster.setExport((object) => ({
      ...object,
      metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, [name]: value } },
    }));
  }

  /** As the CronJob controller does with the policy Forbid. */
  #schedule(): void {
    const [cronJob] = this.cluster.world.cronJobs.values();
    const busy = [...this.cluster.world.jobs.values()].some(
      (job) => !finished(job) && job.metadata.name?.startsWith('scheduled-'),
    );
    if (cronJob?.spec.suspend || busy) return;
    const time = formatTime(this.cluster.now);
    this.#fromCronJob(`scheduled-${this.cluster.now}`, { [annotations.scheduledTimestamp]: time });
  }

  #fromCronJob(name: string, more: Record<string, string>): void {
    const [cronJob] = this.cluster.world.cronJobs.values();
    if (!cronJob || this.cluster.terminating) return;
    const { metadata, spec } = cronJob.spec.jobTemplate;
    this.cluster.createJob({
      metadata: { ...metadata, name, namespace: 'shop', annotations: { ...metadata?.annotations, ...more } },
      spec,
    });
  }

  #connection(name: string, uid: string, spec: Partial<CriteoConnection['spec']> = {}): CriteoConnection {
    const ledger = this.#hasLedger ? { ledger: { volume: { size: '1Gi' } } } : {};
    return connection({ metadata: { name, uid }, spec: { ...ledger, ...spec } });
  }

  #setConnection(name: ConnectionName, becomes: Extract<Step, { do: 'connection' }>['becomes']): void {
    if (becomes === 'deleted') {
      this.cluster.setConnection(name, undefined);
      return;
    }
    const known = this.cluster.world.connections.get(name);
    const isNew = becomes === 'another' || known === undefined;
    if (isNew) this.#connections += 1;
    const uid = isNew ? `${name}-${this.#connections}` : (known.metadata.uid ?? '');
    const secret = known?.spec.credentialsSecretRef.name ?? 'criteo-nordic';
    const next = this.#connection(name, uid, {
      suspend: becomes === 'suspended',
      credentialsSecretRef: { name: becomes === 'changed' ? `secret-${this.cluster.now}` : secret },
    });
    // The API server takes it only on an update.
    if (becomes === 'withdrawn') next.spec.dataPrivacy.agreed = false;
    if (becomes === 'broken') next.status = brokenStatus();
    this.cluster.setConnection(name, next);
  }

  #live(): Job | undefined {
    return [...this.cluster.world.jobs.values()].find(isLive);
  }

  #finish(job: Job, how: End): void {
    const { cluster } = this;
    const name = `${job.metadata.uid}-pod`;
    const end = this.#reportOf(job, how);
    cluster.world.pods.set(name, cluster.stamp(podOf(job, end ?? { phase: 'Failed' }, name)));
    const type = how === 'well' ? 'Complete' : 'Failed';
    const conditions = [{ type, status: 'True', lastTransitionTime: formatTime(cluster.now) }];
    this.book.finished(job, how === 'well');
    cluster.putJob({ ...job, status: { conditions } });
  }

  /** What the exporter would say; undefined where it says nothing. */
  #reportOf(job: Job, how: End): Report | undefined {
    const document = documentOf(job);
    const kind = document?.kind ?? 'Export';
    const isPlan = document?.kind === 'Export' && document.plan === true;
    const base = { kind, ...(isPlan ? { plan: true as const } : {}) };
    const retired = { reason: 'RemovalGuard' as const, policy: 'Empty' as const, advertiserId: '12345' };
    // What would be removed stays the same until something was sent.
    if (how === 'well' && !isPlan) this.#tokens += 1;
    const guarded = { reason: 'SegmentsFailed' as const, approval: String(this.#tokens).padStart(16, '0') };
    const reports: Record<End, () => Report | undefined> = {
      well: () =>
        kind === 'Retire' ? report(base) : report(base, { uploaded: 3, criteoSegmentId: '1001' }, {}),
      user: () => report({ ...base, reason: kind === 'Retire' ? 'LedgerForbidden' : 'SourceNotFound' }),
      passing: () => report({ ...base, reason: 'CriteoUnavailable' }),
      silent: () => undefined,
      guard: () =>
        kind === 'Retire'
          ? report({
              ...base,
              ...guarded,
              retired: { total: 1, list: [{ ...noCounts, ...retired, removed: 0, held: 3 }] },
            })
          : report({ ...base, ...guarded }, {}, { reason: 'RemovalGuard', details: { count: 3, total: 3 } }),
    };
    return reports[how]();
  }
}

function brokenStatus(): ReturnType<typeof readyStatus> {
  const status = readyStatus();
  const [ready] = status.conditions ?? [];
  if (!ready) return status;
  const broken = { ...ready, status: 'False' as const, reason: 'CredentialsRefused' };
  return { ...status, conditions: [broken, { ...broken, type: 'Stalled', status: 'True' }] };
}
