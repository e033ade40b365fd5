import { isUtf8 } from 'node:buffer';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { Fault } from '../fault.ts';

/**
 * The plain text, as UTF-8 bytes, of a file that is plain or gzip (told by its
 * first bytes, not by its name).
 * @throws Fault SourceNotCsv with the line (of the plain text), where bytes are no UTF-8 text or
 * the gzip stream is damaged or cut off.
 */
export async function* plainText(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let line = 1;
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of unzipped(chunks)) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const whole = bytes.length - unfinishedLength(bytes);
      const part = bytes.subarray(0, whole);
      if (part.includes(0) || !isUtf8(part)) {
        throw new Fault('SourceNotCsv', { line: line + lineOfFault(part) });
      }
      rest = bytes.subarray(whole);
      line += countLineFeeds(part);
      if (part.length > 0) yield part;
    }
  } catch (error) {
    if (error instanceof DamagedGzip) throw new Fault('SourceNotCsv', { line });
    throw error;
  }
  if (rest.length > 0) throw new Fault('SourceNotCsv', { line });
}

class DamagedGzip extends Error {}

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
  const feeding = pipeline(Readable.from(all, { objectMode: false }), gunzip).catch(() => undefined);
  try {
    for await (const chunk of gunzip) yield chunk;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    throw typeof code === 'string' && code.startsWith('Z_') ? new DamagedGzip() : error;
  } finally {
    gunzip.destroy();
    await feeding;
  }
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

function countLineFeeds(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) count++;
  return count;
}

/** Line feeds before the first line that is no text. A line feed is never a part of another character. */
function lineOfFault(bytes: Buffer): number {
  let lines = 0;
  let start = 0;
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
    const line = bytes.subarray(start, end);
    if (line.includes(0) || !isUtf8(line)) return lines;
    lines++;
    start = end + 1;
  }
  return lines;
}
