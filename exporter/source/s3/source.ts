import type { S3Source } from '../../../api/rundocument.ts';
import { createS3Client } from '../../objectstore/s3client.ts';
import { maxSilenceMs } from '../../objectstore/send.ts';
import { type FilesSourceOptions, filesSource } from '../files/files.ts';
import type { FileStore } from '../files/store.ts';
import { readSourceKeys } from '../keys.ts';
import type { SourceSurroundings } from '../open.ts';
import type { Source } from '../source.ts';
import { s3Store } from './store.ts';
import { assumeRole, type TemporaryKeys } from './webidentity.ts';

export interface S3SourceOptions extends Omit<FilesSourceOptions, 'store' | 'files' | 'clock'> {
  source: S3Source;
  surroundings: SourceSurroundings;
}

/** Tables in the objects of a bucket. */
export function s3Source({ source, surroundings, ...wanted }: S3SourceOptions): Source {
  const { clock } = surroundings;
  return filesSource({ ...wanted, store: openS3(source, surroundings), files: source, clock });
}

/** The bucket. Keys are looked for when the first of its objects is. */
export function openS3(
  source: S3Source,
  surroundings: SourceSurroundings,
  silenceMs = maxSilenceMs,
): FileStore {
  const { dispatcher, clock } = surroundings;
  const patience = { timeoutMs: silenceMs, of: 'Silence' } as const;
  // The SDK asks again shortly before what it was given expires.
  const client = createS3Client(source, () => keysOf(source, surroundings), dispatcher, patience);
  return s3Store(client, source.bucket, clock);
}

type Keys = Omit<TemporaryKeys, 'sessionToken' | 'expiration'> & Partial<TemporaryKeys>;

async function keysOf(
  { region, workloadIdentity }: S3Source,
  surroundings: SourceSurroundings,
): Promise<Keys> {
  // Nobody's signal: a call that ends keys for all would be another's.
  if (workloadIdentity)
    return await assumeRole({ region, ...workloadIdentity }, surroundings, new AbortController().signal);
  const { credentialsDirectory } = surroundings;
  return await readSourceKeys(credentialsDirectory, ['accessKeyId', 'secretAccessKey'], ['sessionToken']);
}
