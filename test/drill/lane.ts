import { appendFileSync, existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExportRun, RetireRun } from '../../api/rundocument.ts';
import { openPlace, type Place } from '../integration/ledger/homes.ts';
import { type Fault, type Sandbox, type SegmentView, startSandbox } from '../sandbox/sandbox.ts';
import { compare, type Found } from './check.ts';
import { Criteo } from './criteo.ts';
import { happen } from './events.ts';
import { ExporterProcess, type Outcome, type Times, timesOf } from './exporterprocess.ts';
import { faultOfEmptying, faultsFor } from './faults.ts';
import { Killer } from './kill.ts';
import { LedgerView } from './ledgerview.ts';
import { Random } from './random.ts';
import { forbidden, Story } from './story.ts';

/** What a drill did so far, over all its lanes. */
export interface Tally {
  rounds: number;
  killed: number;
  faults: number;
  quiet: number;
  /** Runs that had written their report and did not end. */
  stuck: number;
}

export interface LaneOptions {
  /** Which of the lanes it is. */
  lane: number;
  seed: number;
  /** Where the ledger of an export lives. */
  place: (uid: string) => Place;
  program: string;
  /** Where the lane keeps its log; left there for whoever looks for the cause of a failure. */
  directory: string;
  tally: Tally;
  /** Whether another round is to be made. */
  goesOn: () => boolean;
}

/** Something was not as it must be. Its message has counts and names of segments, never an address. */
export class DrillFailure extends Error {}

/** How long a quiet point may take to come. */
const quietWithinMs = 60_000;

/** One export, its ledger and its Criteo, through rounds of kills and faults. */
export class Lane {
  readonly #random: Random;
  readonly #options: LaneOptions;
  readonly #criteo: Criteo;
  readonly #exporter: ExporterProcess;
  readonly #story: Story;
  readonly #killer: Killer;
  readonly #times: Times;
  readonly #bystanders = new Map<string, SegmentView>();
  #approval: string | undefined;
  #round = 0;
  #wasKilled = false;
  #note: Record<string, unknown> = {};

  /** @throws DrillFailure, with the round in its message. */
  static async run(options: LaneOptions): Promise<void> {
    const sandbox = await startSandbox({ callsPerMinute: 0 });
    const lane = new Lane(options, sandbox);
    try {
      await lane.#play();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      lane.#log({ failed: error.message });
      throw new DrillFailure(`lane ${options.lane}, round ${lane.#round}: ${error.message}`, {
        cause: error,
      });
    } finally {
      await sandbox.close();
    }
  }

  private constructor(options: LaneOptions, sandbox: Sandbox) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#criteo = new Criteo(sandbox);
    this.#story = new Story(this.#random, options.lane);
    const place = options.place(this.#story.uid);
    this.#times = timesOf(options.lane);
    this.#exporter = new ExporterProcess(options.program, options.directory, place, this.#times);
    this.#killer = new Killer(this.#random, () => sandbox.requests());
  }

