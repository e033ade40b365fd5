import { type ChildProcess, spawn } from 'node:child_process';

/** A Node program as a child, with what it wrote. It gets nothing of this process's environment. */
export class NodeChild {
  readonly #child: ChildProcess;
  #output = '';
  readonly #listeners = new Set<() => void>();
  /** Its exit code, or null where a signal ended it. */
  readonly ended: Promise<number | null>;

  constructor(program: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    // The kernel ends it with the process that runs the tests, however that ends.
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', process.execPath, program, ...args], {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        this.#look();
      });
    }
    this.ended = new Promise((resolve, reject) => {
      this.#child.on('error', reject);
      this.#child.on('close', (code) => resolve(code));
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Standard output and standard error, as they came. */
  get output(): string {
    return this.#output;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resolves when its output matches; rejects with the output when it ends before. */
  async said(pattern: RegExp): Promise<void> {
    let look = (): void => undefined;
    const matched = new Promise<'matched'>((resolve) => {
      look = () => {
        if (pattern.test(this.#output)) resolve('matched');
      };
      this.#listeners.add(look);
      look();
    });
    const first = await Promise.race([matched, this.ended]);
    this.#listeners.delete(look);
    if (first !== 'matched' && !pattern.test(this.#output)) {
      throw new Error(`it ended (${first}) before it said ${pattern}:\n${this.#output.slice(-4000)}`);
    }
  }

  #look(): void {
    for (const listener of this.#listeners) listener();
  }
}
