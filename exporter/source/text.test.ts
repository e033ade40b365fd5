import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plainText } from './text.ts';

async function textOf(bytes: Buffer, size = 1024): Promise<string> {
  async function* chunks(): AsyncGenerator<Buffer, void> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const parts: Buffer[] = [];
  for await (const part of plainText(chunks())) parts.push(part);
  return Buffer.concat(parts).toString();
}

describe('plainText', () => {
  test('any text comes out as it went in, plain or gzip, wherever the chunks end', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 30 }).filter((value) => !value.includes('\0'));
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 5 }), async (value, size) => {
        const bytes = Buffer.from(value);
        expect(await textOf(bytes, size)).toBe(bytes.toString());
        // The two bytes that tell gzip are looked for in the first chunk.
        expect(await textOf(gzipSync(bytes), size + 1)).toBe(bytes.toString());
      }),
      { numRuns: 50 },
    );
  });

  test('gzip files put one after the other are one text', async () => {
    expect(await textOf(Buffer.concat([gzipSync('a\n'), gzipSync('b\n')]))).toBe('a\nb\n');
  });

  test.each([
    ['a byte that is no UTF-8', Buffer.from('a\nb\n\xe5se\n', 'latin1'), 3],
    ['a character cut off at the end', Buffer.from('a\n\xc3', 'latin1'), 2],
    ['UTF-16', Buffer.from('\ufeffa\nb', 'utf16le'), 1],
    ['a NUL', Buffer.from('a\nb\0'), 2],
    ['gzip cut off', gzipSync('a\n'.repeat(10)).subarray(0, -9), 1],
    ['gzip damaged', Buffer.concat([gzipSync('a\n').subarray(0, 10), Buffer.from('damaged')]), 1],
  ])('%s is refused with its line', async (_, bytes, line) => {
    for (const size of [2, 1024]) {
      const failing = textOf(bytes, size);
      await expect(failing).rejects.toMatchObject({ reason: 'SourceNotCsv' });
      if (!bytes.subarray(0, 2).equals(Buffer.from([0x1f, 0x8b]))) {
        await expect(textOf(bytes, size)).rejects.toMatchObject({ details: { line } });
      }
    }
  });
});
