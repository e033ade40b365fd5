import type { FileMetaData } from 'hyparquet';
import { parquetMetadata } from 'hyparquet/src/metadata.js';
import { Fault } from '../../../fault.ts';
import type { StoredFile } from '../../files/store.ts';
import { orDamaged, sound } from './damage.ts';

const magic = 'PAR1';
/** The length of the metadata, then the magic word, end the file. */
const endBytes = 8;
/** Read at once from the end; metadata is seldom longer. */
const tailBytes = 128 * 1024;
/** Of thousands of row groups and columns. */
const maxMetadataBytes = 32 * 1024 * 1024;

/** Bounds of columns, for filters; nothing here needs them. */
const nothing = (): undefined => undefined;
const parsers = {
  timestampFromMilliseconds: nothing,
  timestampFromMicroseconds: nothing,
  timestampFromNanoseconds: nothing,
  dateFromDays: nothing,
  stringFromBytes: nothing,
  jsonFromBytes: nothing,
  geometryFromBytes: nothing,
  geographyFromBytes: nothing,
  uuidFromBytes: nothing,
};

/**
 * What a Parquet file says of itself, at its end.
 * @throws Fault SourceEmpty, SourceNotParquet where the end is another file's, SourceDamaged.
 */
export async function readMetadata(file: StoredFile, signal: AbortSignal): Promise<FileMetaData> {
  if (file.size === 0) throw new Fault('SourceEmpty');
  const tail = await file.slice(Math.max(0, file.size - tailBytes), file.size, signal);
  const isParquet = tail.length > endBytes && tail.toString('latin1', tail.length - magic.length) === magic;
  if (!isParquet) throw new Fault('SourceNotParquet');
  const length = tail.readUInt32LE(tail.length - endBytes);
  const start = file.size - endBytes - length;
  sound(start >= magic.length && length <= maxMetadataBytes);
  const bytes = start >= file.size - tail.length ? tail : await file.slice(start, file.size, signal);
  return orDamaged(() => parquetMetadata(bytes, { parsers, geoparquet: false }));
}
