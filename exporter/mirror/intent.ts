import type { Clock } from '../clock.ts';
import { type Entry, emptySet, type SetRef } from '../ledger/head.ts';
import type { Change } from './change.ts';
import type { Ground } from './decide.ts';
import { echoOf, recentAfter, withEcho } from './history.ts';
import { type Records, withEntry } from './records.ts';
import { sizeOf } from './sets.ts';

/** What remembering needs. */
export type Remembering = Pick<Ground, 'records' | 'settling'> & { clock: Pick<Clock, 'now'> };

/** The entry with its intent, committed: from here on the ledger knows what may reach Criteo. */
export async function commitIntent(
  entry: Entry,
  change: Change,
  { records, settling, clock }: Remembering,
): Promise<Entry> {
  const echo = await echoOf(entry, change, records, settling, clock.now());
  const next: Entry = {
    ...entry,
    intent: { adds: await records.store(change.adds), removes: await records.store(change.removes) },
    echoes: await withEcho(entry.echoes, echo, records, settling),
  };
  await records.commit((entries) => withEntry(entries, next));
  return next;
}

/** The entry without its intent: Criteo has acknowledged all of it. */
export async function finish(
  entry: Entry,
  change: Change,
  resync: boolean,
  work: Remembering,
): Promise<Entry> {
  const { records, settling, clock } = work;
  const { intent, ...rest } = entry;
  const [adds, removes] = [intent?.adds ?? emptySet, intent?.removes ?? emptySet];
  const isFull = resync || entry.held.count === 0;
  const delta = { at: clock.now(), adds, removes };
  const next: Entry = {
    ...rest,
    held: await heldAfter(entry, change, adds, records),
    recent:
      adds.count + removes.count > 0
        ? await recentAfter(entry.recent, delta, records, settling)
        : entry.recent,
    echoes: entry.echoes.filter(({ due }) => due > settling.now),
    ...(isFull ? { resyncedAt: settling.now } : {}),
  };
  await records.commit((entries) => withEntry(entries, next));
  return next;
}

/** A set that is stored already is not stored again. */
async function heldAfter(
  { held }: Entry,
  { adds, removes, after }: Change,
  addsRef: SetRef,
  records: Records,
): Promise<SetRef> {
  if (after === adds) return addsRef;
  const unchanged = sizeOf(after) === held.count && removes.length === 0 && held.count > 0;
  if (unchanged && adds.length === 0) return held;
  return await records.store(after);
}
