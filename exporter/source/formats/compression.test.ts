import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Damaged, unpacked } from './compression.ts';

/** In one piece of memory, as files are read. */
async function* chunksOf(bytes: Buffer, size: number): AsyncGenerator<Buffer, void> {
  const memory = Buffer.alloc(size);
  for (let at = 0; at < bytes.length; at += size) yield memory.subarray(0, bytes.copy(memory, 0, at));
}

/** What was given, and whether it ended in Damaged. */
async function unpack(bytes: Buffer, size = 1024): Promise<{ text: string; isDamaged: boolean }> {
  const parts: Buffer[] = [];
  let isDamaged = false;
  try {
    for await (const part of unpacked(chunksOf(bytes, size))) parts.push(Buffer.from(part));
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
    isDamaged = true;
  }
  return { text: Buffer.concat(parts).toString('latin1'), isDamaged };
}

const zstd = (text: string | Buffer, checksum = false): Buffer =>
  zstdCompressSync(text, { params: { [constants.ZSTD_c_checksumFlag]: checksum ? 1 : 0 } });
const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
const emptySkippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);

describe('unpacked', () => {
  test('gives members and frames in a row as one file, wherever the chunks end', async () => {
    const part = fc.record({
      text: fc.oneof(
        fc.string({ maxLength: 40 }),
        // More than one block of zstd, with blocks of one byte repeated.
        fc.nat({ max: 300_000 }).map((count) => 'x'.repeat(count)),
        fc
          .uint8Array({ minLength: 200_000, maxLength: 200_000 })
          .map((bytes) => Buffer.from(bytes).toString('latin1')),
      ),
      checksum: fc.boolean(),
      skipped: fc.constantFrom(Buffer.alloc(0), skippable, emptySkippable),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(part, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(1, 2, 3, 7, 1000, 100_000),
        async (parts, size) => {
          const text = parts.map((one) => one.text).join('');
          const bytes = parts.map((one) => Buffer.from(one.text, 'latin1'));
          const large = text.length > 1000 && size < 1000 ? 1000 : size;
          const gzip = Buffer.concat(bytes.map((one) => gzipSync(one)));
          expect(await unpack(gzip, large)).toEqual({ text, isDamaged: false });
          const frames = parts.flatMap((one, index) => [one.skipped, zstd(bytes[index] ?? '', one.checksum)]);
          expect(await unpack(Buffer.concat(frames), large)).toEqual({ text, isDamaged: false });
        },
      ),
      { numRuns: 40 },
    );
  }, 60_000);

  test.each(['', 'a', '\x1f', 'email\n'])(
    'a file that is not compressed stays as it is: %j',
    async (text) => {
      for (const size of [1, 1024]) {
        expect(await unpack(Buffer.from(text), size)).toEqual({ text, isDamaged: false });
      }
    },
  );

  test.each([
    ['gzip that is cut off', gzipSync('a\n'.repeat(10)).subarray(0, -9)],
    ['gzip whose second member is cut off', Buffer.concat([gzipSync('a\n'), gzipSync('b\n').subarray(0, 3)])],
    ['gzip with something behind it', Buffer.concat([gzipSync('a\n'), Buffer.from('more')])],
    ['gzip that is damaged', Buffer.concat([gzipSync('a\n').subarray(0, 10), Buffer.from('damaged')])],
    ['zstd that is cut off', zstd('a\n'.repeat(10)).subarray(0, -3)],
    ['zstd whose second frame is cut off', Buffer.concat([zstd('a\n'), zstd('b\n').subarray(0, 5)])],
    ['zstd with something behind it', Buffer.concat([zstd('a\n'), Buffer.from('more')])],
    ['zstd whose checksum is wrong', damagedAtEnd(zstd('a\n'.repeat(100), true))],
    ['zstd that needs more memory than there is', largeWindow()],
  ])('%s is damaged', async (_, bytes) => {
    for (const size of [2, 7, 1024]) expect(await unpack(bytes, size)).toMatchObject({ isDamaged: true });
  });

  test('what the source fails with is no damage', async () => {
    async function* broken(): AsyncGenerator<Buffer, void> {
      yield gzipSync('a\n'.repeat(1000)).subarray(0, 15);
      throw new TypeError('gone');
    }
    const all = async (): Promise<void> => {
      for await (const _ of unpacked(broken()));
    };
    await expect(all()).rejects.toThrow('gone');
  });
});

function damagedAtEnd(bytes: Buffer): Buffer {
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 0xff;
  return bytes;
}

/** A frame that says it looks back 128 MiB. */
function largeWindow(): Buffer {
  return Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3, 0x09, 0x00, 0x00, 0x61]);
}
