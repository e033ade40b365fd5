import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { CompressionCodec } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { Fault } from '../../../fault.ts';
import { sound } from './damage.ts';

type Unpack = (bytes: Uint8Array, length: number) => Uint8Array;

const codecs: Readonly<Partial<Record<CompressionCodec, Unpack | undefined>>> = {
  UNCOMPRESSED: (bytes) => bytes,
  SNAPPY: (bytes, length) => {
    // The library takes the length from us, and the rest of it from whatever its memory held before.
    sound(snappyLength(bytes) === length);
    return compressors.SNAPPY?.(bytes, length) ?? bytes;
  },
  GZIP: (bytes, maxOutputLength) => gunzipSync(bytes, { maxOutputLength }),
  BROTLI: (bytes, maxOutputLength) => brotliDecompressSync(bytes, { maxOutputLength }),
  ZSTD: (bytes, maxOutputLength) => zstdDecompressSync(bytes, { maxOutputLength }),
  LZ4: compressors.LZ4,
  LZ4_RAW: compressors.LZ4_RAW,
};

/** The bytes of a page, of which its header says how many they are. */
export function unpackPage(bytes: Uint8Array, length: number, codec: CompressionCodec): Buffer {
  const unpack = codecs[codec];
  if (!unpack) throw new Fault('SourceNotParquet');
  // Some writers pack a page of no bytes, and some do not.
  if (length === 0) return Buffer.alloc(0);
  const page = unpack(bytes, length);
  sound(page.length === length);
  return Buffer.from(page.buffer, page.byteOffset, page.byteLength);
}

function snappyLength(bytes: Uint8Array): number {
  let length = 0;
  for (let at = 0; at < 5; at++) {
    const byte = bytes[at] ?? 0;
    length += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) break;
  }
  return length;
}
