const magic = 0xfd2f_b528;
const skippableMagic = 0x184d_2a50;

/** What comes next, and how many bytes of it. */
type Expected =
  | { kind: 'Magic' | 'SkippedSize' | 'Descriptor' | 'FrameHeader' | 'BlockHeader'; length: number }
  | { kind: 'Block' | 'Skipped'; length: number; endsFrame: boolean };

const start: Expected = { kind: 'Magic', length: 4 };

/**
 * Finds where the frames of a zstd file end (RFC 8878, section 3), without unpacking them. Data
 * that is no zstd is left to whoever unpacks it to refuse.
 */
export class ZstdFrames {
  #expected: Expected = start;
  /** Bytes of a header that came with earlier chunks. */
  #held = Buffer.alloc(0);
  #hasChecksum = false;
  #isLost = false;

  /** Whether a file that begins with these bytes is zstd. */
  static begins(head: Buffer): boolean {
    if (head.length < 4) return false;
    const number = head.readUInt32LE(0);
    return number === magic || isSkippable(number);
  }

  /** The same bytes, cut where frames end. */
  *split(chunk: Buffer): Generator<Buffer, void> {
    let from = 0;
    let at = 0;
    while (at < chunk.length && !this.#isLost) {
      const taken = this.#take(chunk, at);
      at += taken.length;
      if (taken.endsFrame) {
        yield chunk.subarray(from, at);
        from = at;
      }
    }
    if (from < chunk.length) yield chunk.subarray(from);
  }

  #take(chunk: Buffer, at: number): { length: number; endsFrame: boolean } {
    const expected = this.#expected;
    if ('endsFrame' in expected) {
      const length = Math.min(expected.length, chunk.length - at);
      if (length < expected.length) {
        this.#expected = { ...expected, length: expected.length - length };
        return { length, endsFrame: false };
      }
      return { length, endsFrame: this.#passed(expected.kind, expected.endsFrame) };
    }
    const part = chunk.subarray(at, at + expected.length - this.#held.length);
    const header = Buffer.concat([this.#held, part]);
    const isWhole = header.length === expected.length;
    this.#held = isWhole ? Buffer.alloc(0) : header;
    return { length: part.length, endsFrame: isWhole && this.#passed(expected.kind, false, header) };
  }

  /** Moves on to what follows, past everything of no bytes; true where a frame ended. */
  #passed(kind: Expected['kind'], endsFrame: boolean, header = Buffer.alloc(0)): boolean {
    const next = endsFrame ? start : this.#following(kind, header);
    this.#expected = next;
    if (next.length > 0) return endsFrame;
    return this.#passed(next.kind, 'endsFrame' in next && next.endsFrame) || endsFrame;
  }

  #following(kind: Expected['kind'], header: Buffer): Expected {
    if (kind === 'Magic') return this.#afterMagic(header.readUInt32LE(0));
    if (kind === 'SkippedSize') return { kind: 'Skipped', length: header.readUInt32LE(0), endsFrame: true };
    if (kind === 'Descriptor') return this.#afterDescriptor(header.readUInt8(0));
    if (kind === 'BlockHeader') return this.#afterBlockHeader(header.readUIntLE(0, 3));
    return { kind: 'BlockHeader', length: 3 };
  }

  #afterMagic(number: number): Expected {
    if (isSkippable(number)) return { kind: 'SkippedSize', length: 4 };
    this.#isLost = number !== magic;
    return { kind: 'Descriptor', length: 1 };
  }

  #afterDescriptor(descriptor: number): Expected {
    const isSingleSegment = (descriptor & 0x20) !== 0;
    this.#hasChecksum = (descriptor & 0x04) !== 0;
    const sizeLength = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
    const dictionaryLength = [0, 1, 2, 4][descriptor & 0x03] ?? 0;
    return { kind: 'FrameHeader', length: (isSingleSegment ? 0 : 1) + dictionaryLength + sizeLength };
  }

  #afterBlockHeader(header: number): Expected {
    const isLast = (header & 1) === 1;
    const isRepeated = ((header >> 1) & 3) === 1;
    const length = isRepeated ? 1 : header >> 3;
    if (!isLast) return { kind: 'Block', length, endsFrame: false };
    // The checksum is four more bytes of which nothing need be known.
    return { kind: 'Block', length: length + (this.#hasChecksum ? 4 : 0), endsFrame: true };
  }
}

/** Frames of other programs' own data, any of sixteen numbers. */
function isSkippable(number: number): boolean {
  return (number & 0xffff_fff0) === skippableMagic;
}
