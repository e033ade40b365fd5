import { caKey, type sourceKeys } from '../../api/names.ts';
import { Fault } from '../fault.ts';
import { readSecretKey } from '../secretkey.ts';

export type SourceKey = keyof typeof sourceKeys;

/**
 * Keys of the Secret of a source, from the directory at which it is mounted; those that are `optional` may be missing.
 * @throws Fault SourceSecretMissing, with the key, where only some of the Secret's keys are missing; one without a
 * value counts as missing.
 */
export async function readSourceKeys<Required extends SourceKey, Optional extends SourceKey = never>(
  directory: string,
  required: readonly Required[],
  optional: readonly Optional[] = [],
): Promise<Record<Required, string> & Partial<Record<Optional, string>>> {
  const keys: readonly SourceKey[] = [...required, ...optional];
  const values = new Map<SourceKey, string>();
  let isThere = false;
  for (const key of keys) {
    const value = await readSecretKey(directory, key);
    isThere ||= value !== undefined;
    if (value) values.set(key, value);
  }
  if (!isThere && required.length > 0) throw new Fault('SourceSecretMissing');
  for (const key of required) if (!values.has(key)) throw new Fault('SourceSecretMissing', { key });
  return Object.fromEntries(values) as Record<Required, string> & Partial<Record<Optional, string>>;
}

/**
 * The authorities of the source's own, in PEM.
 * @throws Fault SourceSecretMissing with the key.
 */
export async function readSourceCa(directory: string): Promise<string> {
  const pem = await readSecretKey(directory, caKey);
  if (!pem) throw new Fault('SourceSecretMissing', { key: caKey });
  return pem;
}
