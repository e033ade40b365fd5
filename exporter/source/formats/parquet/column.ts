import { crc32 } from 'node:zlib';
import type { ColumnMetaData, PageHeader } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { Fault } from '../../../fault.ts';
import type { StoredFile } from '../../files/store.ts';
import { orDamaged, sound } from './damage.ts';
import { type PageColumn, PageRows, readDictionary, readPage } from './page.ts';

/** Bytes that are read at once, where a page is not longer. */
const pieceBytes = 2 * 1024 * 1024;
/** Pages have a megabyte or so; some writers make one of each column. More is taken for damage, and would fill the memory. */
const maxPageBytes = 128 * 1024 * 1024;
/** Headers hold the least and the greatest value of their page, in whole with some writers. */
const headerBytes = [16 * 1024, 4 * 1024 * 1024];

/** The rows of one column in one row group. It holds one page, the dictionary, and the bytes of what comes next. */
export class ColumnRows {
  readonly #bytes: PieceByPiece;
  readonly #column: PageColumn;
  #dictionary: readonly string[] | undefined;
  #page = new PageRows(0, undefined, () => '');
  /** Rows that the pages to come should have. */
  #expected: number;

  constructor(file: StoredFile, chunk: ColumnMetaData, column: PageColumn, rows: number) {
    const start = Number(chunk.dictionary_page_offset || chunk.data_page_offset);
    const end = start + Number(chunk.total_compressed_size);
    sound(start >= 0 && start <= end && end <= file.size);
    this.#bytes = new PieceByPiece(file, start, end);
    this.#column = column;
    this.#expected = rows;
  }

  /** The text of the present row. */
  get text(): string {
    return orDamaged(() => this.#page.text);
  }

  /** Moves to the next row, of those that are `ready`. */
  next(): void {
    this.#page.next();
  }

  /** How many rows can be taken without reading; reads where there is none. */
  async ready(signal: AbortSignal): Promise<number> {
    while (this.#page.rest === 0) {
      const header = await this.#readHeader(signal);
      const packed = await this.#bytes.take(header.compressed_page_size, signal);
      orDamaged(() => {
        // Those who write a checksum write it of the bytes in the file.
        sound(header.crc === undefined || crc32(packed) === header.crc >>> 0);
        this.#take(packed, header);
      });
    }
    return this.#page.rest;
  }

  #take(packed: Buffer, header: PageHeader): void {
    if (header.type === 'INDEX_PAGE') return;
    if (header.type === 'DICTIONARY_PAGE') {
      this.#dictionary = readDictionary(packed, header, this.#column);
      return;
    }
    const count = (header.data_page_header_v2 ?? header.data_page_header)?.num_values ?? -1;
    sound(Number.isInteger(count) && count >= 0 && count <= this.#expected);
    this.#expected -= count;
    this.#page = readPage(packed, header, this.#dictionary, this.#column);
  }

  async #readHeader(signal: AbortSignal): Promise<PageHeader> {
    for (const length of headerBytes) {
      const bytes = await this.#bytes.look(length, signal);
      const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), offset: 0 };
      try {
        const header = parquetHeader(reader);
        this.#bytes.skip(reader.offset);
        const { compressed_page_size: packed, uncompressed_page_size: length } = header;
        sound(isSize(packed) && isSize(length));
        return header;
      } catch (error) {
        if (error instanceof Fault) throw error;
        // It may be longer than what was read of it.
      }
    }
    throw new Fault('SourceDamaged');
  }
}

/** A damaged header may hold anything in place of a number. */
function isSize(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= maxPageBytes;
}

/** A range of a file, read in pieces. */
class PieceByPiece {
  readonly #file: StoredFile;
  /** Where the next piece begins in the file. */
  #next: number;
  readonly #end: number;
  #held: Buffer = Buffer.alloc(0);

  constructor(file: StoredFile, start: number, end: number) {
    this.#file = file;
    this.#next = start;
    this.#end = end;
  }

  /** At least so many of the next bytes, or all that there are. */
  async look(length: number, signal: AbortSignal): Promise<Buffer> {
    const missing = length - this.#held.length;
    if (missing > 0 && this.#next < this.#end) {
      const end = Math.min(this.#next + Math.max(missing, pieceBytes), this.#end);
      const piece = await this.#file.slice(this.#next, end, signal);
      this.#held = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]);
      this.#next = end;
    }
    return this.#held;
  }

  skip(length: number): void {
    this.#held = this.#held.subarray(length);
  }

  /** @throws Fault SourceDamaged where there are fewer. */
  async take(length: number, signal: AbortSignal): Promise<Buffer> {
    const bytes = (await this.look(length, signal)).subarray(0, length);
    sound(bytes.length === length);
    this.skip(length);
    return bytes;
  }
}
