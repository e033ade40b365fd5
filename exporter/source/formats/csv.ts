import type { Delimiter } from '../../../api/rundocument.ts';
import { Fault } from '../../fault.ts';

const codes: Readonly<Record<Delimiter, number>> = { Comma: 0x2c, Semicolon: 0x3b, Tab: 0x09, Pipe: 0x7c };
/** Delimiters that a table may have. */
export const delimiters = Object.keys(codes) as Delimiter[];

const quote = 0x22;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const byteOrderMark = Buffer.from('\ufeff');

/** A quote that is never closed would make the rest of the file one record. */
const maxRecordBytes = 1024 * 1024;

/**
 * Finds the records of CSV text (RFC 4180) and their cells; line ends are LF, CR LF
 * or CR, also mixed, and empty lines are no records. It works on bytes and makes
 * text of no cell but those that are asked for: an export needs one or two of a
 * dozen, and a parser that makes all of them takes most of a run's time (bench/README.md).
 *
 * Give it text with `push`, then take records with `next` until there is none;
 * after the last text call `end`, and take the rest. The cells are those of the
 * record that `next` found last, until either is called again.
 */
export class CsvScanner {
  readonly #delimiter: number;
  /** 1 for each byte that means nothing outside of quotes, and within them. */
  readonly #plain: Uint8Array;
  readonly #plainInQuotes: Uint8Array;

  /** Text that was pushed; from `#at` to `#length` not yet read; then always a line feed, so that loops stop there. */
  #bytes = Buffer.alloc(512 * 1024);
  #at = 0;
  #length = 0;
  #begun = false;
  #ended = false;

  /** The line at which the next record begins. */
  #line = 1;
  /** Line ends inside of the record that is being read. */
  #innerLines = 0;

