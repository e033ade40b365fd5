import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Credentials {
  /** The API server's address, such as `https://127.0.0.1:20010`. */
  readonly server: string;
  /** PEM. */
  readonly certificateAuthority: string;
  /** PEM. */
  readonly clientCertificate: string;
  /** PEM. */
  readonly clientKey: string;
}

/** A kubeconfig as JSON, which is YAML too, with everything inside it: it can be copied anywhere. */
export function kubeconfig(credentials: Credentials, name: string): string {
  const base64 = (pem: string) => Buffer.from(pem).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [
      {
        name,
        cluster: {
          server: credentials.server,
          'certificate-authority-data': base64(credentials.certificateAuthority),
        },
      },
    ],
    users: [
      {
        name,
        user: {
          'client-certificate-data': base64(credentials.clientCertificate),
          'client-key-data': base64(credentials.clientKey),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** Reads the credentials of the client `name` from a directory that createCertificates filled. */
export async function readCredentials(directory: string, name: string, server: string): Promise<Credentials> {
  const [certificateAuthority, clientCertificate, clientKey] = await Promise.all([
    readFile(join(directory, 'ca.crt'), 'utf8'),
    readFile(join(directory, `${name}.crt`), 'utf8'),
    readFile(join(directory, `${name}.key`), 'utf8'),
  ]);
  return { server, certificateAuthority, clientCertificate, clientKey };
}

/** Writes it readable by its owner alone, and never half. */
export async function writeKubeconfig(path: string, credentials: Credentials, name: string): Promise<void> {
  const temporary = `${path}.${process.pid}.new`;
  await writeFile(temporary, kubeconfig(credentials, name), { mode: 0o600 });
  await rename(temporary, path);
}
