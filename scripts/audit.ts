import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** What `npm audit --json` printed, in a line, and whether something has to be done. */
export interface Verdict {
  text: string;
  kind: 'Clean' | 'Vulnerable' | 'NotAnswered';
}

interface Audit {
  metadata?: { vulnerabilities?: Record<string, number> };
  vulnerabilities?: Record<string, { severity: string; fixAvailable?: unknown }>;
}

/** Not every registry knows advisories: that nothing was found there is then no finding. */
export function verdictOf(output: string): Verdict {
  let audit: Audit = {};
  try {
    audit = JSON.parse(output) as Audit;
  } catch {
    // It printed no JSON, and so it has found nothing out.
  }
  const total = audit.metadata?.vulnerabilities?.total;
  if (total === undefined) {
    return { kind: 'NotAnswered', text: 'The registry does not answer npm audit: nothing was looked up.' };
  }
  if (total === 0) return { kind: 'Clean', text: 'No package of the programs has a known vulnerability.' };
  const lines = Object.entries(audit.vulnerabilities ?? {}).map(
    ([name, { severity }]) => `${name}: ${severity}`,
  );
  return { kind: 'Vulnerable', text: `Known vulnerabilities: ${lines.sort().join(', ')}.` };
}

if (import.meta.main) {
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const audit = promisify(execFile)('npm', ['audit', '--omit', 'dev', '--json'], { cwd });
  const { stdout } = await audit.catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }));
  const { text, kind } = verdictOf(stdout);
  console.log(text);
  process.exitCode = kind === 'Vulnerable' ? 1 : 0;
}
