import type { Dispatcher } from 'undici';
import { kindOf } from '../criteo/exchange.ts';
import { Fault } from '../fault.ts';

/** No whole reply came. It keeps nothing of the cause's text; by its name AWS' SDK knows that it may try again. */
export class StoreUnreachable extends Error {
  constructor() {
    super('unreachable');
    this.name = 'TimeoutError';
  }
}

/** The store's certificate is not one to be trusted: trying again does not help. */
export class StoreNotTrusted extends Error {}

export interface Patience {
  /** In milliseconds. */
  timeoutMs: number;
  /**
   * What may last so long: `Whole`, the attempt to the end of the reply's body; `Silence`, the time until
   * the reply begins, and then any pause between its bytes.
   */
  of: 'Whole' | 'Silence';
}

/** A connection on which nothing comes for so long, in milliseconds, is broken. */
export const maxSilenceMs = 60_000;

/**
 * One request over our own connections, which know the proxy and the bundle of authorities.
 * @throws StoreUnreachable, StoreNotTrusted; a Fault of the dispatcher; the signal's reason.
 */
export async function send(
  dispatcher: Dispatcher,
  request: Pick<Dispatcher.RequestOptions, 'origin' | 'path' | 'method' | 'headers' | 'body'>,
  { timeoutMs, of }: Patience,
  signal: AbortSignal | undefined,
): Promise<Dispatcher.ResponseData> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new StoreUnreachable()), timeoutMs);
  timer.unref();
  try {
    const reply = await dispatcher.request({
      ...request,
      signal: signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]),
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    if (of === 'Silence') clearTimeout(timer);
    else reply.body.once('close', () => clearTimeout(timer));
    return reply;
  } catch (error) {
    clearTimeout(timer);
    if (signal?.aborted) throw signal.reason;
    if (error instanceof Fault) throw error;
    throw kindOf(error) === 'NotTrusted' ? new StoreNotTrusted() : new StoreUnreachable();
  }
}

/** Our own limit for a call, or a connection that broke within a reply's body. */
export function isCutOff(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return true;
  return 'code' in error && typeof error.code === 'string' && /^(UND_ERR_|E[A-Z]+$)/.test(error.code);
}
