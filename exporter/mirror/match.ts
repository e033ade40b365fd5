import type { RunSegment } from '../../api/rundocument.ts';
import { sameName } from '../criteo/directory.ts';
import type { Entry } from '../ledger/head.ts';

export interface Match {
  /** In the order of the segments: the entry that each continues, where there is one. */
  entries: (Entry | undefined)[];
  /** Entries that no segment continues: they have left the export. */
  left: Entry[];
}

/**
 * Which segment at Criteo each segment of the export continues to fill: the one of the
 * same name at Criteo, whatever it is called in the source by now; else the one that its
 * own source segment filled, which is then renamed, so that audiences keep it.
 */
export function matchSegments(
  segments: readonly RunSegment[],
  entries: readonly Entry[],
  advertiserId: string,
): Match {
  const free = new Set(
    entries.filter((entry) => entry.advertiserId === advertiserId && entry.phase !== 'Deleting'),
  );
  const take = (fits: (entry: Entry) => boolean): Entry | undefined => {
    const found = [...free].find(fits);
    if (found) free.delete(found);
    return found;
  };
  const byName = segments.map((segment) => take((entry) => sameName(entry.criteoName, segment.criteoName)));
  const matched = segments.map(
    (segment, index) =>
      byName[index] ?? take((entry) => entry.name === segment.name && entry.retired === undefined),
  );
  return { entries: matched, left: entries.filter((entry) => !matched.includes(entry)) };
}
