import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type GoTool, goTool } from '../../support/gotool.ts';

const kubeconform: GoTool = {
  name: 'kubeconform',
  module: 'github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0',
  packages: 260,
  purpose: 'which checks manifests by schemas',
};
const kubeScore: GoTool = {
  name: 'kube-score',
  module: 'github.com/zegl/kube-score/cmd/kube-score@v1.20.0',
  packages: 620,
  purpose: 'which checks manifests by the rules of practice',
};

/** Compiles both where that has not been done. */
export async function manifestTools(
  log: (line: string) => void,
): Promise<{ kubeconform: string; kubeScore: string }> {
  return { kubeconform: await goTool(kubeconform, log), kubeScore: await goTool(kubeScore, log) };
}

/** What a program printed, whatever its exit code says of the manifests. */
export async function outputOf(program: string, args: readonly string[], input: string): Promise<string> {
  const child = promisify(execFile)(program, args, { maxBuffer: 64 * 1024 * 1024 });
  child.child.stdin?.end(input);
  const { stdout } = await child.catch((error: { stdout?: string; code?: unknown; stderr?: string }) => {
    if (typeof error.code !== 'number' || !error.stdout) throw error;
    return { stdout: error.stdout };
  });
  return stdout;
}
