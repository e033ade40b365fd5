const lineFeed = 0x0a;
const byteOrderMark = Buffer.from('\ufeff');

/** More is no line of this table, and would have to be held in memory. */
const maxLineBytes = 1024 * 1024;

/** A line is longer than a megabyte. */
export class LineTooLong extends Error {}

/** Cuts UTF-8 text into lines, which end in LF. Give it text with `push`, then take lines with `next`. */
export class LineScanner {
  #text: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Ends of lines that were passed. */
  #passed = 0;
  #ended = false;

  /** Adds text. The scanner keeps no reference to it once all its lines were taken. */
  push(text: Buffer): void {
    const rest = this.#text.subarray(this.#at);
    this.#text = rest.length === 0 ? text : Buffer.concat([rest, text]);
    this.#at = 0;
  }

  /** No more text will come. */
  end(): void {
    this.#ended = true;
  }

  /** The line at which `next` found its last one, from 1. */
  line = 0;

  /** The line at which the text that was pushed ends. */
  get lastLine(): number {
    let line = this.#passed + 1;
    for (const byte of this.#text.subarray(this.#at)) if (byte === lineFeed) line++;
    return line;
  }

  /**
   * The next line, without its end; undefined where the text that was pushed holds no further whole one.
   * @throws LineTooLong
   */
  next(): string | undefined {
    const found = this.#text.indexOf(lineFeed, this.#at);
    const isWhole = found !== -1 || (this.#ended && this.#at < this.#text.length);
    const end = found === -1 ? this.#text.length : found;
    this.line = this.#passed + 1;
    if (end - this.#at > maxLineBytes) throw new LineTooLong();
    if (!isWhole) {
      // What was pushed is good only until the next is asked for.
      this.#text = Buffer.from(this.#text.subarray(this.#at));
      this.#at = 0;
      return undefined;
    }
    const hasMark = this.#passed === 0 && this.#text.subarray(this.#at, this.#at + 3).equals(byteOrderMark);
    const text = this.#text.toString('utf8', this.#at + (hasMark ? 3 : 0), end);
    this.#at = Math.min(end + 1, this.#text.length);
    if (found !== -1) this.#passed++;
    return text;
  }
}
