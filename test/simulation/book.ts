import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { annotations, finalizer } from '../../api/names.ts';
import { parseTime } from '../../api/time.ts';
import {
  type Answered,
  afterOf,
  approvalOf,
  askOf,
  isRetirement,
  momentOf,
} from '../../controller/plan/ask.ts';
import { findCondition } from '../../controller/plan/conditions.ts';
import { blocker, definitionFault } from '../../controller/plan/definition.ts';
import { definitionGeneration } from '../../controller/plan/definitionsince.ts';
import { policyOf } from '../../controller/plan/exportdocument.ts';
import { exportTemplate } from '../../controller/plan/exporttemplate.ts';
import { documentOf } from '../../controller/plan/jobdocument.ts';
import { isLive, isPodAtWork, type Job } from '../../controller/plan/kubernetes.ts';
import { stopReason } from '../../controller/plan/stop.ts';
import { settings } from '../../controller/plan/testkit/objects.ts';
import { statusFaults } from '../../controller/plan/testkit/rules.ts';
import type { Cluster, FollowedName } from './cluster.ts';
import type { Process } from './process.ts';

/** schedule.startingDeadlineSeconds of the cluster's export. */
const deadlineMs = 3_600_000;

/** As status names the Jobs that the export's runs follow. */
const targets: Record<FollowedName, string> = { refresh: 'CronJob refresh', load: 'Jobs app=load' };

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
  /** Runs that a person approved while they waited for it, and the generation that the person saw. */
  readonly #approved = new Map<string, number | undefined>();
  /** Connections by which something may have been sent that is still there. */
  readonly #filled = new Set<string>();
  /** When Jobs succeeded that runs follow. */
  readonly #successes: { target: string; at: number }[] = [];
  /** When the last run that follows was released, and what was answered with it. */
  #followedAt = 0;
  #answered: Answered = {};
  /** Until then what succeeded need not be followed: by the last look the export rested, or a person deleted the run. */
  #restedAt = 0;
  #readyChanges = 0;
  readonly #cluster: Cluster;
  readonly #process: Process;

  constructor(cluster: Cluster, process: Process) {
    this.#cluster = cluster;
    this.#process = process;
    cluster.onCreate = (job) => {
      if (!isRetirement(job)) this.#asks.set(job.metadata.name ?? '', askOf(job));
    };
    cluster.onDelete = (job, untold) => this.#delete(job, untold);
    cluster.onRelease = (job) => this.#release(job);
    cluster.onStatus = (before, after) => this.#status(before, after);
  }

  deletedByHand(job: Job): void {
    this.#deletedByHand.add(askOf(job));
    const { runAfter = [] } = this.#cluster.world.export.status ?? {};
    const answers = Object.entries(afterOf(job) ?? {});
    const isAnswered = ([target, time]: [string, string]) =>
      runAfter.some((entry) => entry.target === target && entry.handledUntil >= time);
    // It, or the one that it replaced, was claimed, though a crash kept that from its release: a run that was deleted.
    if (answers.length > 0 && answers.every(isAnswered)) this.#restedAt = this.#cluster.now;
  }

  succeeded(name: FollowedName): void {
    this.#successes.push({ target: targets[name], at: this.#cluster.now });
  }

  /** The controller looks, by its caches. */
  looks(): void {
    const definition = this.#definition();
    const rests =
      definitionFault(definition, settings) !== undefined ||
      stopReason(definition.connection) !== undefined ||
      definition.export.spec.suspend === true;
    if (rests) this.#restedAt = this.#cluster.now;
  }

  approved(runName: string): void {
    this.#approved.set(runName, definitionGeneration(this.#cluster.world.export));
  }

  /** A Job's pod ended. */
  finished(job: Job, well: boolean): void {
    const document = documentOf(job);
    if (well && document?.kind === 'Retire') this.#filled.delete(document.connection.name);
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
    if (this.#process.caches.export.status?.activeRun?.jobUID !== job.metadata.uid) {
      const claimed = world.export.status?.activeRun?.jobUID === job.metadata.uid;
      if (!claimed) this.#fault(`${nameOf(job)} starts unclaimed`);
    }
    this.#checkApproval(job);
    if (isRetirement(job)) this.#retires(job);
    else this.#runs(job);
  }

  #runs(job: Job): void {
    const { world } = this.#cluster;
    const { caches } = this.#process;
    const definition = this.#definition();
    const against = definitionFault(definition, settings) ?? blocker(definition, settings);
    if (against) this.#fault(`${nameOf(job)} starts in spite of ${against.reason}`);
    if (caches.export.metadata.deletionTimestamp !== undefined) {
      this.#fault(`${nameOf(job)} starts in spite of the deletion`);
    }
    const today = exportTemplate(definition, settings)?.hash;
    if (job.metadata.annotations?.[annotations.templateHash] !== today) {
      this.#fault(`${nameOf(job)} starts with an older template`);
    }
    const before = this.#released.get(askOf(job));
    if (before) this.#fault(`${askOf(job)} starts twice: ${nameOf(before)}, ${nameOf(job)}`);
    this.#released.set(askOf(job), job);
    this.#follows(job);

    const document = documentOf(job);
    if (document?.kind !== 'Export' || document.plan || !document.ledger) return;
    const { name } = document.connection;
    this.#filled.add(name);
    if (!world.export.status?.ledgers?.some(({ connection }) => connection === name)) {
      this.#fault(`${nameOf(job)} starts, and status does not remember ${name}`);
    }
    const { spec } = caches.export;
    if (policyOf(spec) !== 'Retain' && !world.export.metadata.finalizers?.includes(finalizer)) {
      this.#fault(`${nameOf(job)} starts without a finalizer`);
    }
  }

  #definition() {
    const { caches } = this.#process;
    return {
      export: caches.export,
      connection: caches.connections.get(caches.export.spec.connectionRef.name),
      claimExists: true,
    };
  }

  #follows(job: Job): void {
    const answers = afterOf(job);
    if (!answers) return;
    const isNew = ([target, time]: [string, string]) =>
      (parseTime(time) ?? 0) > (parseTime(this.#answered[target]) ?? 0);
    if (!Object.entries(answers).some(isNew)) this.#fault(`${nameOf(job)} follows what was answered`);
    const { runAfter = [] } = this.#cluster.world.export.status ?? {};
    this.#answered = Object.fromEntries(runAfter.map(({ target, handledUntil }) => [target, handledUntil]));
    this.#followedAt = this.#cluster.now;
  }

  /** @param skipped askings that were skipped. */
  #checkFollowed(skipped: readonly (string | undefined)[]): void {
    const passedOver = skipped.flatMap((ask) => {
      const text = /^After (.*)$/.exec(ask ?? '')?.[1];
      return text === undefined ? [] : [JSON.parse(text) as Answered];
    });
    for (const { target, at } of this.#successes) {
      const isSkipped = passedOver.some((answers) => (parseTime(answers[target]) ?? 0) >= at);
      if (at > this.#followedAt && at > this.#restedAt && !isSkipped) {
        this.#fault(`no run followed what succeeded at ${at} (${target})`);
      }
    }
  }

  #retires(job: Job): void {
    const document = documentOf(job);
    const connection = this.#process.caches.connections.get(document?.connection.name ?? '');
    const against = stopReason(connection);
    if (against !== undefined) this.#fault(`${nameOf(job)} starts, but: ${against}`);
    const { export: resource } = this.#process.caches;
    if (policyOf(resource.spec) === 'Retain') this.#fault(`${nameOf(job)} starts in spite of Retain`);
  }

  #checkApproval(job: Job): void {
    const approval = approvalOf(job);
    const document = documentOf(job);
    const token = document?.kind === 'Check' ? undefined : document?.approval;
    if (approval?.token !== token) this.#fault(`${nameOf(job)} has another token than its approval`);
    if (!approval) return;
    const generation = this.#approved.get(approval.runName);
    if (document?.kind === 'Export' && document.generation !== generation) {
      this.#fault(`${nameOf(job)} is of another definition than the one that was approved`);
    }
    // An approval is good for one run, the next one needs another.
    if (!this.#approved.delete(approval.runName)) {
      this.#fault(`${nameOf(job)} starts by an approval that nobody gave, or a second time`);
    }
  }

  #delete(job: Job, untold: boolean): void {
    const { schedule, lastSkippedRun } = this.#cluster.world.export.status ?? {};
    const isTold = lastSkippedRun?.jobUID === job.metadata.uid;
    const late = this.#cluster.now > momentOf(job) + deadlineMs;
    const since = Math.max(parseTime(schedule?.resumedAt) ?? 0, parseTime(schedule?.effectiveSince) ?? 0);
    const outdated = approvalOf(job) !== undefined;
    // Of several that are skipped at once, status tells of the newest.
    if (untold && (isTold || late || momentOf(job) < since || outdated)) this.#skippedUntold.add(askOf(job));
  }

  #status(before: CriteoSegmentExport, after: CriteoSegmentExport): void {
    this.faults.push(...statusFaults(after, before.status?.conditions));
    const [then, now] = [before, after].map(({ status }) => findCondition(status?.conditions, 'Ready'));
    if (then?.status !== now?.status || then?.reason !== now?.reason) this.#readyChanges += 1;
    this.#forgets(before, after);
    this.#guard(before, after);
    const { activeRun: claimed } = after.status ?? {};
    const isThere = [...this.#cluster.world.jobs.values()].some(
      ({ metadata }) => metadata.uid === claimed?.jobUID,
    );
    // Claimed by a cache that does not know yet that somebody deleted it: its end is told as that.
    const isUnseen = claimed?.trigger === 'After' && !isThere;
    // It is resumed when the controller sees it.
    if (isUnseen || before.status?.schedule?.suspended) this.#restedAt = this.#cluster.now;
    const active = before.status?.activeRun;
    const [told, tells] = [before, after].map(({ status }) => endsIn(status));
    if (!tells?.some((end) => !told?.includes(end))) return;
    const uid = active?.jobUID ?? 'a run that was not active';
    if (this.#endedUids.includes(uid)) this.#fault(`the end of ${uid} is told twice`);
    this.#endedUids.push(uid);
    const isRun = JSON.stringify(before.status?.lastRun) !== JSON.stringify(after.status?.lastRun);
    if (isRun && (active?.trigger === 'Plan' || active?.trigger === 'Retire')) {
      this.#fault(`the end of a ${active.trigger} is told as a run's`);
    }
  }

  /** What the guard stopped is hidden by no run that decided nothing, and the command that Ready tells does something. */
  #guard(before: CriteoSegmentExport, after: CriteoSegmentExport): void {
    const [then, now] = [before, after].map(({ status }) => findCondition(status?.conditions, 'Ready'));
    const { lastRun, lastHandledApprovedRun } = after.status ?? {};
    const { retirements = [], pendingApproval } = before.status ?? {};
    const ofRun = pendingApproval && !retirements.some((entry) => entry.pendingApproval);
    const decided = lastRun?.reason === 'Succeeded' || lastRun?.reason === 'SegmentsFailed';
    const isSame = before.status?.observedGeneration === after.status?.observedGeneration;
    if (ofRun && isSame && !decided && then?.reason === 'RemovalGuard') {
      if (now?.reason === 'LastRunFailed' || now?.reason === 'AwaitingRun') {
        this.#fault(`a stop of the guard is hidden by ${lastRun?.reason}`);
      }
    }
    const named = /approvedRun=([a-z0-9.-]+)`/.exec(now?.reason === 'RemovalGuard' ? now.message : '')?.[1];
    const isRefused = now?.message.includes('take the annotation away') ?? false;
    if (named !== undefined && named === lastHandledApprovedRun && !isRefused) {
      this.#fault(`Ready tells to approve ${named}, which does nothing`);
    }
  }

  /** What status forgets was dealt with, or somebody was told. */
  #forgets(before: CriteoSegmentExport, after: CriteoSegmentExport): void {
    const [then, now] = [before, after].map(({ status }) =>
      (status?.ledgers ?? []).map(({ connection }) => connection),
    );
    for (const name of then ?? []) {
      if (now?.includes(name) || !this.#filled.has(name)) continue;
      const entry = after.status?.retirements?.find(({ connection }) => connection === name);
      if (entry?.outcome === 'LeftAtCriteo') this.#filled.delete(name);
      else this.#fault(`${name} is forgotten, and nobody was told (${entry?.outcome})`);
    }
  }

  /** To be called when all has come to rest, and everything that could run has run. */
  close(): void {
    const { events } = this.#process;
    const { world } = this.#cluster;
    const { status, metadata } = world.export;
    if (metadata.deletionTimestamp !== undefined) {
      if (!world.gone) this.#fault('it was deleted, and never goes');
      this.#closeDeleted();
      return;
    }
    const skippedJobs = events
      .filter(({ reason }) => reason === 'RunSkipped')
      .map(({ note }) => note.split(' ')[2] ?? '');
    const skipped = new Set(skippedJobs.map((name) => this.#asks.get(name)));
    const keeps = status?.lastSkippedRun?.jobName;
    // Of one that somebody had deleted, and the watch was late with it, no event tells.
    const isUntold =
      this.#skippedUntold.size > 0 || this.#deletedByHand.has(this.#asks.get(keeps ?? '') ?? '');
    if (skippedJobs.length > 0 && !isUntold && !skippedJobs.includes(keeps ?? '')) {
      this.#fault(`${skippedJobs.at(-1)} was skipped, and status tells of ${keeps}`);
    }
    for (const ask of new Set(this.#asks.values())) {
      const known =
        this.#released.has(ask) ||
        skipped.has(ask) ||
        this.#deletedByHand.has(ask) ||
        this.#skippedUntold.has(ask);
      if (this.#released.has(ask) && skipped.has(ask)) this.#fault(`${ask} is skipped, and run`);
      const handled = ask === `Request ${status?.lastHandledRequestedAt}`;
      // One run that follows answers for another: what must not be lost is what succeeded.
      const follows = ask.startsWith('After ');
      if (!known && !handled && !follows && !this.#isSuperseded(ask)) this.#fault(`${ask} is lost`);
    }
    for (const job of this.#released.values()) {
      if (!this.#endedUids.includes(job.metadata.uid ?? ''))
        this.#fault(`the end of ${nameOf(job)} is never told`);
    }
    this.#checkFollowed([...skipped, ...this.#skippedUntold]);
    this.#checkAnswered(annotations.requestedAt, 'Request', [
      status?.lastHandledRequestedAt,
      status?.lastIgnoredRequestedAt,
    ]);
    this.#checkAnswered(annotations.planRequestedAt, 'Plan', [
      status?.lastHandledPlanRequestedAt,
      status?.lastIgnoredPlanRequestedAt,
    ]);
    this.#checkAnswered(annotations.approvedRun, 'Approval', [status?.lastHandledApprovedRun]);

    const count = (action: string) => events.filter((event) => event.action === action).length;
    const ends = count('FinishRun') + count('FinishPlan');
    if (ends > this.#endedUids.length) this.#fault('more ends were told than there were');
    if (count('CheckDefinition') > this.#readyChanges) this.#fault('Ready was told without having changed');
    if (status?.activeRun || status?.waitingRuns) this.#fault('at rest, but status tells of runs');
    const remembered = status?.ledgers?.map(({ connection }) => connection) ?? [];
    for (const name of this.#filled) {
      if (!remembered.includes(name)) this.#fault(`${name} is filled, and status does not remember it`);
    }
    const mustHave = policyOf(world.export.spec) !== 'Retain' && remembered.length > 0;
    if (mustHave !== (metadata.finalizers?.includes(finalizer) ?? false)) {
      this.#fault(`its finalizer is ${mustHave ? 'missing' : 'left'}`);
    }
  }

  /** With Retain, nothing keeps a deleted export, and everything of it stays. */
  #closeDeleted(): void {
    if (policyOf(this.#cluster.world.export.spec) === 'Retain' || this.#cluster.goneAtOnce) return;
    const told = this.#process.events
      .filter(({ reason }) => reason === 'LeftAtCriteo')
      .map(({ note }) => note);
    const { retirements = [] } = this.#cluster.world.export.status ?? {};
    for (const { connection, reason, message = '' } of retirements) {
      if (reason !== 'LeftAtCriteo') continue;
      if (!told.includes(message)) this.#fault(`${connection} was left at Criteo, and no event says so`);
    }
    for (const name of this.#filled) this.#fault(`${name} was left at Criteo, and nobody was told`);
  }

  #checkAnswered(annotation: string, trigger: string, known: (string | undefined)[]): void {
    const value = this.#cluster.world.export.metadata.annotations?.[annotation];
    if (value === undefined || known.includes(value)) return;
    if (![...this.#asks.values()].includes(`${trigger} ${value}`)) {
      this.#fault(`${annotation}: ${value} got no answer`);
    }
  }

  /** A later plan answers an earlier one. */
  #isSuperseded(ask: string): boolean {
    const at = parseTime(/^Plan (.*)$/.exec(ask)?.[1]);
    const handled = parseTime(this.#cluster.world.export.status?.lastHandledPlanRequestedAt);
    return at !== undefined && handled !== undefined && handled >= at;
  }

  #fault(fault: string): void {
    this.faults.push(fault);
  }
}

/** Everything that tells of a run's, a plan's or a retirement's end. */
function endsIn(status: CriteoSegmentExport['status']): string[] {
  const retirements = (status?.retirements ?? []).filter(({ finishedAt }) => finishedAt !== undefined);
  const ends = retirements.map(({ jobName, finishedAt }) => ({ jobName, finishedAt }));
  return [status?.lastRun, status?.plan, ...ends].map((end) => JSON.stringify(end ?? null));
}

function nameOf(job: Job): string {
  return `${job.metadata.name}/${job.metadata.uid}`;
}