  /** Where the cells of the last record begin and end, without their quotes. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #count = 0;

  constructor(delimiter: Delimiter) {
    this.#delimiter = codes[delimiter];
    this.#plain = allBut(this.#delimiter, quote, lineFeed, carriageReturn);
    this.#plainInQuotes = allBut(quote, lineFeed, carriageReturn);
  }

  /** Adds text. The scanner keeps no reference to it. */
  push(text: Uint8Array): void {
    this.#bytes.copyWithin(0, this.#at, this.#length);
    this.#length -= this.#at;
    this.#at = 0;
    const needed = this.#length + text.length + 1;
    if (needed > this.#bytes.length) {
      this.#bytes = Buffer.concat(
        [this.#bytes.subarray(0, this.#length)],
        Math.max(needed, 2 * this.#bytes.length),
      );
    }
    this.#bytes.set(text, this.#length);
    this.#length += text.length;
    this.#bytes[this.#length] = lineFeed;
  }

  /** No more text will come. */
  end(): void {
    this.#ended = true;
  }

  /** How many cells the last record has. */
  get cellCount(): number {
    return this.#count;
  }

  /** The text of a cell of the last record; empty where it has no such cell. */
  cell(index: number): string {
    if (index >= this.#count) return '';
    const start = this.#starts[index] ?? 0;
    const text = this.#bytes.toString('utf8', start, this.#ends[index]);
    // Only a cell in quotes has a quote before its text, and only there two of them mean one.
    return this.#bytes[start - 1] === quote ? text.replaceAll('""', '"') : text;
  }

  /** The text of all cells of the last record. */
  cells(): string[] {
    return Array.from({ length: this.#count }, (_, index) => this.cell(index));
  }

  /** The line at which the text that was pushed ends. */
  get lastLine(): number {
    let line = this.#line;
    for (let at = this.#at; at < this.#length; at++) {
      const byte = this.#bytes[at];
      const isFirstOfTwo = at + 1 < this.#length && this.#bytes[at + 1] === lineFeed;
      if (byte === lineFeed || (byte === carriageReturn && !isFirstOfTwo)) line++;
    }
    return line;
  }

  /**
   * Moves to the next record. False where the text that was pushed holds no further
   * whole one; where it holds a part, the next call reads that from its start again.
   * @throws Fault SourceNotCsv with the line.
   */
  next(): boolean {
    if (!this.#begun && !this.#begin()) return false;
    while (this.#at < this.#length) {
      const start = this.#at;
      const end = this.#readRecord(start);
      const isWhole = end <= this.#length || this.#ended;
      if ((isWhole ? end : this.#length) - start > maxRecordBytes) throw this.#fault(0);
      if (!isWhole) return false;
      this.#at = Math.min(end, this.#length);
      this.#line += 1 + this.#innerLines;
      const isEmptyLine = this.#count === 1 && this.#starts[0] === this.#ends[0] && this.#starts[0] === start;
      if (!isEmptyLine) return true;
    }
    return false;
  }

  /**
   * Finds the cells of the record at `start`, and where it ends: behind its line end.
   * That is past `#length` where the text ends before the record's line does.
   */
  #readRecord(start: number): number {
    const bytes = this.#bytes;
    this.#innerLines = 0;
    this.#count = 0;
    for (let at = start; ; at++) {
      if (bytes[at] === quote) at = this.#readQuoted(at + 1);
      else at = this.#readPlain(at);
      const byte = bytes[at];
      if (byte === this.#delimiter) continue;
      return byte === carriageReturn && bytes[at + 1] === lineFeed ? at + 2 : at + 1;
    }
  }

  /** The end of a cell without quotes. */
  #readPlain(start: number): number {
    const bytes = this.#bytes;
    const plain = this.#plain;
    let at = start;
    while (plain[bytes[at] ?? 0] === 1) at++;
    if (bytes[at] === quote) throw this.#fault(this.#innerLines);
    this.#addCell(start, at);
    return at;
  }

  /** The byte behind the closing quote of a cell that begins at `start`, behind its opening one. */
  #readQuoted(start: number): number {
    const bytes = this.#bytes;
    const plain = this.#plainInQuotes;
    for (let at = start; ; at++) {
      while (plain[bytes[at] ?? 0] === 1) at++;
      if (at >= this.#length) {
        if (this.#ended) throw this.#fault(0);
        return this.#length;
      }
      const next = bytes[at + 1] ?? 0;
      if (bytes[at] !== quote) {
        // A line end of two bytes is counted at its second.
        if (bytes[at] === lineFeed || next !== lineFeed) this.#innerLines++;
      } else if (next === quote) {
        at++;
      } else {
        if (next !== this.#delimiter && next !== lineFeed && next !== carriageReturn) {
          throw this.#fault(this.#innerLines);
        }
        this.#addCell(start, at);
        return at + 1;
      }
    }
  }

  #addCell(start: number, end: number): void {
    this.#starts[this.#count] = start;
    this.#ends[this.#count] = end;
    this.#count++;
  }

  /** What is to be mended stands this many lines below the record's first. */
  #fault(innerLines: number): Fault {
    return new Fault('SourceNotCsv', { line: this.#line + innerLines });
  }

  /** Skips a byte order mark, once there is enough text to tell. */
  #begin(): boolean {
    if (this.#length < byteOrderMark.length && !this.#ended) return false;
    this.#begun = true;
    if (this.#bytes.subarray(0, Math.min(this.#length, byteOrderMark.length)).equals(byteOrderMark))
      this.#at = byteOrderMark.length;
    return true;
  }
}

/** A table that has 1 for every byte but these. */
function allBut(...bytes: number[]): Uint8Array {
  const table = new Uint8Array(256).fill(1);
  for (const byte of bytes) table[byte] = 0;
  return table;
}

/** The first record of the text that starts with `head`, or undefined where it has none under this delimiter. */
export function readHeader(head: Uint8Array, delimiter: Delimiter): string[] | undefined {
  const scanner = new CsvScanner(delimiter);
  scanner.push(head);
  try {
    return scanner.next() ? scanner.cells() : undefined;
  } catch {
    return undefined;
  }
}
