import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Encoding } from '../../../api/rundocument.ts';
import { NotText, plainText } from './text.ts';

/** The text that was given, and whether it ended in NotText. */
async function read(
  bytes: Buffer,
  size = 1024,
  encoding?: Encoding,
): Promise<{ text: string; isText: boolean }> {
  // In one piece of memory, as files are read.
  const memory = Buffer.alloc(size);
  async function* chunks(): AsyncGenerator<Buffer, void> {
    for (let at = 0; at < bytes.length; at += size) yield memory.subarray(0, bytes.copy(memory, 0, at));
  }
  const parts: Buffer[] = [];
  try {
    for await (const part of plainText(chunks(), encoding)) parts.push(Buffer.from(part));
    return { text: Buffer.concat(parts).toString(), isText: true };
  } catch (error) {
    if (!(error instanceof NotText)) throw error;
    return { text: Buffer.concat(parts).toString(), isText: false };
  }
}

describe('plainText', () => {
  test('any text comes out as it went in, wherever the chunks end', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 30 }).filter((value) => !value.includes('\0'));
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 5 }), async (value, size) => {
        const bytes = Buffer.from(value);
        expect(await read(bytes, size)).toEqual({ text: bytes.toString(), isText: true });
      }),
    );
  });

  test.each([
    ['a byte that is no UTF-8', Buffer.from('a\nb\n\xe5se\n', 'latin1'), 'a\nb\n'],
    ['a byte that is no UTF-8, in a file of CR', Buffer.from('a\rb\r\xe5se\r', 'latin1'), 'a\rb\r'],
    ['a character cut off at the end', Buffer.from('a\n\xc3', 'latin1'), 'a\n'],
    ['UTF-16', Buffer.from('\ufeffa\nb', 'utf16le'), ''],
    ['a NUL', Buffer.from('a\nb\0'), 'a\n'],
  ])('%s is refused after the lines before it were given', async (_, bytes, text) => {
    expect(await read(bytes)).toEqual({ text, isText: false });
    // In small chunks the start of the line may have been given before.
    const { text: given, isText } = await read(bytes, 2);
    expect(isText).toBe(false);
    expect(given.split(/[\r\n]/)).toHaveLength(text.split(/[\r\n]/).length);
  });

  test.each(['UTF16LE', 'Windows1252'] as const)('%s of any characters that it has', async (encoding) => {
    const unit =
      encoding === 'UTF16LE'
        ? fc.constantFrom('a', 'ø', '€', '😀', '\n')
        : fc.constantFrom(...windows.keys());
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit, maxLength: 20 }),
        fc.integer({ min: 1, max: 7 }),
        async (text, size) => {
          expect(await read(encoded(text, encoding), size, encoding)).toEqual({ text, isText: true });
        },
      ),
    );
  });

  test.each([
    ['UTF16LE', 'half a unit at the end', Buffer.concat([encoded('a\nb', 'UTF16LE'), Buffer.from('x')])],
    ['UTF16LE', 'half a pair', encoded('a\n\ud83dx', 'UTF16LE')],
    ['UTF16LE', 'the other byte order', Buffer.from('\ufeffa\nb', 'utf16le').swap16()],
    ['UTF16LE', 'a NUL', encoded('a\nx\0', 'UTF16LE')],
    ['Windows1252', 'a byte that stands for nothing', Buffer.from('a\n\x81', 'latin1')],
  ] as const)('%s: %s is no text', async (encoding, _, bytes) => {
    for (const size of [1, 2, 3, 1000]) {
      expect(await read(bytes, size, encoding)).toMatchObject({ isText: false });
    }
  });
});

/** What a few of its bytes stand for. */
const windows = new Map([
  ['a', 0x61],
  ['å', 0xe5],
  ['€', 0x80],
  ['ž', 0x9e],
  ['“', 0x93],
  ['\u00a0', 0xa0],
]);

function encoded(text: string, encoding: Encoding): Buffer {
  if (encoding === 'UTF16LE') return Buffer.from(text, 'utf16le');
  return Buffer.from(Array.from(text, (character) => windows.get(character) ?? 0));
}
