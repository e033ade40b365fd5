import { generateKeyPairSync } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';

/** A certificate to be signed by the cluster's own authority; valid for a year. */
export interface CertificateRequest {
  /** The file name without its ending: `<name>.crt` and `<name>.key`. */
  readonly name: string;
  /** For a client, Kubernetes takes this as the user. */
  readonly commonName: string;
  /** For a client, Kubernetes takes this as the group. */
  readonly organization?: string;
  /** Names and addresses of a server, such as `IP:127.0.0.1`; a client has none. */
  readonly alternativeNames?: readonly string[];
}

// Without a configuration of its own, openssl takes the machine's, which may add extensions.
const configuration = '[req]\ndistinguished_name=dn\n[dn]\n';

/** Makes an authority, the certificates that it signs, and the key that signs service account tokens. */
export async function createCertificates(
  directory: string,
  requests: readonly CertificateRequest[],
): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(join(directory, 'openssl.cnf'), configuration);
  await openssl(directory, 'ca', '/CN=criteo-segment-export-test-cluster', [
    'basicConstraints=critical,CA:TRUE',
    'keyUsage=critical,digitalSignature,keyCertSign',
  ]);
  await Promise.all([...requests.map((request) => sign(directory, request)), writeTokenKey(directory)]);
}

async function sign(directory: string, request: CertificateRequest): Promise<void> {
  const organization = request.organization ? `/O=${request.organization}` : '';
  const extensions = ['keyUsage=critical,digitalSignature', 'extendedKeyUsage=clientAuth,serverAuth'];
  if (request.alternativeNames) extensions.push(`subjectAltName=${request.alternativeNames.join(',')}`);
  const signer = ['-CA', join(directory, 'ca.crt'), '-CAkey', join(directory, 'ca.key')];
  await openssl(directory, request.name, `${organization}/CN=${request.commonName}`, extensions, signer);
}

async function openssl(
  directory: string,
  name: string,
  subject: string,
  extensions: readonly string[],
  more: readonly string[] = [],
): Promise<void> {
  await run('openssl', [
    ...['req', '-x509', '-config', join(directory, 'openssl.cnf'), '-days', '365', '-nodes'],
    ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-subj', subject],
    ...['-keyout', join(directory, `${name}.key`), '-out', join(directory, `${name}.crt`)],
    ...extensions.flatMap((extension) => ['-addext', extension]),
    ...more,
  ]);
}

async function writeTokenKey(directory: string): Promise<void> {
  const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const key = pair.privateKey.export({ type: 'pkcs8', format: 'pem' });
  await writeFile(join(directory, 'service-account.key'), key, { mode: 0o600 });
  await writeFile(
    join(directory, 'service-account.pub'),
    pair.publicKey.export({ type: 'spki', format: 'pem' }),
  );
}
