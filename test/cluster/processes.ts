import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { isAlive, type ProcessIdentity, readRecord } from './process-identity.ts';
import { GaveUp, waitFor } from './wait.ts';

export interface ProgramOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Where standard output and standard error go; appended to. */
  readonly logFile: string;
  /** Where the process's identity is written before the program starts. */
  readonly recordFile: string;
  /** `parent`: the kernel ends the program with the process that started it. `itself`: it outlives it. */
  readonly livesWith: 'parent' | 'itself';
  /** What it is told beside PATH, HOME and LANG. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Programs get no proxy, credentials or settings of the person who runs the tests. */
const environment = {
  PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/',
  LANG: 'C.UTF-8',
};

// The shell writes the record of itself and then becomes the program, so that there is
// no moment at which the program runs and nothing on disk knows of it.
const recordThenRun = `
read -r boot </proc/sys/kernel/random/boot_id
read -r stat </proc/$$/stat
printf '%s\\n%s\\n' "$boot" "$stat" >"$0.new" && mv "$0.new" "$0" && exec "$@"`;

/** A program that was started, and what to say about it when it ends too early. */
export class Program {
  readonly #child: ChildProcess;
  readonly #options: ProgramOptions;

  constructor(options: ProgramOptions) {
    const log = openSync(options.logFile, 'a', 0o600);
    const withParent = options.livesWith === 'parent';
    const prefix = withParent ? ['setpriv', '--pdeathsig', 'KILL', '--'] : [];
    this.#options = options;
    this.#child = spawn(
      'sh',
      ['-c', recordThenRun, options.recordFile, ...prefix, options.command, ...options.args],
      {
        stdio: ['ignore', log, log],
        env: { ...environment, ...options.environment },
        detached: !withParent,
        cwd: '/',
      },
    );
    closeSync(log);
    if (!withParent) this.#child.unref();
  }

  /** Throws when the program has ended; for use inside a wait for its readiness. */
  assertRunning(): void {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) return;
    const tail = readFileSync(this.#options.logFile, 'utf8').trim().split('\n').slice(-8).join('\n');
    throw new GaveUp(
      `${this.#options.command} ended (${signalCode ?? exitCode}); the end of ${this.#options.logFile}:\n${tail}`,
    );
  }
}

/**
 * Ends the process that a record names, first kindly, then by force, and waits until it is gone.
 * Does nothing where the record is missing or its process has ended. Returns whether there was one.
 */
export async function endRecorded(recordFile: string, graceMs = 5_000): Promise<boolean> {
  const identity = readRecord(recordFile);
  if (!identity || !isAlive(identity)) return false;
  await endProcess(identity, graceMs);
  return true;
}

export async function endProcess(identity: ProcessIdentity, graceMs: number): Promise<void> {
  const gone = () => (isAlive(identity) ? undefined : true);
  if (graceMs > 0) {
    signal(identity, 'SIGTERM');
    const ended = await waitFor('its end', graceMs, gone).catch(() => false);
    if (ended) return;
  }
  signal(identity, 'SIGKILL');
  await waitFor(`the end of process ${identity.pid}`, 60_000, gone);
}

function signal(identity: ProcessIdentity, name: NodeJS.Signals): void {
  try {
    if (isAlive(identity)) process.kill(identity.pid, name);
  } catch (error) {
    // It ended between the look and the signal.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
