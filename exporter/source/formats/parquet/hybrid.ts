import { sound } from './damage.ts';

/**
 * Unpacks numbers of `width` bits from runs, some repeated and some packed, into the whole of `output`
 * (Parquet's RLE/bit-packing hybrid). No more is written than there is room for, whatever the data says.
 */
export function unpackHybrid(bytes: Buffer, width: number, output: Uint8Array | Uint32Array): void {
  sound(width <= 32);
  let at = 0;
  let filled = 0;
  while (filled < output.length) {
    let header = 0;
    let byte = 0x80;
    for (let shift = 0; byte >= 0x80; shift += 7) {
      sound(at < bytes.length && shift < 35);
      byte = bytes[at++] ?? 0;
      header += (byte & 0x7f) * 2 ** shift;
    }
    const isPacked = header % 2 === 1;
    const count = Math.floor(header / 2) * (isPacked ? 8 : 1);
    const end = Math.min(filled + count, output.length);
    const length = isPacked ? (count / 8) * width : Math.ceil(width / 8);
    if (isPacked) {
      // The last run may be cut off behind the last number that is needed.
      sound(at + Math.ceil(((end - filled) * width) / 8) <= bytes.length);
      unpackBits(bytes, at, width, output, filled, end);
    } else {
      sound(at + length <= bytes.length);
      output.fill(length === 0 ? 0 : bytes.readUIntLE(at, length), filled, end);
    }
    filled = end;
    at += length;
  }
}

function unpackBits(
  bytes: Buffer,
  start: number,
  width: number,
  output: Uint8Array | Uint32Array,
  from: number,
  to: number,
): void {
  const mask = width === 32 ? -1 : (1 << width) - 1;
  let bit = 0;
  for (let index = from; index < to; index++) {
    const at = start + (bit >>> 3);
    const shift = bit & 7;
    let value =
      ((bytes[at] ?? 0) |
        ((bytes[at + 1] ?? 0) << 8) |
        ((bytes[at + 2] ?? 0) << 16) |
        ((bytes[at + 3] ?? 0) << 24)) >>>
      shift;
    if (shift + width > 32) value |= (bytes[at + 4] ?? 0) << (32 - shift);
    output[index] = value & mask;
    bit += width;
  }
}
