import { spawn } from 'node:child_process';
import { kubectlPath } from '../cluster/kubectl.ts';

/** The API server by plain HTTP, with the rights of a kubeconfig, whatever kind of credentials that has. */
export interface KubectlProxy extends Disposable {
  server: string;
}

export async function startKubectlProxy(kubeconfigPath: string): Promise<KubectlProxy> {
  const args = ['--kubeconfig', kubeconfigPath, 'proxy', '--port=0'];
  // The kernel ends it with the process that runs the tests, however that ends.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', await kubectlPath(), ...args]);
  const address = await new Promise<string>((resolve, reject) => {
    let output = '';
    const heard = (chunk: Buffer): void => {
      output += chunk.toString();
      const [, found] = /Starting to serve on (\S+)/.exec(output) ?? [];
      if (found !== undefined) resolve(found);
    };
    child.stdout.on('data', heard);
    child.stderr.on('data', heard);
    child.on('error', reject);
    child.on('close', (code) => reject(new Error(`kubectl proxy ended (${code}): ${output}`)));
  });
  return {
    server: `http://${address}`,
    [Symbol.dispose]: () => child.kill('SIGKILL'),
  };
}
