import type { CheckRun, ExportRun, RetireRun } from '../api/rundocument.ts';
import type { Clock } from './clock.ts';
import type { Credentials } from './credentials.ts';
import type { Exchange } from './criteo/exchange.ts';
import { Refusal } from './criteo/refusal.ts';
import type { Limits } from './criteo/transport.ts';
import { Fault } from './fault.ts';
import { type Log, placeOf } from './log.ts';
import type { Records } from './mirror/records.ts';
import type { Source } from './source/source.ts';

/** What a run needs of the world. */
export interface World {
  readCredentials(): Promise<Credentials>;
  openSource(document: ExportRun): Source;
  /** The export's ledger, read and verified; one that forgets where the connection has none. */
  openRecords(document: ExportRun | RetireRun): Promise<Records>;
  /** Proves that the ledger's object store can be used. */
  probeLedger(document: CheckRun): Promise<void>;
  exchange: Exchange;
  limits: Limits;
  /** After so long a change at Criteo has taken effect; milliseconds. See mirror/history.ts. */
  settleMs: number;
  clock: Clock;
  log: Log;
  /** Aborted where the run is to end early. */
  signal: AbortSignal;
}

/** Whatever was thrown, as a code of the report. */
export function toFault(error: unknown, { signal, log }: Pick<World, 'signal' | 'log'>): Fault {
  if (signal.aborted) return new Fault('Interrupted');
  if (error instanceof Fault) return error;
  if (error instanceof Refusal) return error.toFault();
  log.error('an unexpected fault', placeOf(error));
  return new Fault('InternalError');
}
