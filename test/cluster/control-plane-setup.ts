import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { callApi } from './api.ts';
import { type CertificateRequest, createCertificates } from './certificates.ts';
import {
  type AuditLevel,
  auditPolicy,
  type ControlPlaneSettings,
  controlPlaneCertificates,
} from './components.ts';
import { type Credentials, readCredentials, writeKubeconfig } from './kubeconfig.ts';
import type { Program } from './processes.ts';
import { waitFor } from './wait.ts';

/** Writes what the programs of a control plane read at their start; returns the administrator's credentials. */
export async function writeControlPlaneConfig(
  directory: string,
  settings: ControlPlaneSettings,
  options: {
    readonly audit?: AuditLevel | undefined;
    readonly auditedUsers?: readonly string[] | undefined;
    readonly clients?: readonly CertificateRequest[];
  } = {},
): Promise<Credentials> {
  const clients = options.clients ?? [];
  await createCertificates(directory, [...controlPlaneCertificates(settings), ...clients]);
  const server = `https://${settings.address}:${settings.port}`;
  for (const name of ['controller-manager', ...clients.map((client) => client.name)]) {
    await writeKubeconfig(
      join(directory, `${name}.kubeconfig`),
      await readCredentials(directory, name, server),
      name,
    );
  }
  if (options.audit) {
    const policy = auditPolicy(options.audit, options.auditedUsers);
    await writeFile(join(directory, 'audit-policy.yaml'), policy);
  }
  return readCredentials(directory, 'admin', server);
}

/** Resolves when the API server says that it is ready, all its own start-up work (roles, namespaces) included. */
export async function waitUntilReady(credentials: Credentials, programs: readonly Program[]): Promise<void> {
  await waitFor('An API server that is ready', 60_000, async () => {
    for (const program of programs) program.assertRunning();
    return callApi(credentials, 'GET', '/readyz');
  });
}

/** Resolves when the controller manager works: until it made this account, no pod may be created. */
export async function waitForDefaultAccount(
  credentials: Credentials,
  controllerManager: Program,
): Promise<void> {
  await waitFor('The service account "default"', 60_000, () => {
    controllerManager.assertRunning();
    return callApi(credentials, 'GET', '/api/v1/namespaces/default/serviceaccounts/default');
  });
}
