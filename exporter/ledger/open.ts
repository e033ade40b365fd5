import type { Dispatcher } from 'undici';
import { objectStoreKeys } from '../../api/names.ts';
import type { ObjectName, RunLedger, S3Place } from '../../api/rundocument.ts';
import { Fault } from '../fault.ts';
import { readSecretKey } from '../secretkey.ts';
import type { LedgerHome } from './home.ts';
import type { StoreKeys } from './s3.ts';
import { volumeHome } from './volume.ts';

export interface LedgerSurroundings {
  /** Where the volume is mounted. */
  ledgerDirectory: string;
  /** Directory of the Secret with the object store's keys. */
  credentialsDirectory: string;
  /** The connections of the run. */
  dispatcher: Dispatcher;
}

/** @throws Fault LedgerSecretMissing, RunDocumentInvalid. */
export async function openHome(
  run: { ledger: RunLedger; export: ObjectName },
  where: LedgerSurroundings,
): Promise<LedgerHome> {
  const { uid } = run.export;
  // It becomes a part of paths.
  if (!/^[0-9A-Za-z-]{1,64}$/.test(uid)) throw new Fault('RunDocumentInvalid');
  const { s3 } = run.ledger;
  if (!s3) return volumeHome(where.ledgerDirectory, uid);
  return await openStore(s3, `${s3.prefix}/exports/${uid}`, where);
}

/**
 * Whether the object store can be a ledger's home, for a check of the connection.
 * @throws Fault as LedgerHome's probe does; LedgerSecretMissing.
 */
export async function probeStore(place: S3Place, where: LedgerSurroundings): Promise<void> {
  const home = await openStore(place, place.prefix, where);
  await home.probe();
}

async function openStore(place: S3Place, base: string, where: LedgerSurroundings): Promise<LedgerHome> {
  const keys = await readKeys(where.credentialsDirectory);
  // The SDK takes some 100 ms and 20 MB, which runs without it need not pay.
  const { s3Home } = await import('./s3.ts');
  return s3Home(place, base, keys, where.dispatcher);
}

async function readKeys(directory: string): Promise<StoreKeys> {
  const accessKeyId = await readSecretKey(directory, objectStoreKeys.accessKeyId);
  const secretAccessKey = await readSecretKey(directory, objectStoreKeys.secretAccessKey);
  if (!accessKeyId && !secretAccessKey) throw new Fault('LedgerSecretMissing');
  if (!accessKeyId) throw new Fault('LedgerSecretMissing', { key: 'accessKeyId' });
  if (!secretAccessKey) throw new Fault('LedgerSecretMissing', { key: 'secretAccessKey' });
  return { accessKeyId, secretAccessKey };
}
