import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { credentialKeys } from '../api/names.ts';
import { Fault } from './fault.ts';

export interface Credentials {
  clientId: string;
  clientSecret: string;
}

/**
 * Reads the Secret's keys from the directory at which it is mounted. The mount
 * is optional, so a Secret that does not exist is an empty directory.
 * @throws Fault SecretNotFound, SecretKeyMissing (a key without a value counts as missing).
 */
export async function readCredentials(directory: string): Promise<Credentials> {
  const clientId = await readKey(directory, credentialKeys.clientId);
  const clientSecret = await readKey(directory, credentialKeys.clientSecret);
  if (clientId === undefined && clientSecret === undefined) throw new Fault('SecretNotFound');
  if (!clientId) throw new Fault('SecretKeyMissing', { key: 'clientId' });
  if (!clientSecret) throw new Fault('SecretKeyMissing', { key: 'clientSecret' });
  return { clientId, clientSecret };
}

async function readKey(directory: string, key: string): Promise<string | undefined> {
  try {
    // `echo secret | base64` puts a line break into many a Secret.
    return (await readFile(join(directory, key), 'utf8')).replace(/\r?\n$/, '');
  } catch {
    return undefined;
  }
}
