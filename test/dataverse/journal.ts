/** One request, without a value of what it asked for or got. */
export type RequestEntry = {
  number: number;
  /** RFC 3339. */
  time: string;
  method: string;
  /** Without the query, and without keys of rows. */
  path: string;
  /** Of the reply; null where the connection was reset instead. */
  status: number | null;
  clientId?: string;
  /** The columns that were selected. */
  select?: string[];
  /** The filter with its values left out, such as contains(msdynci_segments,_). */
  filter?: string;
  pageSize?: number;
  /** Rows in the reply. */
  rows?: number;
  /** 1 for the first page of a scan. */
  page?: number;
  /** The kind of the fault that met it. */
  fault?: string;
};

/** A request that breaks the documented contract. */
export type Violation = { time: string; method: string; path: string; detail: string };

// A sandbox that is left running must not grow for ever.
const kept = 10_000;

/** What happened, for tests to ask about; the oldest entries are dropped. */
export class Journal {
  requests: RequestEntry[] = [];
  violations: Violation[] = [];
  #requestCount = 0;

  addRequest(entry: Omit<RequestEntry, 'number'>): void {
    this.#requestCount += 1;
    this.requests.push({ number: this.#requestCount, ...entry });
    if (this.requests.length > kept) this.requests.shift();
  }

  addViolation(violation: Violation): void {
    this.violations.push(violation);
    if (this.violations.length > kept) this.violations.shift();
  }
}
