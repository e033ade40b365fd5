import type { Delta, Echo, Entry, SetRef } from '../ledger/head.ts';
import type { Change } from './change.ts';
import type { Records } from './records.ts';
import { type Digests, intersection, none, union } from './sets.ts';

/**
 * Criteo processes changes asynchronously and in no promised order: a change may be
 * overtaken by an opposite one that was sent before it. So what is sent within
 * `settleMs` of an opposite change, or while one is unsure, is sent once more later.
 */
export interface Settling {
  /** When the run decided what to send, in milliseconds. */
  now: number;
  /** After so long a change has taken effect, whatever order Criteo worked in; milliseconds. */
  settleMs: number;
}

/** Sibling products of Criteo's process twice a day and need some hours to get it live; this is on the safe side. */
export const defaultSettleMs = 24 * 3_600_000;

/** More of them than this are put together: a head stays small however often runs happen. */
const maxKept = 16;
/** Of the time that a change takes to settle. Half of `maxKept`, so that they are few enough once they are put together. */
const parts = 8;

/** Digests that are to be sent once more now. */
export async function dueEchoes(entry: Entry, records: Records, now: number): Promise<Digests> {
  let due = none;
  for (const echo of entry.echoes) if (echo.due <= now) due = union(due, await records.load(echo.digests));
  return due;
}

/**
 * The echo that sending `change` makes necessary, where it opposes what may still be on its way.
 * @param takenOverAt a time at which we held the lease: the calls of an unfinished run ended before.
 */
export async function echoOf(
  entry: Entry,
  change: Pick<Change, 'adds' | 'removes'>,
  records: Records,
  { now, settleMs }: Settling,
  takenOverAt: number,
): Promise<Echo | undefined> {
  let opposed = none;
  let due = 0;
  const oppose = async (adds: SetRef, removes: SetRef, until: number): Promise<void> => {
    const overtaken = union(
      intersection(change.adds, change.adds.length > 0 ? await records.load(removes) : none),
      intersection(change.removes, change.removes.length > 0 ? await records.load(adds) : none),
    );
    if (overtaken.length === 0) return;
    opposed = union(opposed, overtaken);
    due = Math.max(due, until);
  };
  for (const { at, adds, removes } of entry.recent) {
    if (at + settleMs > now) await oppose(adds, removes, at + settleMs);
  }
  if (entry.intent) await oppose(entry.intent.adds, entry.intent.removes, takenOverAt + settleMs);
  if (entry.emptiedAt !== undefined && entry.emptiedAt + settleMs > now && change.adds.length > 0) {
    opposed = union(opposed, change.adds);
    due = Math.max(due, entry.emptiedAt + settleMs);
  }
  return opposed.length === 0 ? undefined : { due, digests: await records.store(opposed) };
}

/** The recent changes after one more; those that have settled are dropped. */
export async function recentAfter(
  recent: readonly Delta[],
  added: Delta,
  records: Records,
  { now, settleMs }: Settling,
): Promise<Delta[]> {
  const kept = [...recent, added].filter(({ at }) => at + settleMs > now);
  return await fewer(
    kept,
    ({ at }) => at,
    settleMs,
    async (one, other) => ({
      at: Math.max(one.at, other.at),
      adds: await unionOf(one.adds, other.adds, records),
      removes: await unionOf(one.removes, other.removes, records),
    }),
  );
}

export async function withEcho(
  echoes: readonly Echo[],
  added: Echo | undefined,
  records: Records,
  { settleMs }: Settling,
): Promise<Echo[]> {
  const kept = added ? [...echoes, added] : [...echoes];
  return await fewer(
    kept,
    ({ due }) => due,
    settleMs,
    async (one, other) => ({
      due: Math.max(one.due, other.due),
      digests: await unionOf(one.digests, other.digests, records),
    }),
  );
}

/**
 * Puts together what is of the same part of the time, where it is too much. The later time is that of both: an echo too
 * late is sent, one too early is lost. The parts are those of the clock and never move: put together with the next one
 * at each run, the first would be due a little later for ever.
 */
async function fewer<T>(
  kept: readonly T[],
  timeOf: (one: T) => number,
  settleMs: number,
  join: (one: T, other: T) => Promise<T>,
): Promise<T[]> {
  if (kept.length <= maxKept) return [...kept];
  const part = (one: T) => Math.floor((timeOf(one) * parts) / settleMs);
  const result: T[] = [];
  for (const one of kept.toSorted((a, b) => timeOf(a) - timeOf(b))) {
    const last = result.at(-1);
    // By a clock that jumps they may be of any time: then what comes last is put together, of whatever part.
    const isOne = last !== undefined && (part(last) === part(one) || result.length === maxKept);
    if (isOne) result[result.length - 1] = await join(last, one);
    else result.push(one);
  }
  return result;
}

async function unionOf(one: SetRef, other: SetRef, records: Records): Promise<SetRef> {
  return await records.store(union(await records.load(one), await records.load(other)));
}

/** How many identifiers later runs send once more. */
export function unsettledOf(entries: readonly Entry[]): number {
  return entries.flatMap(({ echoes }) => echoes).reduce((sum, { digests }) => sum + digests.count, 0);
}
