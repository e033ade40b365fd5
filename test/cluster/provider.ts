import { succeeds } from './run.ts';

/**
 * Where the cluster comes from:
 * - `given`: TEST_KUBECONFIG names a kubeconfig; that cluster is used as it is and never torn down;
 * - `kind`, `k3d`: Docker answers and the program is on the PATH;
 * - `node`: a node of our own, made of namespaces of this machine.
 */
export type Provider = 'given' | 'kind' | 'k3d' | 'node';

export async function chooseProvider(environment: NodeJS.ProcessEnv = process.env): Promise<Provider> {
  if (environment.TEST_KUBECONFIG) return 'given';
  if (!(await dockerAnswers())) return 'node';
  if (await succeeds('kind', ['version'])) return 'kind';
  if (await succeeds('k3d', ['version'])) return 'k3d';
  return 'node';
}

export async function dockerAnswers(): Promise<boolean> {
  return succeeds('docker', ['info']);
}
