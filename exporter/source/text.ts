import { isUtf8 } from 'node:buffer';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

/** From here on the file is no UTF-8 text, or its gzip stream is damaged or cut off. */
export class NotText extends Error {}

/**
 * The plain text, as UTF-8 bytes, of a file that is plain or gzip (told by its
 * first bytes, not by its name). What it takes and what it gives is good until the
 * next is asked for.
 * @throws NotText, once it has given the lines before: whoever reads them knows which line it is.
 */
export async function* plainText(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of unzipped(chunks)) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const whole = bytes.length - unfinishedLength(bytes);
    const part = bytes.subarray(0, whole);
    if (!isText(part)) {
      yield part.subarray(0, startOfFault(part));
      throw new NotText();
    }
    rest = Buffer.from(bytes.subarray(whole));
    if (part.length > 0) yield part;
  }
  if (rest.length > 0) throw new NotText();
}

async function* unzipped(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done) return;
  const all = prepend(first.value, iterator);
  if (!(first.value[0] === 0x1f && first.value[1] === 0x8b)) {
    yield* all;
    return;
  }
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  // Its failure is seen by the loop below, as the gunzip stream's own.
  const feeding = pipeline(Readable.from(copies(all), { objectMode: false }), gunzip).catch(() => undefined);
  try {
    for await (const chunk of gunzip) yield chunk;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    throw typeof code === 'string' && code.startsWith('Z_') ? new NotText() : error;
  } finally {
    gunzip.destroy();
    await feeding;
  }
}

/** A stream asks for the next chunk before it has used the last. */
async function* copies(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  for await (const chunk of chunks) yield Buffer.from(chunk);
}

async function* prepend(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer, void> {
  try {
    yield first;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

/** Bytes at the end that are the start of a character whose rest comes with the next chunk: 0 to 3. */
function unfinishedLength(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? back : 0;
    }
    if (byte < 0x80) return 0;
  }
  return 0;
}

function isText(bytes: Buffer): boolean {
  return !bytes.includes(0) && isUtf8(bytes);
}

/** Where the first line begins that is no text. A line end is never a part of another character. */
function startOfFault(bytes: Buffer): number {
  let start = 0;
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] !== 0x0a && bytes[at] !== 0x0d) continue;
    if (!isText(bytes.subarray(start, at))) return start;
    start = at + 1;
  }
  return start;
}
