import type { CriteoConnection, LedgerPlace } from '../../api/generated/criteoconnection.ts';
import type { Action } from './action.ts';
import type { ConnectionReadiness } from './conditions.ts';
import type { Claim } from './kubernetes.ts';
import { isLedgerClaim, ledgerClaim } from './ledger.ts';

export interface SeenLedger {
  connection: CriteoConnection;
  /** The claim of the name that the ledger's would have, where there is one. */
  ledgerClaim: Claim | undefined;
}

export const claimNotOurs = 'LedgerClaimNotOurs';

/** A claim that somebody else made is not written to: it may be anything. */
export function ledgerClaimFault({
  connection,
  ledgerClaim: found,
}: SeenLedger): ConnectionReadiness | undefined {
  if (!connection.spec.ledger?.volume || !found || isLedgerClaim(found)) return undefined;
  return {
    status: 'False',
    reason: claimNotOurs,
    message: `spec.ledger.volume: a volume claim "${found.metadata.name}" is in this namespace that the controller did not make; remove it, or, where it is a ledger put back from a backup, give it the labels ${labelWords(ledgerClaim(connection))}.`,
    progress: 'Stalled',
  };
}

function labelWords(claim: Claim | undefined): string {
  return Object.entries(claim?.metadata.labels ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join(' and ');
}

/** The claim keeps the access modes that it was made with, and runs go by these. */
export function ledgerPlace({ connection, ledgerClaim: found }: SeenLedger): LedgerPlace | undefined {
  const claim = found ?? ledgerClaim(connection);
  if (!connection.spec.ledger?.volume || !claim?.metadata.name) return undefined;
  return { claimName: claim.metadata.name, accessModes: [...(claim.spec?.accessModes ?? [])] };
}

/** Before the check: a connection whose claim cannot be made is not Ready. */
export function claimActions({ connection, ledgerClaim: found }: SeenLedger): Action[] {
  const claim = ledgerClaim(connection);
  return claim && !found ? [{ kind: 'CreateClaim', claim }] : [];
}
