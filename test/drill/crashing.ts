import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Report } from '../../api/report.ts';
import type { ExportRun, RetireRun } from '../../api/rundocument.ts';
import { type Clock, systemClock } from '../../exporter/clock.ts';
import { createDispatcher, createExchange, type HttpRequest } from '../../exporter/criteo/exchange.ts';
import type { Head } from '../../exporter/ledger/head.ts';
import { Ledger } from '../../exporter/ledger/ledger.ts';
import { Crash, type MemoryHome, memoryHome } from '../../exporter/ledger/testkit.ts';
import { beginReport, run } from '../../exporter/run.ts';
import { openSource } from '../../exporter/source/open.ts';
import { surroundingsOf } from '../../exporter/source/testkit.ts';
import { silentLog } from '../../exporter/testkit.ts';
import { sandboxCredentials } from '../integration/exporter/program.ts';

export interface Run {
  document: ExportRun | RetireRun;
  /** Files of the source, by name. */
  files: Readonly<Record<string, string>>;
}

const exchange = createExchange(createDispatcher('/does-not-exist'));
const signal = new AbortController().signal;
const day = 86_400_000;

/** Kills a run at its n-th step: before or after a write of the ledger or a call to Criteo. It does nothing from then on. */
class Bomb {
  readonly #at: number;
  #steps = 0;

  constructor(at: number) {
    this.#at = at;
  }

  get hasExploded(): boolean {
    return this.#steps >= this.#at;
  }

  step(): void {
    if (!this.hasExploded) this.#steps += 1;
    if (this.hasExploded) throw new Crash();
  }
}

/** One export through its runs in this process: its ledger, and a clock that moves when somebody waits. */
export class Life {
  readonly home: MemoryHome;
  readonly #directory: string;
  #offset = 0;
  readonly #clock: Clock = {
    now: () => systemClock.now() + this.#offset,
    monotonic: () => systemClock.monotonic() + this.#offset,
    sleep: async (milliseconds) => {
      this.#offset += milliseconds;
      await setImmediate();
    },
    random: () => 0.5,
  };

  /** @param directory of the source. @param home of the ledger, where another has it too. */
  constructor(directory: string, home: MemoryHome = memoryHome()) {
    this.#directory = directory;
    this.home = home;
  }

  daysLater(days: number): void {
    this.#offset += days * (day + 1000);
  }

  /** A run to its end. @param onCall awaited before each call to Criteo. */
  async run(work: Run, onCall?: (request: HttpRequest) => Promise<void>): Promise<Report> {
    return await this.#run(work, new Bomb(Number.POSITIVE_INFINITY), onCall);
  }

  /** A run that is killed at its n-th step. Returns whether it had so many. */
  async runToStep(work: Run, n: number): Promise<boolean> {
    const bomb = new Bomb(n);
    await this.#run(work, bomb);
    return bomb.hasExploded;
  }

  /** The head of the ledger, and by Criteo's id the digests that it says are held. */
  async ledger(work: Run): Promise<{ head: Head; held: Map<string, string[]> }> {
    const ledger = await Ledger.open(this.home, work.document.export, this.#options());
    const held = new Map<string, string[]>();
    for (const { criteoSegmentId = '', held: ref } of ledger.head.entries) {
      const hex = Buffer.from(await ledger.load(ref)).toString('hex');
      held.set(criteoSegmentId, hex.match(/.{64}/g) ?? []);
    }
    return { head: ledger.head, held };
  }

  async #run(
    { document, files }: Run,
    bomb: Bomb,
    onCall?: (request: HttpRequest) => Promise<void>,
  ): Promise<Report> {
    await mkdir(this.#directory, { recursive: true });
    for (const [name, text] of Object.entries(files)) await writeFile(join(this.#directory, name), text);
    this.home.onWrite = () => bomb.step();
    const report = beginReport(document, this.#clock.now());
    await run(
      document,
      {
        readCredentials: async () => sandboxCredentials,
        openSource: (exportRun) => openSource(exportRun, surroundingsOf(this.#directory)),
        openRecords: async ({ export: exportName }) =>
          await Ledger.open(this.home, exportName, this.#options()),
        probeLedger: async () => undefined,
        exchange: async (request, timeoutMs, aborted) => {
          bomb.step();
          await onCall?.(request);
          const reply = await exchange(request, timeoutMs, aborted);
          bomb.step();
          return reply;
        },
        limits: { callTimeoutMs: 5000, retryBudgetMs: 5000, throttleBudgetMs: 5000 },
        settleMs: day,
        clock: this.#clock,
        log: silentLog,
        signal,
      },
      report,
    );
    this.home.onWrite = undefined;
    return report;
  }

  #options() {
    return { clock: this.#clock, log: silentLog, signal, leaseMs: 60_000 };
  }
}
