import type { Log, LogFields } from './log.ts';

/** How far a step of the run is, told at least this often. */
const everyRows = 50_000;
export const everyMs = 5_000;

export interface Progress extends Disposable {
  /** Adds to the count; a line is written each 50,000. */
  advance(count: number): void;
}

/**
 * Tells of a step while it lasts: after each 50,000, every 5 s, and at its end, so that a long
 * wait for Criteo does not look like a run that hangs.
 */
export function startProgress(
  log: Log,
  describe: (done: number) => string,
  fields: LogFields = {},
): Progress {
  let done = 0;
  let told = 0;
  const tell = (): void => {
    told = done;
    // Before the line, so that it comes due before the heartbeat, which the line puts off.
    timer.refresh();
    log.info(describe(done), { ...fields, done });
  };
  const timer = setTimeout(tell, everyMs).unref();
  return {
    advance: (count) => {
      done += count;
      if (Math.floor(done / everyRows) > Math.floor(told / everyRows)) tell();
    },
    [Symbol.dispose]: () => {
      if (done !== told) tell();
      clearTimeout(timer);
    },
  };
}
