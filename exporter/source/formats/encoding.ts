import type { Encoding } from '../../../api/rundocument.ts';

type Foreign = Exclude<Encoding, 'UTF8'>;

/**
 * The text of another encoding as UTF-8 bytes. What stands for no character becomes a
 * NUL, which no text may hold either, so that one check finds both, with their line.
 */
export async function* transcoded(
  chunks: AsyncIterable<Buffer>,
  encoding: Foreign,
): AsyncGenerator<Buffer, void> {
  if (encoding === 'UTF16LE') yield* fromUtf16(chunks);
  else for await (const chunk of chunks) yield Buffer.from(windowsText(chunk));
}

async function* fromUtf16(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let rest = Buffer.alloc(0);
  let isFirst = true;
  for await (const chunk of chunks) {
    const bytes = Buffer.concat([rest, chunk]);
    const whole = bytes.length - unfinishedLength(bytes);
    rest = Buffer.from(bytes.subarray(whole));
    if (whole === 0) continue;
    const text = bytes.toString('utf16le', 0, whole);
    // The mark of the other byte order: every character of the file would be another one.
    yield Buffer.from(isFirst && text.startsWith('\ufffe') ? '\0' : characters(text));
    isFirst = false;
  }
  if (rest.length > 0) yield Buffer.from('\0');
}

/** Bytes at the end whose rest comes with the next chunk: half a unit, and the first of two units. */
function unfinishedLength(bytes: Buffer): number {
  const odd = bytes.length % 2;
  const last = bytes.length - odd - 2;
  const isFirstOfTwo = last >= 0 && (bytes.readUInt16LE(last) & 0xfc00) === 0xd800;
  return odd + (isFirstOfTwo ? 2 : 0);
}

function characters(text: string): string {
  return text.isWellFormed() ? text : text.replace(/\p{Surrogate}/gu, '\0');
}

/** Windows-1252 from 0x80 to 0x9f; in all other places it is Latin-1. Five of them stand for nothing. */
const windowsOnly = '€\0‚ƒ„…†‡ˆ‰Š‹Œ\0Ž\0\0‘’“”•–—˜™š›œ\0žŸ';

function windowsText(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  return text.replace(/[\x80-\x9f]/g, (character) => windowsOnly.charAt(character.charCodeAt(0) - 0x80));
}
