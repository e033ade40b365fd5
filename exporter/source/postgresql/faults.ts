import pg from 'pg';
import type { RunReason } from '../../../api/reasons.ts';
import { kindOf } from '../../criteo/exchange.ts';
import { codeOf } from '../../criteo/problems.ts';
import { Fault } from '../../fault.ts';

/**
 * What an error of the server, or of the connection to it, means; told by its code alone, because its
 * texts hold names and rows. `code` is `sqlstate-<code>`, or Node's name for the error.
 */
export function databaseFault(error: unknown): Fault {
  if (error instanceof pg.DatabaseError) {
    const code = codeOf(`sqlstate-${error.code?.toLowerCase()}`);
    return new Fault(reasonOf(error.code ?? ''), code === undefined ? undefined : { code });
  }
  const reason = kindOf(error) === 'NotTrusted' ? 'SourceTlsNotTrusted' : 'SourceUnavailable';
  const name = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const code = codeOf(name.toLowerCase().replaceAll('_', '-'));
  return new Fault(reason, code === undefined ? undefined : { code });
}

/** By the whole SQLSTATE, then by its first two letters, its class. */
const reasons: Readonly<Record<string, RunReason>> = {
  '28': 'SourceCredentialsRefused',
  '42501': 'SourceForbidden',
  // A database, a schema, a table.
  '3D000': 'SourceNotFound',
  '3F000': 'SourceNotFound',
  '42P01': 'SourceNotFound',
  '57014': 'SourceTimedOut',
  '25P04': 'SourceTimedOut',
  // Lost connections, conflicts with recovery on a replica, too little of something, locks, shutdowns, disks.
  '08': 'SourceUnavailable',
  '25P03': 'SourceUnavailable',
  '40': 'SourceUnavailable',
  '53': 'SourceUnavailable',
  '55P03': 'SourceUnavailable',
  '57': 'SourceUnavailable',
  '58': 'SourceUnavailable',
};

function reasonOf(sqlstate: string): RunReason {
  return reasons[sqlstate] ?? reasons[sqlstate.slice(0, 2)] ?? 'SourceQueryRefused';
}
