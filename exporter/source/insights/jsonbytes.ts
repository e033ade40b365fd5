/** JSON as bytes, as far as finding one's way in it takes. */

export const quote = 0x22;
const backslash = 0x5c;

/** Where the string that starts with this quote ends; -1 where it does not. */
export function endOfString(bytes: Buffer, start: number): number {
  for (let at = start + 1; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === backslash) at++;
    else if (byte === quote) return at;
  }
  return -1;
}

/** { and [. */
export function opens(byte: number): boolean {
  return byte === 0x7b || byte === 0x5b;
}

/** } and ]. */
export function closes(byte: number): boolean {
  return byte === 0x7d || byte === 0x5d;
}

export function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
