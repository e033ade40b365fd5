import { execFileSync } from 'node:child_process';
import { goProgram } from './gotool.ts';

export interface CronQuestion {
  cron: string;
  timeZone: string;
  /** RFC 3339. */
  after: string;
}

/** Compiles test/cron where that has not been done. Returns the program's path. */
export function kubernetesCronProgram(log: (line: string) => void): Promise<string> {
  const purpose = 'by which the next run time is checked';
  return goProgram({ name: 'cron-oracle', directory: 'test/cron', packages: 90, purpose }, log);
}

/** When Kubernetes fires next, in RFC 3339, or `never`; in the order of the questions. */
export function kubernetesCron(program: string, asked: readonly CronQuestion[]): string[] {
  const input = asked.map((question) => JSON.stringify(question)).join('\n');
  return execFileSync(program, { input, encoding: 'utf8' }).trim().split('\n');
}
