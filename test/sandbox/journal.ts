import type { Counts } from './request.ts';

/** One request to the API, without anything that it was about. */
export type RequestEntry = {
  number: number;
  /** RFC 3339. */
  time: string;
  method: string;
  /** Without the query. */
  path: string;
  /** Of the reply; null where the connection was reset instead. */
  status: number | null;
  clientId?: string;
  counts?: Counts;
  /** The kind of the fault that met it. */
  fault?: string;
};

/** A request, or a reply of the sandbox's own, that breaks the published contract. */
export type Violation = {
  time: string;
  side: 'request' | 'reply';
  method: string;
  path: string;
  detail: string;
};

// A test run of a million members is some thousand requests; a sandbox that is left running must not grow for ever.
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
