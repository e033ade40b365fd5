import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NotText, plainText } from './text.ts';

/** The text that was given, and whether it ended in NotText. */
async function read(bytes: Buffer, size = 1024): Promise<{ text: string; isText: boolean }> {
  // In one piece of memory, as files are read.
  const memory = Buffer.alloc(size);
  async function* chunks(): AsyncGenerator<Buffer, void> {
    for (let at = 0; at < bytes.length; at += size) yield memory.subarray(0, bytes.copy(memory, 0, at));
  }
  const parts: Buffer[] = [];
  try {
    for await (const part of plainText(chunks())) parts.push(Buffer.from(part));
    return { text: Buffer.concat(parts).toString(), isText: true };
  } catch (error) {
    if (!(error instanceof NotText)) throw error;
    return { text: Buffer.concat(parts).toString(), isText: false };
  }
}

describe('plainText', () => {
  test('any text comes out as it went in, plain or gzip, wherever the chunks end', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 30 }).filter((value) => !value.includes('\0'));
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 5 }), async (value, size) => {
        const bytes = Buffer.from(value);
        const whole = { text: bytes.toString(), isText: true };
        expect(await read(bytes, size)).toEqual(whole);
        // The two bytes that tell gzip are looked for in the first chunk.
        expect(await read(gzipSync(bytes), size + 1)).toEqual(whole);
      }),
      { numRuns: 50 },
    );
  });

  test('gzip files put one after the other are one text', async () => {
    expect(await read(Buffer.concat([gzipSync('a\n'), gzipSync('b\n')]))).toEqual({
      text: 'a\nb\n',
      isText: true,
    });
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

  test.each([
    ['cut off', gzipSync('a\n'.repeat(10)).subarray(0, -9)],
    ['damaged', Buffer.concat([gzipSync('a\n').subarray(0, 10), Buffer.from('damaged')])],
  ])('gzip that is %s is refused', async (_, bytes) => {
    for (const size of [2, 1024]) expect(await read(bytes, size)).toMatchObject({ isText: false });
  });
});
