import { isRecord } from '../../criteo/problems.ts';
import type { Cells } from './cells.ts';
import { closes, endOfString, isSpace, opens, quote } from './jsonbytes.ts';

export type JsonRow = Record<string, unknown>;

const comma = 0x2c;
const openingBrace = 0x7b;
/** Of a full page; an array of numbers would be garbage of some size with each page. */
const firstBounds = 10_000;

/**
 * The rows of a page, `{.., "value":[{..},..], ..}`, which are read one by one: parsed as one, a page of 5000 rows is
 * megabytes that outlive it, and four scans have four of them.
 */
export class Rows {
  readonly #bytes: Buffer;
  /** Where each row starts and ends. */
  readonly #bounds: Uint32Array;

  constructor(bytes: Buffer, bounds: Uint32Array) {
    this.#bytes = bytes;
    this.#bounds = bounds;
  }

  get length(): number {
    return this.#bounds.length / 2;
  }

  /**
   * The cells of a row. Not a generator of rows, whose frame keeps each alive that it gives while garbage is being marked.
   * @throws Fault SourceReplyInvalid where the row is no object.
   */
  read(index: number, cells: Cells): unknown[] {
    return cells.read(this.#bytes, this.#bounds[index * 2] ?? 0, this.#bounds[index * 2 + 1] ?? 0);
  }
}

export interface RawPage {
  rows: Rows;
  /** What stands around the rows. */
  envelope: JsonRow;
}

/** Undefined where it is no page, or one that is cut off. The rows are good as long as the bytes are. */
export function readPage(bytes: Buffer): RawPage | undefined {
  const bounds = new Bounds();
  let depth = 0;
  /** Where the list of rows begins, and behind its end. */
  let from = -1;
  let to = -1;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    const isInList = from !== -1 && to === -1;
    if (byte === quote) {
      const start = at;
      at = endOfString(bytes, start);
      if (at === -1 || (isInList && depth === 2)) return undefined;
      if (depth !== 1 || from !== -1) continue;
      from = startOfRows(bytes, start, at);
      if (from === -1) continue;
      at = from;
      depth = 2;
    } else if (opens(byte)) {
      if (isInList && depth === 2) {
        if (byte !== openingBrace) return undefined;
        bounds.add(at);
      }
      depth++;
    } else if (closes(byte)) {
      depth--;
      if (isInList && depth === 2) bounds.add(at + 1);
      else if (isInList && depth === 1) to = at + 1;
    } else if (isInList && depth === 2 && byte !== comma && !isSpace(byte)) return undefined;
  }
  if (depth !== 0 || to === -1) return undefined;
  const envelope = parse(`${bytes.toString('utf8', 0, from)}[]${bytes.toString('utf8', to)}`);
  return envelope && { rows: new Rows(bytes, bounds.all), envelope };
}

class Bounds {
  #numbers = new Uint32Array(firstBounds);
  #count = 0;

  get all(): Uint32Array {
    return this.#numbers.subarray(0, this.#count);
  }

  add(at: number): void {
    if (this.#count === this.#numbers.length) {
      const more = new Uint32Array(this.#count * 2);
      more.set(this.#numbers);
      this.#numbers = more;
    }
    this.#numbers[this.#count++] = at;
  }
}

const name = Buffer.from('"value"');

/** Where the list begins, if the string is the name of the rows and a list follows; else -1. */
function startOfRows(bytes: Buffer, start: number, end: number): number {
  if (end - start + 1 !== name.length || bytes.compare(name, 0, name.length, start, end + 1) !== 0) return -1;
  // No more than a colon and white space stands between them.
  const [found = ''] = /^\s*:\s*\[/.exec(bytes.toString('latin1', end + 1, end + 20)) ?? [];
  return found === '' ? -1 : end + found.length;
}

/** An object; undefined where the text is none. */
export function parse(text: string): JsonRow | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return isRecord(json) ? json : undefined;
  } catch {
    return undefined;
  }
}
