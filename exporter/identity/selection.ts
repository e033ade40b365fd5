import { noCounts, type SegmentCounts, sumCounts } from '../../api/report.ts';
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
  /** When its data was last written, as far as the source told; milliseconds since the epoch. */
  writtenAt: number | undefined;
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
    if (candidates === 'misshapen') {
      this.counts.malformed++;
      return;
    }
    const identity = identifyFirst(candidates, this.#digest);
    if (identity === 'invalid') this.counts.invalid++;
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
  refusal(limits: SourceLimits): Fault | undefined {
    if (this.fault) return this.fault;
    if (!this.found) return new Fault('SegmentNotFound');
    return staleness(this.writtenAt, limits) ?? tooManyFaults(this.counts, limits.maxFaultPercent);
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

export interface SourceLimits {
  /** The most of the rows that may hold no usable address, in percent. */
  maxFaultPercent: number;
  /** Older data is refused. */
  maxAgeMs?: number | undefined;
  /** Milliseconds since the epoch. */
  now: number;
}

function staleness(writtenAt: number | undefined, { maxAgeMs, now }: SourceLimits): Fault | undefined {
  if (maxAgeMs === undefined) return undefined;
  if (writtenAt === undefined) return new Fault('SourceAgeUnknown');
  return now - writtenAt > maxAgeMs ? new Fault('SourceStale', { writtenAt }) : undefined;
}

type RowCounts = Pick<SegmentCounts, 'read' | 'invalid' | 'malformed'>;

function tooManyFaults({ read, invalid, malformed }: RowCounts, maxPercent: number): Fault | undefined {
  const count = invalid + malformed;
  return count * 100 > maxPercent * read ? new Fault('TooManyRowFaults', { count, total: read }) : undefined;
}

/**
 * Stops the run where too many of all rows are faulty; `malformed` are those whose segment is not known.
 * @throws Fault TooManyRowFaults.
 */
export function guardRowFaults(
  selections: readonly Selection[],
  malformed: number,
  maxFaultPercent: number,
): void {
  const total = sumCounts(selections.map(({ counts }) => counts));
  const all = { ...total, read: total.read + malformed, malformed: total.malformed + malformed };
  const fault = tooManyFaults(all, maxFaultPercent);
  if (fault) throw fault;
}

export interface SelectOptions {
  /** Distinct addresses, summed over the segments. */
  maxProfiles: number;
  /** Distinct addresses without consent. */
  maxWithoutConsent?: number;
  signal: AbortSignal;
  onRows: (count: number) => void;
}

export interface Selected {
  /** The digests, sorted, of everybody who was found without consent in any segment. */
  withdrawn: Digests;
  /** Rows that could not be read, and whose segment is not known. */
  malformed: number;
}

/**
 * Reads the source to its end into one selection a segment. Over a limit
 * reading stops: however large the source is, the memory is bounded.
 * @throws Fault TooManyProfiles, TooManyWithoutConsent, with the count at which it stopped; and the source's own.
 */
export async function select(
  source: Source,
  selections: readonly Selection[],
  { maxProfiles, maxWithoutConsent = 1_000_000, signal, onRows }: SelectOptions,
): Promise<Selected> {
  const withdrawn = new DigestSet();
  let selected = 0;
  let malformed = 0;
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
    } else if (event.kind === 'malformed') {
      malformed += event.count;
      onRows(event.count);
    } else if (event.kind === 'written') {
      const told = event.segment === undefined ? selections : [at(selections, event.segment)];
      for (const selection of told) selection.writtenAt = Math.max(selection.writtenAt ?? 0, event.at);
    } else {
      const selection = at(selections, event.segment);
      selection.found = true;
      if (event.kind === 'fault') selection.fault = event.fault;
    }
  }
  const gone = withdrawn.drain();
  for (const selection of selections) selection.close(gone);
  return { withdrawn: gone, malformed };
}

function at(selections: readonly Selection[], segment: number): Selection {
  const selection = selections[segment];
  if (!selection) throw new RangeError(`the source has no segment ${segment}`);
  return selection;
}
