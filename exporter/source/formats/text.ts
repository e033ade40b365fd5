import { isUtf8 } from 'node:buffer';
import type { Encoding } from '../../../api/rundocument.ts';
import { unpacked } from './compression.ts';
import { transcoded } from './encoding.ts';

/** From here on the file is no text. */
export class NotText extends Error {}

/**
 * The text, as UTF-8 bytes, of a file that is plain or compressed. What it takes and
 * what it gives is good until the next is asked for.
 * @throws NotText or Damaged, once it has given the lines before: whoever reads them knows which line it is.
 */
export async function* plainText(
  chunks: AsyncIterable<Buffer>,
  encoding: Encoding = 'UTF8',
): AsyncGenerator<Buffer, void> {
  let rest: Buffer = Buffer.alloc(0);
  const bytesOf = unpacked(chunks);
  for await (const chunk of encoding === 'UTF8' ? bytesOf : transcoded(bytesOf, encoding)) {
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
