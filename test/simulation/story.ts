import { annotations } from '../../api/names.ts';
import type { Report } from '../../api/report.ts';
import { formatTime } from '../../api/time.ts';
import { finished, isLive, type Job } from '../../controller/plan/kubernetes.ts';
import { connection, podOf, readyStatus, report } from '../../controller/plan/testkit/objects.ts';
import { Book } from './book.ts';
import { Cluster, type Kind } from './cluster.ts';
import { kinds, Process } from './process.ts';

/** What may happen to an export, its connection and its Jobs, in any order. */
export type Step =
  | { do: 'request'; value: 'new' | 'older' | 'same' | 'garbage' | 'past' | 'ahead' }
  | { do: 'schedule' | 'by hand' | 'change' | 'suspend' | 'resume' | 'end pods' }
  | {
      do: 'connection';
      becomes: 'ready' | 'broken' | 'suspended' | 'withdrawn' | 'deleted' | 'another' | 'changed';
    }
  | { do: 'finish'; how: 'well' | 'user' | 'passing' | 'silent' }
  | { do: 'delete'; which: number }
  | { do: 'wait'; seconds: number }
  /** The watches of these kinds catch up, then the controller looks; it may be killed at a write. */
  | { do: 'reconcile'; sync: readonly Kind[]; crashAfter?: number };

/** An export from its first sight to rest. */
export class Story {
  readonly cluster = new Cluster();
  readonly process = new Process(this.cluster);
  readonly book = new Book(this.cluster, this.process);
  #connections = 1;
  #byHand = 0;
  readonly #values: string[] = [];

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
      const before = this.cluster.writes;
      await this.process.reconcile();
      if (this.cluster.writes === before) return;
    }
    this.book.faults.push('it never comes to rest');
  }

  /** Everything is mended, and what waits may run: then nothing is left. */
  async end(): Promise<string[]> {
    this.#setConnection('ready');
    if (this.cluster.world.export.spec.suspend) this.cluster.changeSpec({ suspend: false });
    for (let round = 0; round < 60; round++) {
      this.cluster.now += 1000;
      this.cluster.endPodsWithoutJob();
      await this.settle();
      this.cluster.startPods();
      const live = this.#live();
      if (live) this.#finish(live, 'well');
      else if (![...this.cluster.world.jobs.values()].some((job) => !finished(job))) break;
    }
    await this.settle();
    this.book.close();
    return this.book.faults;
  }

  async #take(step: Step): Promise<void> {
    const { cluster } = this;
    switch (step.do) {
      case 'request':
        return this.#request(step.value);
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
        return this.#setConnection(step.becomes);
      case 'finish': {
        const live = this.#live();
        return live && this.#finish(live, step.how);
      }
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
        await this.process.reconcile(step.crashAfter);
        return;
    }
  }

  #request(what: 'new' | 'older' | 'same' | 'garbage' | 'past' | 'ahead'): void {
    const { now } = this.cluster;
    const last = this.#values.at(-1);
    const value = {
      new: formatTime(now),
      older: formatTime(now - 1_800_000),
      same: last ?? formatTime(now),
      garbage: 'now, please',
      past: '2020-01-01T00:00:00Z',
      ahead: formatTime(now + 3 * 86_400_000),
    }[what];
    this.#values.push(value);
    this.cluster.setExport((object) => ({
      ...object,
      metadata: {
        ...object.metadata,
        annotations: { ...object.metadata.annotations, [annotations.requestedAt]: value },
      },
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
    if (!cronJob) return;
    const { metadata, spec } = cronJob.spec.jobTemplate;
    this.cluster.createJob({
      metadata: { ...metadata, name, namespace: 'shop', annotations: { ...metadata?.annotations, ...more } },
      spec,
    });
  }

  #setConnection(becomes: Extract<Step, { do: 'connection' }>['becomes']): void {
    if (becomes === 'deleted') {
      this.cluster.setConnection(undefined);
      return;
    }
    const known = this.cluster.world.connections.get('nordic');
    const isNew = becomes === 'another' || known === undefined;
    if (isNew) this.#connections += 1;
    const uid = isNew ? `connection-${this.#connections}` : (known.metadata.uid ?? '');
    const secret = known?.spec.credentialsSecretRef.name ?? 'criteo-nordic';
    const next = connection({
      metadata: { uid },
      spec: {
        suspend: becomes === 'suspended',
        credentialsSecretRef: { name: becomes === 'changed' ? `secret-${this.cluster.now}` : secret },
      },
    });
    // The API server takes it only on an update.
    if (becomes === 'withdrawn') next.spec.dataPrivacy.agreed = false;
    if (becomes === 'broken') next.status = brokenStatus();
    this.cluster.setConnection(next);
  }

  #live(): Job | undefined {
    return [...this.cluster.world.jobs.values()].find(isLive);
  }

  #finish(job: Job, how: 'well' | 'user' | 'passing' | 'silent'): void {
    const { cluster } = this;
    const ends: Record<typeof how, Report | undefined> = {
      well: report({}, { uploaded: 3 }, {}),
      user: report({ reason: 'SourceNotFound' }),
      passing: report({ reason: 'CriteoUnavailable' }),
      silent: undefined,
    };
    const name = `${job.metadata.uid}-pod`;
    cluster.world.pods.set(name, cluster.stamp(podOf(job, ends[how] ?? { phase: 'Failed' }, name)));
    const type = how === 'well' ? 'Complete' : 'Failed';
    const conditions = [{ type, status: 'True', lastTransitionTime: formatTime(cluster.now) }];
    cluster.putJob({ ...job, status: { conditions } });
  }
}

function brokenStatus(): ReturnType<typeof readyStatus> {
  const status = readyStatus();
  const [ready] = status.conditions ?? [];
  if (!ready) return status;
  const broken = { ...ready, status: 'False' as const, reason: 'CredentialsRefused' };
  return { ...status, conditions: [broken, { ...broken, type: 'Stalled', status: 'True' }] };
}
