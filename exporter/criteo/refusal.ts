import type { RunReason } from '../../api/reasons.ts';
import type { ReportDetails } from '../../api/report.ts';
import { Fault } from '../fault.ts';
import type { Problem } from './problems.ts';

/** Criteo answered, and refused: a 4xx, or errors inside a 200. */
export class Refusal extends Error {
  readonly status: number;
  readonly problems: readonly Problem[];

  constructor(status: number, problems: readonly Problem[]) {
    super(`refused with status ${status}`);
    this.name = 'Refusal';
    this.status = status;
    this.problems = problems;
  }

  has(code: string): boolean {
    return this.problems.some((problem) => problem.code === code);
  }

  /** As a code of the report. */
  toFault(): Fault {
    return new Fault(this.#reason(), this.details());
  }

  details(): ReportDetails {
    const code = this.problems.find((problem) => problem.code !== undefined)?.code;
    return { status: this.status, ...(code === undefined ? {} : { code }) };
  }

  #reason(): RunReason {
    const types = this.problems.map((problem) => problem.type);
    if (this.status === 401 || types.includes('authentication')) return 'CredentialsRefused';
    if (this.status === 410) return 'ApiVersionGone';
    // A segment that is gone is answered with 403 too; that says nothing of permissions.
    if (this.has('audience-invalid')) return 'CriteoRefused';
    if (this.status === 403 || types.includes('access-control') || types.includes('authorization')) {
      return 'PermissionMissing';
    }
    return 'CriteoRefused';
  }
}
