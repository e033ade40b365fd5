import { spawn } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeReport, type Report } from '../../api/report.ts';
import type { ExportRun, RetireRun } from '../../api/rundocument.ts';
import { buildBundle } from '../../scripts/build.ts';
import { sandboxCredentials } from '../integration/exporter/program.ts';
import type { Place } from '../integration/ledger/homes.ts';

/** The times that a drill's runs go by: everything that takes hours in life takes seconds. */
export interface Times {
  callTimeoutMs: number;
  leaseMs: number;
  retryBudgetMs: number;
  settleMs: number;
  /** How late an effect comes at most: less than `settleMs`, as in life. */
  lateMs: number;
}

const times: Times = {
  callTimeoutMs: 300,
  leaseMs: 900,
  retryBudgetMs: 2500,
  settleMs: 5000,
  lateMs: 2200,
};

/** In every third lane a good many runs come before changes have settled. */
export function timesOf(lane: number): Times {
  return lane % 3 === 2 ? { ...times, settleMs: 12_000, lateMs: 9_000 } : times;
}

/** For runs that the drill does nothing to: a machine that does much else is no fault of theirs. */
const calm = { callTimeoutMs: 10_000, leaseMs: 20_000, retryBudgetMs: 15_000 };

/** The program as the image has it. Built once; the directory is emptied first. */
export async function buildExporter(outputDirectory: string): Promise<string> {
  await buildBundle({ entryPoints: { exporter: 'exporter/main.ts' }, outputDirectory });
  return join(outputDirectory, 'exporter.mjs');
}

export interface Outcome {
  /** By the drill, at a moment that it chose. */
  isKilled: boolean;
  /** It wrote its report and did not end: see nodejs/node#54918. */
  isStuck: boolean;
  exitCode: number | null;
  /** Undefined where the run was killed before it wrote one. */
  report: Report | undefined;
  /** All that it wrote: output, errors and report. */
  output: string;
  tookMs: number;
}

/** No run of the drill takes so long: its budgets for retries and waits are far less. */
const longestMs = 40_000;

/** When a run is killed, if at all; asked for again and again, with what has happened so far. */
export type KillWhen = (elapsedMs: number) => boolean;

/** Where one export's runs find their input; its ledger stays between them. */
export class ExporterProcess {
  readonly #program: string;
  readonly #directory: string;
  readonly #place: Pick<Place, 'ledgerDirectory' | 'credentialsDirectory'>;
  readonly #times: Times;

  constructor(
    program: string,
    directory: string,
    place: Pick<Place, 'ledgerDirectory' | 'credentialsDirectory'>,
    times: Times,
  ) {
    this.#program = program;
    this.#directory = directory;
    this.#place = place;
    this.#times = times;
  }

  async prepare(): Promise<void> {
    for (const name of ['credentials', 'source']) {
      await mkdir(join(this.#directory, name), { recursive: true });
    }
    for (const [key, value] of Object.entries(sandboxCredentials)) {
      await writeFile(join(this.#directory, 'credentials', key), value);
    }
  }

  /** A run to its end, or until `kill` says so: then it gets no moment to tidy up. */
  async run(
    document: ExportRun | RetireRun,
    files: Readonly<Record<string, string>>,
    { kill, isCalm }: { kill: KillWhen | undefined; isCalm: boolean },
  ): Promise<Outcome> {
    const at = (name: string): string => join(this.#directory, name);
    const times = isCalm ? { ...this.#times, ...calm } : this.#times;
    await rm(at('report'), { force: true });
    await writeFile(at('run.json'), JSON.stringify(document));
    for (const [name, text] of Object.entries(files)) await writeFile(join(at('source'), name), text);
    const begun = performance.now();
    const child = spawn(process.execPath, [this.#program], {
      // Nothing of the machine's own, least of all its proxy.
      env: {
        PATH: process.env.PATH ?? '',
        NODE_COMPILE_CACHE: join(tmpdir(), 'segmentexport-compile-cache'),
        SEGMENTEXPORT_RUN_DOCUMENT: at('run.json'),
        SEGMENTEXPORT_CREDENTIALS_DIR: at('credentials'),
        SEGMENTEXPORT_SOURCE_DIR: at('source'),
        SEGMENTEXPORT_LEDGER_DIR: this.#place.ledgerDirectory,
        SEGMENTEXPORT_LEDGER_CREDENTIALS_DIR: this.#place.credentialsDirectory,
        SEGMENTEXPORT_CA_BUNDLE: at('ca.crt'),
        SEGMENTEXPORT_TERMINATION_MESSAGE: at('report'),
        SEGMENTEXPORT_RUN_ID: 'drill',
        SEGMENTEXPORT_CALL_TIMEOUT_MS: String(times.callTimeoutMs),
        SEGMENTEXPORT_LEASE_MS: String(times.leaseMs),
        SEGMENTEXPORT_RETRY_BUDGET_MS: String(times.retryBudgetMs),
        SEGMENTEXPORT_SETTLE_MS: String(times.settleMs),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    let isLate = false;
    const late = setTimeout(() => {
      isLate = child.kill('SIGKILL');
    }, longestMs);
    const watch = kill && setInterval(() => kill(performance.now() - begun) && child.kill('SIGKILL'), 2);
    const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, by) => resolve([code, by]));
    });
    const [exitCode, signal] = await ended.finally(() => {
      clearInterval(watch);
      clearTimeout(late);
    });
    const tookMs = performance.now() - begun;
    const reportText = await readFile(at('report'), 'utf8').catch(() => '');
    const report = decodeReport(reportText);
    if (isLate && !report) throw new Error(`a run had not ended after ${longestMs} ms`);
    const isKilled = signal === 'SIGKILL' && !isLate;
    return { isKilled, isStuck: isLate, exitCode, report, output: output + reportText, tookMs };
  }
}
