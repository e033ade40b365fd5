import { noCounts, type SegmentCounts } from '../../api/report.ts';
import { Fault } from '../fault.ts';
import { type Digests, difference, none, sizeOf } from '../mirror/sets.ts';
import type { Row, Source } from '../source/source.ts';
import { digestBytes, identify, identifyFirst } from './digest.ts';
import { DigestSet } from './digestset.ts';

/** What the source holds of one segment: counts, and the distinct digests of those who consented. */
export class Selection {
  readonly counts: SegmentCounts = { ...noCounts };
  /** The source has the segment. */
  found = false;
  /** The segment could not be read. */
  fault: Fault | undefined;
  readonly #set: DigestSet;
  #digests: Digests = none;
  readonly #digest = Buffer.alloc(digestBytes);

  /** @param capacity how many digests it may hold at most. */
  constructor(capacity: number) {
    this.#set = new DigestSet(capacity);
  }

  /** Counts a row, once, and keeps its digest, here or, without consent, in `withdrawn`. */
  add({ candidates, hasConsent }: Row, withdrawn: DigestSet): void {
    this.found = true;
    this.counts.read++;
    const identity = candidates === 'misshapen' ? 'invalid' : identifyFirst(candidates, this.#digest);
    if (candidates === 'misshapen' || identity === 'invalid') this.counts.invalid++;
    else if (identity === 'empty') this.counts.empty++;
    else if (!hasConsent) {
      this.counts.withoutConsent++;
      this.#withdraw(candidates, withdrawn);
    } else if (this.#set.add(this.#digest)) this.counts.selected++;
    else this.counts.duplicate++;
  }

  /** Every address of the row: an earlier run may have sent the person by any of them. */
  #withdraw(candidates: readonly string[], withdrawn: DigestSet): void {
    for (const candidate of candidates) {
      if (identify(candidate, this.#digest) === 'valid') withdrawn.add(this.#digest);
    }
  }

  /** No more rows come. Who is in `withdrawn` is taken out, whatever another row said: in doubt there is no consent. */
  close(withdrawn: Digests): void {
    const all = this.#set.drain();
    this.#digests = difference(all, withdrawn);
    const taken = sizeOf(all) - sizeOf(this.#digests);
    this.counts.selected -= taken;
    this.counts.withoutConsent += taken;
  }

  /** Why the segment cannot be filled, if so. */
  refusal(): Fault | undefined {
    return this.fault ?? (this.found ? undefined : new Fault('SegmentNotFound'));
  }

  /** The source has nobody for the segment. */
  get isEmpty(): boolean {
    return this.counts.selected === 0;
  }

  /** The digests, sorted; the selection keeps none of them. */
  drain(): Digests {
    const digests = this.#digests;
    this.#digests = none;
    return digests;
  }
}

export interface SelectOptions {
  /** Distinct addresses, summed over the segments. */
  maxProfiles: number;
  /** Distinct addresses without consent. */
  maxWithoutConsent?: number;
  signal: AbortSignal;
  onRows: (count: number) => void;
}

/**
 * Reads the source to its end into one selection a segment, and returns the digests,
 * sorted, of everybody who was found without consent in any of them. Over a limit
 * reading stops: however large the source is, the memory is bounded.
 * @throws Fault TooManyProfiles, TooManyWithoutConsent, with the count at which it stopped; and the source's own.
 */
export async function select(
  source: Source,
  selections: readonly Selection[],
  { maxProfiles, maxWithoutConsent = 1_000_000, signal, onRows }: SelectOptions,
): Promise<Digests> {
  const withdrawn = new DigestSet();
  let selected = 0;
  for await (const event of source.read(signal)) {
    signal.throwIfAborted();
    if (event.kind === 'rows') {
      for (const row of event.rows) {
        const selection = at(selections, row.segment);
        const before = selection.counts.selected;
        selection.add(row, withdrawn);
        selected += selection.counts.selected - before;
        if (selected > maxProfiles) throw new Fault('TooManyProfiles', { count: selected });
        if (withdrawn.size > maxWithoutConsent) {
          throw new Fault('TooManyWithoutConsent', { count: withdrawn.size });
        }
      }
      onRows(event.rows.length);
    } else {
      const selection = at(selections, event.segment);
      selection.found = true;
      if (event.kind === 'fault') selection.fault = event.fault;
    }
  }
  const gone = withdrawn.drain();
  for (const selection of selections) selection.close(gone);
  return gone;
}

function at(selections: readonly Selection[], segment: number): Selection {
  const selection = selections[segment];
  if (!selection) throw new RangeError(`the source has no segment ${segment}`);
  return selection;
}
