import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { GaveUp, waitFor } from '../cluster/wait.ts';

export interface ServerCommand {
  /** In messages. */
  name: string;
  command: readonly string[];
  /** Nothing of this process's own environment but PATH is passed on. */
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  /** Of setpriv: whom it runs as. */
  identity?: readonly string[];
  /** What ends it well enough for a test. */
  endsBy?: 'SIGKILL' | 'SIGQUIT';
}

/** A server that a test starts beside itself. */
export class ServerProcess {
  readonly #name: string;
  readonly #endsBy: 'SIGKILL' | 'SIGQUIT';
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  #output = '';

  constructor({ name, command, env = {}, cwd, identity = [], endsBy = 'SIGKILL' }: ServerCommand) {
    this.#name = name;
    this.#endsBy = endsBy;
    // The kernel ends it with the process that runs the tests, however that ends.
    const flags = [...identity, '--pdeathsig', endsBy.replace('SIG', ''), '--', ...command];
    this.#child = spawn('setpriv', flags, {
      ...(cwd === undefined ? {} : { cwd }),
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-4000);
      });
    }
    this.#exit = once(this.#child, 'exit');
  }

  /**
   * Until `answers` returns something.
   * @throws GaveUp with the last of its output, where it ended before: a port that was free may be taken by now.
   */
  async answering<T>(timeoutMs: number, answers: () => Promise<T | undefined>): Promise<T> {
    return await waitFor(`${this.#name} answering`, timeoutMs, async () => {
      const { exitCode, signalCode } = this.#child;
      if (exitCode !== null || signalCode !== null) throw new GaveUp(`${this.#name} ended:\n${this.#output}`);
      return await answers();
    });
  }

  async end(): Promise<void> {
    this.#child.kill(this.#endsBy);
    await this.#exit;
  }
}
