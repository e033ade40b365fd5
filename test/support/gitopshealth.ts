import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { goProgram } from './gotool.ts';

/** What a tool makes of an object. */
export interface Health {
  status: string;
  message: string;
}

export interface GitOpsHealth {
  /** By kstatus' own library, which Flux reads. */
  kstatus: Health;
  /** By the health script, run as Argo CD runs it. */
  argoCD: Health;
}

/** Compiles test/gitops/health where that has not been done. Returns the program's path. */
export function gitopsHealthProgram(log: (line: string) => void): Promise<string> {
  const purpose = 'which asks kstatus and runs health scripts of Argo CD';
  return goProgram({ name: 'gitops-health', directory: 'test/gitops/health', packages: 265, purpose }, log);
}

/** In the order of the objects. @throws Error where a script fails, with Lua's word for it. */
export async function gitopsHealth(
  program: string,
  asked: readonly { object: object; script: string }[],
): Promise<GitOpsHealth[]> {
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(asked.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const [out, fault, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  if (code !== 0) throw new Error(`${program} ended (${code}): ${fault}`);
  return out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as GitOpsHealth);
}
