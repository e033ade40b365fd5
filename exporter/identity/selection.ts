import { noCounts, type SegmentCounts } from '../../api/report.ts';
import { Fault } from '../fault.ts';
import type { Row, Source } from '../source/source.ts';
import { identifyFirst } from './digest.ts';
import { DigestSet } from './digestset.ts';

/** What the source holds of one segment: counts, and the distinct digests. */
export class Selection {
  readonly counts: SegmentCounts = { ...noCounts };
  readonly digests: DigestSet;
  /** The source has the segment. */
  found = false;
  /** The segment could not be read. */
  fault: Fault | undefined;

  constructor(capacity: number) {
    this.digests = new DigestSet(capacity);
  }

  add(candidates: Row['candidates']): void {
    this.found = true;
    this.counts.read++;
    const identity = candidates === 'misshapen' ? 'invalid' : identifyFirst(candidates);
    if (typeof identity === 'string') this.counts[identity]++;
    else if (this.digests.add(identity)) this.counts.selected++;
    else this.counts.duplicate++;
  }

  /** Why nothing can be uploaded for the segment, if so. */
  refusal(): Fault | undefined {
    if (this.fault) return this.fault;
    if (!this.found) return new Fault('SegmentNotFound');
    return this.counts.selected === 0 ? new Fault('SegmentEmpty') : undefined;
  }
}

/**
 * Reads the source to its end into one selection a segment. Over `maxProfiles`
 * distinct addresses, summed over the segments, reading stops: however large the
 * source is, the memory is bounded by the limit.
 * @throws Fault TooManyProfiles, with the count at which it stopped; and the source's own.
 */
export async function select(
  source: Source,
  selections: readonly Selection[],
  maxProfiles: number,
  signal: AbortSignal,
  onRows: (count: number) => void,
): Promise<void> {
  let selected = 0;
  for await (const event of source.read(signal)) {
    signal.throwIfAborted();
    if (event.kind === 'rows') {
      for (const row of event.rows) {
        const selection = at(selections, row.segment);
        const before = selection.counts.selected;
        selection.add(row.candidates);
        selected += selection.counts.selected - before;
        if (selected > maxProfiles) throw new Fault('TooManyProfiles', { count: selected });
      }
      onRows(event.rows.length);
    } else {
      const selection = at(selections, event.segment);
      selection.found = true;
      if (event.kind === 'fault') selection.fault = event.fault;
    }
  }
}

function at(selections: readonly Selection[], segment: number): Selection {
  const selection = selections[segment];
  if (!selection) throw new RangeError(`the source has no segment ${segment}`);
  return selection;
}
