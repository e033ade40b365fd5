/** Where the progress of a long compilation is shown, and what it knows. */
export interface BuildProgress {
  readonly compiled: number;
  readonly total: number;
  readonly elapsedSeconds: number;
}

/**
 * One line, such as `  412 of 1490 packages (27 %), 2 min 10 s so far, about 6 min to go`.
 * The remaining time is told once it means something.
 */
export function progressLine(progress: BuildProgress): string {
  const { compiled, total, elapsedSeconds } = progress;
  const share = Math.min(1, total === 0 ? 0 : compiled / total);
  const line = `  ${compiled} of ${total} packages (${Math.floor(share * 100)} %), ${duration(elapsedSeconds)} so far`;
  if (share < 0.1 || share >= 1) return line;
  return `${line}, about ${Math.ceil((elapsedSeconds / share - elapsedSeconds) / 60)} min to go`;
}

/** The same with a bar, for a terminal of `columns` characters. */
export function progressBar(progress: BuildProgress, columns: number): string {
  const width = 24;
  const share = Math.min(1, progress.total === 0 ? 0 : progress.compiled / progress.total);
  const filled = Math.round(share * width);
  return `  [${'#'.repeat(filled)}${'.'.repeat(width - filled)}]${progressLine(progress)}`.slice(
    0,
    columns - 1,
  );
}

export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** Shows progress on standard error: a bar that moves on a terminal, else a line every half a minute. */
export class ProgressReporter {
  readonly #total: number;
  readonly #start = performance.now();
  readonly #timer: NodeJS.Timeout;
  #compiled = 0;

  constructor(total: number) {
    this.#total = total;
    this.#timer = setInterval(() => this.#show(), process.stderr.isTTY ? 500 : 30_000);
  }

  add(packages: number): void {
    this.#compiled += packages;
  }

  end(): void {
    clearInterval(this.#timer);
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  }

  #show(): void {
    const elapsedSeconds = (performance.now() - this.#start) / 1000;
    const progress = { compiled: this.#compiled, total: this.#total, elapsedSeconds };
    const terminal = process.stderr;
    if (terminal.isTTY) terminal.write(`\r\x1b[K${progressBar(progress, terminal.columns)}`);
    else terminal.write(`${progressLine(progress)}\n`);
  }
}
