import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ObjectName, RunLedger, S3Place } from '../../../api/rundocument.ts';
import { createDispatcher } from '../../../exporter/criteo/exchange.ts';
import type { LedgerHome } from '../../../exporter/ledger/home.ts';
import { type LedgerSurroundings, openHome } from '../../../exporter/ledger/open.ts';
import { type ObjectStore, startVersitygw } from '../../support/versitygw.ts';

/** What another process needs to open a home; it travels as JSON. */
export interface Place {
  ledger: RunLedger;
  export: ObjectName;
  ledgerDirectory: string;
  credentialsDirectory: string;
}

/** A real volume or object store, in which ledgers of several exports may be. */
export interface Ground extends AsyncDisposable {
  place(uid: string): Place;
  /** Where its files are, whatever they are called in there. */
  directory: string;
}

export function openPlace(place: Place, dispatcher = directly): Promise<LedgerHome> {
  return openHome(place, surroundings(place, dispatcher));
}

/** No proxy, no bundle. */
export const directly = createDispatcher('/does-not-exist');

export function surroundings(place: Place, dispatcher: LedgerSurroundings['dispatcher']): LedgerSurroundings {
  const { ledgerDirectory, credentialsDirectory } = place;
  return { ledgerDirectory, credentialsDirectory, dispatcher };
}

export function nameOf(uid: string): ObjectName {
  return { namespace: 'shop', name: 'newsletter', uid };
}

export async function volumeGround(): Promise<Ground> {
  const directory = await mkdtemp(join(tmpdir(), 'segmentexport-volume-'));
  return {
    directory,
    place: (uid) => ({
      ledger: { volume: {}, resyncEveryHours: 720 },
      export: nameOf(uid),
      ledgerDirectory: directory,
      credentialsDirectory: '/does-not-exist',
    }),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

export interface StoreGround extends Ground {
  store: ObjectStore;
  s3: S3Place;
}

export async function storeGround(): Promise<StoreGround> {
  const store = await startVersitygw();
  const keys = await keysDirectory(store);
  const { endpoint, region, bucket, directory } = store;
  // Every character that must be encoded on the way.
  const s3 = { endpoint, region, bucket, prefix: "teams/our ledgers/ø+(1)'*" };
  return {
    store,
    s3,
    directory: join(directory, s3.prefix),
    place: (uid) => placeIn(s3, uid, keys),
    [Symbol.asyncDispose]: async () => {
      await store.stop();
      await rm(keys, { recursive: true, force: true });
    },
  };
}

export function placeIn(s3: S3Place, uid: string, credentialsDirectory: string): Place {
  return {
    ledger: { s3, resyncEveryHours: 720 },
    export: nameOf(uid),
    ledgerDirectory: '/does-not-exist',
    credentialsDirectory,
  };
}

/** A mounted Secret. */
export async function keysDirectory(keys: { accessKeyId: string; secretAccessKey: string }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'segmentexport-keys-'));
  for (const key of ['accessKeyId', 'secretAccessKey'] as const) {
    await writeFile(join(directory, key), `${keys[key]}\n`);
  }
  return directory;
}
