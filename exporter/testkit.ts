import type { Clock } from './clock.ts';
import type { Exchange, HttpReply, HttpRequest } from './criteo/exchange.ts';
import { NoReply } from './criteo/exchange.ts';
import type { Log } from './log.ts';

/** A clock of a test: it moves only by sleeping, and chance is fixed. */
export interface FakeClock extends Clock {
  /** What was slept, in milliseconds. */
  readonly slept: number[];
  advance(milliseconds: number): void;
}

export function fakeClock(random = 0.5): FakeClock {
  let now = Date.parse('2026-11-22T00:00:00Z');
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    monotonic: () => now,
    advance: (milliseconds) => {
      now += milliseconds;
    },
    sleep: async (milliseconds, signal) => {
      signal.throwIfAborted();
      slept.push(milliseconds);
      now += milliseconds;
    },
    random: () => random,
  };
}

export const silentLog: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

export const never = new AbortController().signal;

export type Scripted = Partial<HttpReply> | NoReply['kind'] | ((request: HttpRequest) => Partial<HttpReply>);

/** Plays replies in order; asking for more than there are is an error of the test. */
export function scripted(...replies: Scripted[]): Exchange & { readonly requests: HttpRequest[] } {
  const requests: HttpRequest[] = [];
  const exchange: Exchange = async (request) => {
    const reply = replies[requests.push(request) - 1];
    if (reply === undefined) throw new Error(`nothing is scripted for ${request.method} ${request.url}`);
    if (typeof reply === 'string') throw new NoReply(reply);
    return { status: 200, headers: {}, json: {}, ...(typeof reply === 'function' ? reply(request) : reply) };
  };
  return Object.assign(exchange, { requests });
}
