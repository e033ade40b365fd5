import { readFileSync } from 'node:fs';
import path from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';

export interface KubeConfigOptions {
  /** Path of a kubeconfig file. Absent: KUBECONFIG, then ~/.kube/config, then the pod's own service account. */
  kubeconfig?: string | undefined;
  /** A context of it other than the current one. */
  context?: string | undefined;
}

// What client-node takes where it finds nothing; the error that follows from it speaks of TLS settings.
const CLIENT_NODE_FALLBACK = 'http://localhost:8080';

/**
 * Loads what is needed to reach and trust an API server.
 * @throws Error when the file cannot be read, or has no such context, cluster or user.
 */
export function loadKubeConfig(options: KubeConfigOptions = {}): KubeConfig {
  const config = new KubeConfig();
  const files = options.kubeconfig ? [options.kubeconfig] : filesOf(process.env.KUBECONFIG);
  if (options.kubeconfig) config.loadFromFile(options.kubeconfig);
  else config.loadFromDefault();
  if (!options.kubeconfig && config.getCurrentCluster()?.server === CLIENT_NODE_FALLBACK) {
    throw new Error(
      'no kubeconfig was found (KUBECONFIG, ~/.kube/config), and this is no pod; name a kubeconfig',
    );
  }
  if (options.context) config.setCurrentContext(options.context);

  const context = config.getContexts().find(({ name }) => name === config.getCurrentContext());
  if (!context) {
    const known =
      config
        .getContexts()
        .map(({ name }) => name)
        .join(', ') || 'none';
    throw new Error(`context "${config.getCurrentContext()}" is not in the kubeconfig; it has: ${known}`);
  }
  if (!config.getCurrentCluster()) {
    throw new Error(`cluster "${context.cluster}" of context "${context.name}" is not in the kubeconfig`);
  }
  for (const file of files) honourTokenFiles(config, file);
  return config;
}

function filesOf(variable: string | undefined): string[] {
  return (variable ?? '').split(path.delimiter).filter((file) => file !== '');
}

// client-node 2.0.1 ignores a user's `tokenFile`. Its in-cluster authenticator reads such a file, and reads it again
// as it rotates.
function honourTokenFiles(config: KubeConfig, file: string): void {
  const raw = parse(readFileSync(file, 'utf8')) as {
    users?: { name?: string; user?: { tokenFile?: string } }[];
  } | null;
  for (const { name, user: entry } of raw?.users ?? []) {
    const index = config.users.findIndex((user) => user.name === name);
    const user = config.users[index];
    if (!user || !entry?.tokenFile || user.token) continue;
    const tokenFile = path.resolve(path.dirname(file), entry.tokenFile);
    config.users[index] = { ...user, authProvider: { name: 'tokenFile', config: { tokenFile } } };
  }
}
