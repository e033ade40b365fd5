import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import { ZstdFrames } from './zstdframes.ts';

/** From here on compressed data is damaged or cut off. */
export class Damaged extends Error {}

/** What a file of zstd may ask for to be unpacked, 2 to this power: 32 MiB, as level 20 writes it. */
const maxWindowLog = 25;

const chunkSize = 256 * 1024;

/**
 * The bytes of a file that is plain, gzip or zstd, told by its first bytes and not by
 * its name; several members or frames in a row are one file. What it takes and what it
 * gives is good until the next is asked for.
 * @throws Damaged, once it has given what came before, as far as that could be unpacked.
 */
export async function* unpacked(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  const iterator = chunks[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < 4) {
    const next = await iterator.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  const all = prepend(head, iterator);
  const kind = kindOf(head);
  if (kind === 'Plain') yield* all;
  else if (kind === 'Gzip') yield* through(copies(all), createGunzip({ chunkSize }));
  else {
    const params = { [constants.ZSTD_d_windowLogMax]: maxWindowLog };
    yield* through(framesOf(all), createZstdDecompress({ chunkSize, params }));
  }
}

function kindOf(head: Buffer): 'Plain' | 'Gzip' | 'Zstd' {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'Gzip';
  return ZstdFrames.begins(head) ? 'Zstd' : 'Plain';
}

async function* through(
  chunks: AsyncIterable<Buffer>,
  unpack: ReturnType<typeof createGunzip>,
): AsyncGenerator<Buffer, void> {
  // As objects, so that no two chunks become one; one at a time, because each is memory.
  const feed = Readable.from(chunks, { highWaterMark: 1 });
  // The source's own failure is what matters of it; that of unpacking is seen by the loop below.
  let failure: unknown;
  feed.on('error', (error) => {
    failure = error;
  });
  const feeding = pipeline(feed, unpack).catch(() => undefined);
  try {
    for await (const chunk of unpack) yield chunk;
  } catch (error) {
    if (failure !== undefined) throw failure;
    throw isDamage(error) ? new Damaged() : error;
  } finally {
    unpack.destroy();
    await feeding;
  }
}

function isDamage(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && (code.startsWith('Z_') || code.startsWith('ZSTD_'));
}

/** A stream asks for the next chunk before it has used the last. */
async function* copies(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  for await (const chunk of chunks) yield Buffer.from(chunk);
}

/** Node's stream drops what follows a frame in the same chunk, without a word: each frame begins a chunk of its own. */
async function* framesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  const frames = new ZstdFrames();
  for await (const chunk of copies(chunks)) yield* frames.split(chunk);
}

async function* prepend(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer, void> {
  try {
    if (first.length > 0) yield first;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
