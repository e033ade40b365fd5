import { readFile } from 'node:fs/promises';
import { Fault } from '../fault.ts';

/**
 * The service account's token, for a cloud's identity service. The kubelet renews
 * it, so it is read for each use.
 * @throws Fault SourceCredentialsRefused where there is none.
 */
export async function readIdentityToken(path: string): Promise<string> {
  const token = (await readFile(path, 'utf8').catch(() => '')).trim();
  if (token === '') throw new Fault('SourceCredentialsRefused', { code: 'no-identity-token' });
  return token;
}
