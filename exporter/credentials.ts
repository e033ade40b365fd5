import { credentialKeys } from '../api/names.ts';
import { Fault } from './fault.ts';
import { readSecretKey } from './secretkey.ts';

export interface Credentials {
  clientId: string;
  clientSecret: string;
}

/**
 * Reads the Secret's keys from the directory at which it is mounted.
 * @throws Fault SecretNotFound, SecretKeyMissing (a key without a value counts as missing).
 */
export async function readCredentials(directory: string): Promise<Credentials> {
  const clientId = await readSecretKey(directory, credentialKeys.clientId);
  const clientSecret = await readSecretKey(directory, credentialKeys.clientSecret);
  if (clientId === undefined && clientSecret === undefined) throw new Fault('SecretNotFound');
  if (!clientId) throw new Fault('SecretKeyMissing', { key: 'clientId' });
  if (!clientSecret) throw new Fault('SecretKeyMissing', { key: 'clientSecret' });
  return { clientId, clientSecret };
}
