import type { Fault } from '../fault.ts';

/**
 * What a kind of source is to the exporter. A new kind is one file here that
 * implements this, and one line in `open.ts`.
 */
export interface Source {
  /**
   * Reads everything once. It keeps at most a few batches in memory.
   * @throws Fault where nothing can be read at all (its reasons start with `Source`,
   * `Field`, `Segment` or `Consent`); what concerns one segment alone is a `fault` event.
   */
  read(signal: AbortSignal): AsyncIterable<SourceEvent>;
}

export type SourceEvent =
  /** Rows of any of the export's segments, in batches: one await a row would cost more than reading it. */
  | { kind: 'rows'; rows: readonly Row[] }
  /** The source has the segment, whether or not any rows follow. A segment with rows need not be announced. */
  | { kind: 'found'; segment: number }
  /** When data was last written, in milliseconds since the epoch: the segment's, or everybody's. The latest that is told counts. */
  | { kind: 'written'; segment?: number; at: number }
  /** Rows that cannot be read, and whose segment is not known; of a known one they are rows that are `misshapen`. */
  | { kind: 'malformed'; count: number }
  /** The segment cannot be read; the others can. */
  | { kind: 'fault'; segment: number; fault: Fault };

export interface Row {
  /** Index into the export's segments. */
  segment: number;
  /**
   * The cells that may hold the address, in the order of match.email: the field,
   * then its fallbacks; as they are, empty where the row has none. `misshapen`: the
   * row's cells cannot be told apart, so none of them may be used.
   */
  candidates: readonly string[] | 'misshapen';
  /** The row's consent field says that the person consented; true also where the export asks for no consent. */
  hasConsent: boolean;
}
