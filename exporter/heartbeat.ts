import type { Log } from './log.ts';
import { everyMs } from './progress.ts';

/**
 * A log that is never silent for longer than 5 s: also where a step has nothing to count, as while it
 * waits for the rate limit or for the ledger's lease, a run must not look like one that hangs.
 */
export function withHeartbeat(log: Log): Log {
  const timer = setTimeout(() => beating.info('still at work'), everyMs).unref();
  const put =
    (write: Log['info']): Log['info'] =>
    (message, fields) => {
      timer.refresh();
      write(message, fields);
    };
  const beating: Log = { info: put(log.info), warn: put(log.warn), error: put(log.error) };
  return beating;
}
