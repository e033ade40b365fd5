import { readFile } from 'node:fs/promises';
import { aptGet } from '../apt.ts';
import type { Log } from '../binary.ts';
import { succeeds } from '../run.ts';

/** Programs of Debian or Ubuntu packages, by the command or file whose absence means that the package is missing. */
export type Requirements = Readonly<Record<string, string>>;

/** What a node needs. */
export const nodeRequirements: Requirements = {
  containerd: 'containerd',
  runc: 'runc',
  '/usr/lib/cni/bridge': 'containernetworking-plugins',
  ip: 'iproute2',
  nft: 'nftables',
  iptables: 'iptables',
  openssl: 'openssl',
  unshare: 'util-linux',
};

const otherWays = 'Or use Docker with kind or k3d on the PATH, or name a cluster with TEST_KUBECONFIG.';

/**
 * Installs the packages that are missing. Throws an Error that tells what is needed where
 * this is not Linux, not Debian or Ubuntu, or not root.
 */
export async function ensurePackages(requirements: Requirements, log: Log): Promise<void> {
  if (process.platform !== 'linux') throw new Error(`The cluster's own node needs Linux. ${otherWays}`);
  if (process.getuid?.() !== 0) {
    throw new Error(`The cluster's own node needs root: namespaces, mounts, containers. ${otherWays}`);
  }
  const missing: string[] = [];
  for (const [probe, name] of Object.entries(requirements)) {
    const test = probe.startsWith('/') ? `test -x ${probe}` : `command -v ${probe}`;
    if (!(await succeeds('sh', ['-c', test]))) missing.push(name);
  }
  if (missing.length === 0) return;
  if (!(await isDebian())) {
    throw new Error(
      `Missing here: ${missing.join(', ')} (names of Debian packages; install their like). ${otherWays}`,
    );
  }
  log(`Installing Debian packages: ${missing.join(' ')}`);
  await aptGet(['update']);
  await aptGet(['install', '-y', '--no-install-recommends', ...missing]);
}

async function isDebian(): Promise<boolean> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(release);
}
