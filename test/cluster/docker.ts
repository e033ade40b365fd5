import { chmod } from 'node:fs/promises';
import type { Log } from './binary.ts';
import { kubeconfigPath } from './paths.ts';
import { run } from './run.ts';

// kind and k3d where Docker answers. Kept small: the machines on which this project is
// developed have no Docker, so that these few lines are tried by others than the rest.

export type DockerProvider = 'kind' | 'k3d';
const name = 'criteo-segment-export';

/** Makes the cluster where it does not exist, and writes its kubeconfig. Returns the address of this machine for pods. */
export async function startDockerCluster(provider: DockerProvider, log: Log): Promise<string | undefined> {
  if (!(await dockerClusterExists(provider))) {
    log(`Making a cluster with ${provider}`);
    if (provider === 'kind')
      await run('kind', ['create', 'cluster', '--name', name, '--kubeconfig', kubeconfigPath]);
    else await run('k3d', ['cluster', 'create', name, '--wait', '--kubeconfig-update-default=false']);
  }
  if (provider === 'kind')
    await run('kind', ['export', 'kubeconfig', '--name', name, '--kubeconfig', kubeconfigPath]);
  else await run('k3d', ['kubeconfig', 'write', name, '--output', kubeconfigPath]);
  await chmod(kubeconfigPath, 0o600);
  return dockerHostAddress(provider);
}

export async function removeDockerCluster(provider: DockerProvider): Promise<string[]> {
  if (!(await dockerClusterExists(provider))) return [];
  if (provider === 'kind') await run('kind', ['delete', 'cluster', '--name', name]);
  else await run('k3d', ['cluster', 'delete', name]);
  return [`the ${provider} cluster ${name}`];
}

export async function dockerClusterExists(provider: DockerProvider): Promise<boolean> {
  const list = provider === 'kind' ? ['get', 'clusters'] : ['cluster', 'list', '--no-headers'];
  const names = (await run(provider, list)).split('\n').map((line) => line.split(/\s/)[0]);
  return names.includes(name);
}

export async function loadDockerImage(provider: DockerProvider, reference: string): Promise<void> {
  if (provider === 'kind') await run('kind', ['load', 'docker-image', reference, '--name', name]);
  else await run('k3d', ['image', 'import', reference, '--cluster', name]);
}

/** This machine's IPv4 address on the network of the cluster's containers. */
export async function dockerHostAddress(provider: DockerProvider): Promise<string | undefined> {
  const network = provider === 'kind' ? 'kind' : `k3d-${name}`;
  const gateways = await run('docker', [
    'network',
    'inspect',
    network,
    '--format',
    '{{range .IPAM.Config}}{{.Gateway}} {{end}}',
  ]);
  return gateways.split(' ').find((address) => /^\d+(\.\d+){3}$/.test(address));
}
