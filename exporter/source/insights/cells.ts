import { Fault } from '../../fault.ts';
import { closes, endOfString, isSpace, opens, quote } from './jsonbytes.ts';

const colon = 0x3a;
const comma = 0x2c;
const closingBrace = 0x7d;

/**
 * Reads some properties of rows: what nobody asks for, such as a row's tag and key, is never made text, as it
 * would be most of the garbage of a scan.
 */
export class Cells {
  readonly #names: readonly Buffer[];

  constructor(names: readonly string[]) {
    this.#names = names.map((name) => Buffer.from(JSON.stringify(name)));
  }

  /**
   * The values, in the order of the names, of the object between two places; undefined where it has none.
   * @throws Fault SourceReplyInvalid where there is no object.
   */
  read(bytes: Buffer, from: number, to: number): unknown[] {
    const values: unknown[] = this.#names.map(() => undefined);
    let at = skipSpace(bytes, from + 1);
    if (bytes[at] === closingBrace) return values;
    while (at < to) {
      if (bytes[at] !== quote) break;
      const endOfName = endOfString(bytes, at) + 1;
      const index = this.#indexOf(bytes, at, endOfName);
      at = skipSpace(bytes, endOfName);
      if (bytes[at] !== colon) break;
      const start = skipSpace(bytes, at + 1);
      const end = endOfValue(bytes, start, to);
      if (end === start) break;
      if (index !== -1) values[index] = valueAt(bytes, start, end);
      at = skipSpace(bytes, end);
      if (bytes[at] === closingBrace && at === to - 1) return values;
      if (bytes[at] !== comma) break;
      at = skipSpace(bytes, at + 1);
    }
    throw new Fault('SourceReplyInvalid', { status: 200 });
  }

  #indexOf(bytes: Buffer, start: number, end: number): number {
    for (let index = 0; index < this.#names.length; index++) {
      const name = this.#names[index];
      if (name?.length === end - start && bytes.compare(name, 0, name.length, start, end) === 0) return index;
    }
    return -1;
  }
}

function skipSpace(bytes: Buffer, start: number): number {
  let at = start;
  while (isSpace(bytes[at] ?? 0)) at++;
  return at;
}

function endOfValue(bytes: Buffer, start: number, to: number): number {
  let depth = 0;
  for (let at = start; at < to; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === quote) at = endOfString(bytes, at);
    else if (opens(byte)) depth++;
    else if (depth === 0 && (byte === comma || closes(byte))) return at;
    else if (closes(byte)) depth--;
  }
  return to;
}

/** Most are texts without escapes, which need no parsing. */
function valueAt(bytes: Buffer, start: number, end: number): unknown {
  if (bytes[start] === quote && endOfString(bytes, start) === end - 1) {
    const text = bytes.toString('utf8', start + 1, end - 1);
    if (!text.includes('\\')) return text;
  }
  try {
    return JSON.parse(bytes.toString('utf8', start, end));
  } catch {
    throw new Fault('SourceReplyInvalid', { status: 200 });
  }
}