  get #sandbox(): Sandbox {
    return this.#criteo.sandbox;
  }

  async #ledger(): Promise<LedgerView> {
    const { uid } = this.#story;
    return new LedgerView(await openPlace(this.#options.place(uid)), uid);
  }

  async #play(): Promise<void> {
    await mkdir(this.#options.directory, { recursive: true });
    await this.#exporter.prepare();
    this.#addOthers();
    this.#addBystander();
    while (this.#options.goesOn()) {
      await this.#sequence();
      await this.#quiet();
    }
  }

  /** Segments that other people made: one is to be kept, one taken over. */
  #addOthers(): void {
    const story = this.#story;
    for (const slot of story.slots) {
      if (slot.kind === 'Refuse' || slot.place.id !== undefined) continue;
      const members = story.foreigners(5);
      slot.existing = slot.kind;
      slot.place.id = this.#criteo.addSegment(story.advertiserId, slot.criteoName, members);
      slot.place.origin = slot.kind === 'Keep' ? 'Kept' : 'TakenOver';
      const into = slot.kind === 'Keep' ? slot.place.foreign : slot.place.toGo;
      for (const member of members) into.add(member);
    }
  }

  /** One that nobody is to touch. */
  #addBystander(): void {
    const story = this.#story;
    const id = this.#criteo.addSegment(story.advertiserId, 'somebody else\u2019s', story.foreigners(3));
    const view = this.#sandbox.segment(id);
    if (view) this.#bystanders.set(id, view);
  }

  /** From quiet to unrest. */
  async #sequence(): Promise<void> {
    const random = this.#random;
    if (random.chance(50)) this.#addForeigners();
    if (random.chance(25)) await this.#guardScene();
    const length = random.whole(8, 16);
    for (let round = 0; round < length && this.#options.goesOn(); round++) {
      const events = await happen(this.#story, this.#criteo, random, this.#wasKilled);
      this.#note = { events };
      if (random.chance(7)) await this.#plan();
      else await this.#exportRound();
    }
    if (random.chance(30) && this.#options.goesOn()) await this.#retireScene();
  }

  #addForeigners(): void {
    // Whether one that left before it was taken over for certain is emptied when it is back hangs on how far a
    // killed run had come: whoever is put in there meanwhile may go or stay, and proves nothing.
    const there = this.#story.slots.filter(
      ({ place }) => place.id !== undefined && (place.origin !== 'TakenOver' || place.isKnown),
    );
    for (const slot of this.#random.some(there, 2)) {
      const members = this.#story.foreigners(this.#random.whole(1, 3));
      this.#criteo.addForeigners(slot.place.id ?? '', members);
      for (const member of members) slot.place.foreign.add(member);
    }
  }

  /** Many leave at once: nobody is removed but whose consent is gone, until a person approves it or they are back. */
  async #guardScene(): Promise<void> {
    const story = this.#story;
    const known = story.slotsIn.filter(({ place }) => place.isKnown && place.people.size >= 10);
    if (known.length === 0) return;
    const slot = this.#random.one(known);
    const rows = new Map(slot.rows);
    story.maxPercent = 30;
    const leaving = this.#random.some(story.wantedOf(slot), Math.ceil(story.wantedOf(slot).size * 0.6));
    for (const member of leaving) slot.rows.delete(Number(member.slice(1)));
    for (let round = this.#random.whole(1, 3); round > 0; round--) {
      this.#note = { scene: 'guard' };
      await this.#exportRound({ isApproved: false });
      const view = this.#sandbox.segment(slot.place.id ?? '');
      const members = view && this.#criteo.membersOf(view, story.everybody());
      const missing = story.guardedOf(slot).difference(members ?? new Set());
      if (missing.size > 0) throw new DrillFailure(`${missing.size} people were removed past the guard`);
    }
    if (!this.#random.chance(50)) return;
    slot.rows.clear();
    for (const [person, consent] of rows) slot.rows.set(person, consent);
  }

  async #exportRound({ isApproved = this.#random.chance(50) } = {}): Promise<void> {
    const story = this.#story;
    story.approval = isApproved ? this.#approval : undefined;
    story.noteRun();
    const outcome = await this.#run(story.exportDocument(this.#surroundings(), false), { withLate: true });
    this.#learn(outcome);
    this.#checkIfDone(outcome);
  }

  /** A plan changes nothing, killed or not. */
  async #plan(): Promise<void> {
    const before = await (await this.#ledger()).tag();
    const document = this.#story.exportDocument(this.#surroundings(), true);
    const outcome = await this.#run(document, { withLate: false });
    this.#learn(outcome);
    if (this.#criteo.writes() > 0) throw new DrillFailure('a plan made calls that change something');
    if ((await (await this.#ledger()).tag()) !== before) throw new DrillFailure('a plan changed the ledger');
  }

  /** The export is deleted, by a run that is killed as well, and begun anew. */
  async #retireScene(): Promise<void> {
    const story = this.#story;
    // Nobody comes back to a ledger that is gone: what were late then would stay so.
    await this.#effectsHaveCome();
    story.retire(this.#random.one(['Empty', 'Delete']));
    this.#approval = undefined;
    for (let round = 0; ; round++) {
      if (round === 20) throw new DrillFailure('the export is not retired after 20 runs');
      story.noteRun();
      this.#note = { scene: 'retire', policy: story.policy };
      const isCalm = round >= 8;
      const document = story.retireDocument(this.#surroundings());
      const outcome = await this.#run(document, { withLate: false, isCalm });
      if (outcome.report?.reason === 'Succeeded') break;
      if (isCalm) this.#requirePassing(outcome);
    }
    const { ledgerDirectory } = this.#options.place(story.uid);
    const isGone = await (await this.#ledger()).isGone();
    if (!isGone || existsSync(join(ledgerDirectory, 'exports', story.uid))) {
      throw new DrillFailure('something is left of the ledger of an export that was retired');
    }
    const found = this.#compare();
    for (const slot of story.slots) {
      const at = found.get(slot.name);
      story.settle(slot, at);
      if (at && this.#random.chance(50)) {
        await this.#criteo.deleteByHand(at.id);
        story.deletedByHand(slot);
      }
    }
    this.#options.tally.quiet += 1;
    story.beginAnew();
    if (this.#random.chance(80)) this.#addOthers();
  }

  /** Faults end, what is late comes, and runs are made until one says that all is settled: then all must be. */
  async #quiet(): Promise<void> {
    const story = this.#story;
    this.#sandbox.clearFaults();
    await this.#effectsHaveCome();
    const end = performance.now() + quietWithinMs;
    for (let outcome: Outcome | undefined; !isSettled(outcome); ) {
      if (performance.now() > end) {
        const { reason, unsettled = 0 } = outcome?.report ?? {};
        throw new DrillFailure(`it does not come to rest: ${reason}, ${unsettled} unsettled`);
      }
      // Only time settles what is unsettled.
      if (outcome?.report?.unsettled !== undefined) await sleep(300);
      story.approval = this.#approval;
      story.noteRun();
      this.#note = { scene: 'quiet' };
      outcome = await this.#run(story.exportDocument(this.#surroundings(), false), {
        withLate: false,
        isCalm: true,
      });
      this.#learn(outcome);
      this.#requirePassing(outcome);
    }
    const found = this.#compare();
    await this.#compareLedger(found);
    const before = await (await this.#ledger()).tag();
    this.#note = { scene: 'unchanged' };
    const document = story.exportDocument(this.#surroundings(), false);
    const unchanged = await this.#run(document, { withLate: false, isCalm: true });
    if (!isSettled(unchanged))
      throw new DrillFailure(`an unchanged run ended with ${unchanged.report?.reason}`);
    if (this.#criteo.writes() > 0) throw new DrillFailure('an unchanged run sent something');
    if ((await (await this.#ledger()).tag()) !== before)
      throw new DrillFailure('an unchanged run wrote the ledger');
    for (const slot of story.slots) story.settle(slot, found.get(slot.name));
    story.settled();
    this.#options.tally.quiet += 1;
  }

  /** One run, with its faults and its kill, and what holds for every run. */
  async #run(
    document: ExportRun | RetireRun,
    { withLate, isCalm = false }: { withLate: boolean; isCalm?: boolean },
  ): Promise<Outcome> {
    const { tally } = this.#options;
    this.#round += 1;
    this.#criteo.forget();
    const faults = isCalm ? [] : this.#faults(withLate);
    for (const fault of faults) this.#sandbox.addFault(fault);
    const kill = isCalm || this.#random.chance(15) ? undefined : this.#killer.choose();
    const outcome = await this.#exporter.run(document, this.#story.files(), { kill, isCalm });
    if (!outcome.isKilled) this.#killer.learn(outcome.tookMs);
    const played = this.#sandbox.faults().reduce((sum, each) => sum + each.played, 0);
    this.#sandbox.clearFaults();
    tally.rounds += isCalm ? 0 : 1;
    tally.killed += outcome.isKilled ? 1 : 0;
    tally.faults += played;
    tally.stuck += outcome.isStuck ? 1 : 0;
    this.#wasKilled = outcome.isKilled;
    this.#log({
      ...this.#note,
      kind: document.kind,
      faults: faults.map(({ kind, ...rest }) => `${kind} ${JSON.stringify(rest)}`),
      played,
      killed: outcome.isKilled,
      tookMs: Math.round(outcome.tookMs),
      calls: this.#sandbox
        .requests()
        .map(({ method, path, status, fault, counts }) =>
          [
            method,
            path.replace(/^.*audience-segments/, ''),
            status,
            fault,
            counts?.operation,
            counts?.identifiers,
          ].join(' '),
        ),
      slots: this.#story.slots.map(({ isIn, criteoName }) => (isIn ? criteoName : `(${criteoName})`)),
      policy: this.#story.policy,
      report: outcome.report,
      exitCode: outcome.exitCode,
      // Its log without what is the same in every line.
      output: outcome.output
        .split('\n')
        .map((line) => line.replace(/"ts":"[^"]*T([^"]*)","level":"[a-z]*",/, '$1 ')),
    });
    this.#checkAlways(outcome);
    return outcome;
  }

  #faults(withLate: boolean): Fault[] {
    const isTakingOver = this.#story.slotsIn.some(
      ({ place }) => place.origin === 'TakenOver' && !place.isKnown,
    );
    return [
      // It comes seldom, so it is met more often.
      ...(isTakingOver && this.#random.chance(65)
        ? [faultOfEmptying(this.#random, this.#times, withLate)]
        : []),
      ...faultsFor(this.#random, this.#times, withLate),
    ];
  }

  #checkAlways({ output, isKilled, report }: Outcome): void {
    if (forbidden.some((pattern) => pattern.test(output)))
      throw new DrillFailure('an address, a digest or a secret in the output');
    const violations = this.#sandbox.violations();
    if (violations.length > 0) throw new DrillFailure(`the contract was broken: ${violations[0]?.detail}`);
    if (isKilled) return;
    if (!report) throw new DrillFailure('a run that was not killed left no report');
    if (
      report.reason === 'InternalError' ||
      report.segments?.some(({ reason }) => reason === 'InternalError')
    ) {
      throw new DrillFailure('a run ended with InternalError');
    }
    if (report.reason.startsWith('Ledger') && !passing.includes(report.reason)) {
      throw new DrillFailure(`a run ended with ${report.reason}`);
    }
  }

  /** Whoever says that all is well must be right. */
  #checkIfDone(outcome: Outcome): void {
    if (isSettled(outcome) && this.#sandbox.pendingEffects() === 0) this.#compare();
  }

  #compare(): Map<string, Found> {
    const { differences, found } = compare(this.#story, this.#criteo, this.#bystanders);
    if (differences.length > 0) throw new DrillFailure(differences.join('\n  '));
    return found;
  }

  /** At a quiet point the ledger says what Criteo has, and waits for nothing. */
  async #compareLedger(found: ReadonlyMap<string, Found>): Promise<void> {
    const story = this.#story;
    const ledger = await (await this.#ledger()).read(story.everybody());
    if (!ledger) throw new DrillFailure('there is no ledger');
    const { head, held } = ledger;
    for (const slot of story.slotsIn) {
      const entry = head.entries.find(({ criteoSegmentId }) => criteoSegmentId === found.get(slot.name)?.id);
      if (!entry) throw new DrillFailure(`the ledger does not know segment ${slot.name}`);
      const wrong = (held.get(entry.id) ?? new Set()).symmetricDifference(story.wantedOf(slot));
      if (wrong.size > 0)
        throw new DrillFailure(`the ledger is wrong about ${wrong.size} people of ${slot.name}`);
      const isOpen = entry.intent !== undefined || entry.echoes.length > 0 || entry.phase !== 'Filled';
      if (isOpen || entry.retired) throw new DrillFailure(`the ledger waits for something in ${slot.name}`);
    }
    if (head.entries.length > story.slots.length * 3) throw new DrillFailure('entries gather in the ledger');
  }

  /** A calm run may still meet what passes by itself, the guard and what is not settled; nothing else. */
  #requirePassing({ report }: Outcome): void {
    const reasons = [report?.reason, ...(report?.segments ?? []), ...(report?.retired?.list ?? [])].map(
      (each) => (typeof each === 'object' ? each.reason : each),
    );
    const wrong = reasons.filter((reason) => reason === undefined || !expectedInCalm.includes(reason));
    if (wrong.length > 0)
      throw new DrillFailure(`without a fault or a kill a run ended with ${wrong.join(', ')}`);
  }

  #learn({ report, isKilled }: Outcome): void {
    if (!isKilled) this.#approval = report?.approval;
  }

  async #effectsHaveCome(): Promise<void> {
    while (this.#sandbox.pendingEffects() > 0) await sleep(20);
  }

  #surroundings() {
    return { baseUrl: this.#sandbox.url, ledger: this.#options.place(this.#story.uid).ledger };
  }

  #log(entry: Record<string, unknown>): void {
    const line = JSON.stringify({ round: this.#round, at: new Date().toISOString(), ...entry });
    appendFileSync(join(this.#options.directory, 'rounds.jsonl'), `${line}\n`);
  }
}

const passing: readonly string[] = ['LedgerUnavailable', 'LedgerBusy', 'LedgerLeaseLost'];
const expectedInCalm: readonly string[] = [
  'Succeeded',
  'SegmentsFailed',
  'RemovalGuard',
  'NotRun',
  'CriteoUnavailable',
  ...passing,
];

function isSettled(outcome: Outcome | undefined): boolean {
  return (
    outcome?.report?.reason === 'Succeeded' && outcome.report.unsettled === undefined && !outcome.report.plan
  );
}
