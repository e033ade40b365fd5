import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { annotations } from '../../api/names.ts';
import { parseTime } from '../../api/time.ts';
import { askOf, momentOf } from '../../controller/plan/ask.ts';
import { findCondition } from '../../controller/plan/conditions.ts';
import { blocker, definitionFault } from '../../controller/plan/definition.ts';
import { exportTemplate } from '../../controller/plan/exporttemplate.ts';
import { isLive, isPodAtWork, type Job } from '../../controller/plan/kubernetes.ts';
import { settings } from '../../controller/plan/testkit/objects.ts';
import { statusFaults } from '../../controller/plan/testkit/rules.ts';
import type { Cluster } from './cluster.ts';
import type { Process } from './process.ts';

/** schedule.startingDeadlineSeconds of the cluster's export. */
const deadlineMs = 3_600_000;

/** Keeps account of what was asked for and what became of it, and of every promise that was broken. */
export class Book {
  readonly faults: string[] = [];
  /** Askings that have had a Job, by the Job's name and creation. */
  readonly #asks = new Map<string, string>();
  readonly #released = new Map<string, Job>();
  readonly #deletedByHand = new Set<string>();
  /** Skipped by a controller that was killed before it could say so. */
  readonly #skippedUntold = new Set<string>();
  readonly #endedUids: string[] = [];
  #readyChanges = 0;
  readonly #cluster: Cluster;
  readonly #process: Process;

  constructor(cluster: Cluster, process: Process) {
    this.#cluster = cluster;
    this.#process = process;
    cluster.onCreate = (job) => void this.#asks.set(job.metadata.name ?? '', askOf(job));
    cluster.onDelete = (job, untold) => this.#delete(job, untold);
    cluster.onRelease = (job) => this.#release(job);
    cluster.onStatus = (before, after) => this.#status(before, after);
  }

  deletedByHand(job: Job): void {
    this.#deletedByHand.add(askOf(job));
  }

  #release(job: Job): void {
    const { world } = this.#cluster;
    const { caches } = this.#process;
    for (const other of world.jobs.values()) {
      if (other !== job && isLive(other)) this.#fault(`${nameOf(job)} starts beside ${nameOf(other)}`);
    }
    for (const name of caches.pods.keys()) {
      // A pod that no watch has told of yet cannot be minded.
      const pod = world.pods.get(name);
      if (pod && isPodAtWork(pod)) this.#fault(`${nameOf(job)} starts beside the pod ${pod.metadata.name}`);
    }
    const definition = {
      export: caches.export,
      connection: caches.connections.get('nordic'),
      claimExists: true,
    };
    const against = definitionFault(definition) ?? blocker(definition);
    if (against) this.#fault(`${nameOf(job)} starts in spite of ${against.reason}`);
    const today = exportTemplate(definition, settings)?.hash;
    if (job.metadata.annotations?.[annotations.templateHash] !== today) {
      this.#fault(`${nameOf(job)} starts with an older template`);
    }
    if (this.#process.caches.export.status?.activeRun?.jobUID !== job.metadata.uid) {
      const claimed = world.export.status?.activeRun?.jobUID === job.metadata.uid;
      if (!claimed) this.#fault(`${nameOf(job)} starts unclaimed`);
    }
    const before = this.#released.get(askOf(job));
    if (before) this.#fault(`${askOf(job)} starts twice: ${nameOf(before)}, ${nameOf(job)}`);
    this.#released.set(askOf(job), job);
  }

  #delete(job: Job, untold: boolean): void {
    const { schedule } = this.#cluster.world.export.status ?? {};
    const late = this.#cluster.now > momentOf(job) + deadlineMs;
    const since = Math.max(parseTime(schedule?.resumedAt) ?? 0, parseTime(schedule?.effectiveSince) ?? 0);
    if (untold && (late || momentOf(job) < since)) this.#skippedUntold.add(askOf(job));
  }

  #status(before: CriteoSegmentExport, after: CriteoSegmentExport): void {
    this.faults.push(...statusFaults(after, before.status?.conditions));
    const [then, now] = [before, after].map(({ status }) => findCondition(status?.conditions, 'Ready'));
    if (then?.status !== now?.status || then?.reason !== now?.reason) this.#readyChanges += 1;
    const [last, next] = [before.status?.lastRun, after.status?.lastRun];
    if (JSON.stringify(last) === JSON.stringify(next)) return;
    const uid = before.status?.activeRun?.jobUID ?? 'a run that was not active';
    if (this.#endedUids.includes(uid)) this.#fault(`the end of ${uid} is told twice`);
    this.#endedUids.push(uid);
  }

  /** To be called when all has come to rest, and everything that could run has run. */
  close(): void {
    const { events } = this.#process;
    const { status, metadata } = this.#cluster.world.export;
    const skipped = new Set(
      events
        .filter(({ reason }) => reason === 'RunSkipped')
        .map(({ note }) => this.#asks.get(note.split(' ')[2] ?? '')),
    );
    for (const ask of new Set(this.#asks.values())) {
      const known =
        this.#released.has(ask) ||
        skipped.has(ask) ||
        this.#deletedByHand.has(ask) ||
        this.#skippedUntold.has(ask);
      if (this.#released.has(ask) && skipped.has(ask)) this.#fault(`${ask} is skipped, and run`);
      const handled = ask === `Request ${status?.lastHandledRequestedAt}`;
      if (!known && !handled) this.#fault(`${ask} is lost`);
    }
    for (const job of this.#released.values()) {
      if (!this.#endedUids.includes(job.metadata.uid ?? ''))
        this.#fault(`the end of ${nameOf(job)} is never told`);
    }
    const value = metadata.annotations?.[annotations.requestedAt];
    const answered =
      value === undefined ||
      [status?.lastHandledRequestedAt, status?.lastIgnoredRequestedAt].includes(value) ||
      [...this.#asks.values()].includes(`Request ${value}`);
    if (!answered) this.#fault(`the request ${value} got no answer`);

    const count = (action: string) => events.filter((event) => event.action === action).length;
    if (count('FinishRun') > this.#endedUids.length) this.#fault('more ends were told than there were');
    if (count('CheckDefinition') > this.#readyChanges) this.#fault('Ready was told without having changed');
    if (status?.activeRun || status?.waitingRuns) this.#fault('at rest, but status tells of runs');
  }

  #fault(fault: string): void {
    this.faults.push(fault);
  }
}

function nameOf(job: Job): string {
  return `${job.metadata.name}/${job.metadata.uid}`;
}
