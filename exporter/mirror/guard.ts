import { hash } from 'node:crypto';
import type { Entry } from '../ledger/head.ts';
import type { Change } from './change.ts';

/** A removal that the guard stops, unless a person approved it. */
export interface Guarded {
  entry: Entry;
  change: Change;
}

/**
 * Whether so many would go that a person should look: more than the share allows, or
 * everyone, which is more often an empty table than a decision.
 */
export function isGuarded(change: Change, maxPercent: number, sourceIsEmpty: boolean): boolean {
  if (change.guarded === 0) return false;
  return sourceIsEmpty || change.guarded * 100 > maxPercent * change.present;
}

/**
 * What an approval is bound to: which segments lose how many of what the ledger holds.
 * Another source or another run in between gives another token, and asks again.
 */
export function approvalToken(exportUid: string, stopped: readonly Guarded[]): string | undefined {
  if (stopped.length === 0) return undefined;
  const seen = stopped.map(({ entry, change }) => [entry.id, entry.held.name, change.guarded]).sort();
  return hash('sha256', JSON.stringify([exportUid, seen])).slice(0, 16);
}
