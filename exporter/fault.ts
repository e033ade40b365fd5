import type { RunReason } from '../api/reasons.ts';
import type { ReportDetails } from '../api/report.ts';

/**
 * What ended a run or a segment: a code of the closed list and numbers. It has
 * no cause and no foreign text, because texts of files and APIs contain rows.
 */
export class Fault extends Error {
  readonly reason: RunReason;
  readonly details: ReportDetails | undefined;

  constructor(reason: RunReason, details?: ReportDetails) {
    super(reason);
    this.name = 'Fault';
    this.reason = reason;
    this.details = details;
  }
}
