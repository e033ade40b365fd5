import type {
  CompressionCodec,
  DataReader,
  DecodedArray,
  Encoding,
  PageHeader,
  ParquetType,
} from 'hyparquet';
import { deltaBinaryUnpack, deltaByteArray, deltaLengthByteArray } from 'hyparquet/src/delta.js';
import { byteStreamSplit } from 'hyparquet/src/encoding.js';
import { readPlain } from 'hyparquet/src/plain.js';
import { Fault } from '../../../fault.ts';
import { unpackPage } from './codecs.ts';
import { sound } from './damage.ts';
import { unpackHybrid } from './hybrid.ts';
import type { TextOf } from './text.ts';

/** What must be known of a column to read its pages. */
export interface PageColumn {
  type: ParquetType;
  typeLength: number | undefined;
  isNullable: boolean;
  codec: CompressionCodec;
  textOf: TextOf;
}

/** The text of the value at an index, of those that are not null. */
type Values = (index: number) => string;

/** The rows of one page of one column, one after the other. */
export class PageRows {
  readonly #values: Values;
  /** 1 for each row that has a value; undefined where all have. */
  readonly #levels: Uint8Array | undefined;
  readonly #count: number;
  #row = -1;
  #value = -1;

  constructor(count: number, levels: Uint8Array | undefined, values: Values) {
    this.#count = count;
    this.#levels = levels;
    this.#values = values;
  }

  /** How many are still to come. */
  get rest(): number {
    return this.#count - 1 - this.#row;
  }

  next(): void {
    this.#row++;
    if (this.#isThere) this.#value++;
  }

  /** Of the present row; empty where its value is null. */
  get text(): string {
    return this.#isThere ? this.#values(this.#value) : '';
  }

  get #isThere(): boolean {
    return this.#levels === undefined || this.#levels[this.#row] === 1;
  }
}

/** The texts of a dictionary, whose numbers stand in pages in place of values. */
export function readDictionary(bytes: Buffer, header: PageHeader, column: PageColumn): string[] {
  const count = header.dictionary_page_header?.num_values ?? 0;
  // Each takes a byte or more.
  sound(Number.isInteger(count) && count >= 0 && count <= header.uncompressed_page_size);
  const page = unpackPage(bytes, header.uncompressed_page_size, column.codec);
  const values = plainValues(page, count, column);
  return Array.from({ length: count }, (_, index) => values(index));
}

/** The rows of a page of data. */
export function readPage(
  bytes: Buffer,
  header: PageHeader,
  dictionary: readonly string[] | undefined,
  column: PageColumn,
): PageRows {
  const { data_page_header: first, data_page_header_v2: second } = header;
  if (second) {
    const { num_values: count, num_nulls, definition_levels_byte_length: levelsLength } = second;
    sound(second.repetition_levels_byte_length === 0 && levelsLength >= 0 && levelsLength <= bytes.length);
    const levels = column.isNullable ? levelsOf(bytes.subarray(0, levelsLength), count) : undefined;
    const packed = bytes.subarray(levelsLength);
    const length = header.uncompressed_page_size - levelsLength;
    const page = second.is_compressed === false ? packed : unpackPage(packed, length, column.codec);
    return rowsOf(page, count, num_nulls === 0 ? undefined : levels, second.encoding, dictionary, column);
  }
  if (!first) throw new Fault('SourceDamaged');
  const page = unpackPage(bytes, header.uncompressed_page_size, column.codec);
  if (!column.isNullable)
    return rowsOf(page, first.num_values, undefined, first.encoding, dictionary, column);
  // An encoding of levels that was given up before there were columns of text.
  if (first.definition_level_encoding !== 'RLE') throw new Fault('SourceNotParquet');
  sound(page.length >= 4 && page.readUInt32LE(0) <= page.length - 4);
  const end = 4 + page.readUInt32LE(0);
  const levels = levelsOf(page.subarray(4, end), first.num_values);
  return rowsOf(page.subarray(end), first.num_values, levels, first.encoding, dictionary, column);
}

function levelsOf(bytes: Buffer, count: number): Uint8Array {
  const levels = new Uint8Array(count);
  unpackHybrid(bytes, 1, levels);
  return levels;
}

function rowsOf(
  page: Buffer,
  count: number,
  levels: Uint8Array | undefined,
  encoding: Encoding,
  dictionary: readonly string[] | undefined,
  column: PageColumn,
): PageRows {
  let valueCount = count;
  if (levels) {
    valueCount = 0;
    for (const level of levels) valueCount += level;
  }
  const values = valueCount === 0 ? () => '' : valuesOf(page, valueCount, encoding, dictionary, column);
  return new PageRows(count, levels, values);
}

function valuesOf(
  page: Buffer,
  count: number,
  encoding: Encoding,
  dictionary: readonly string[] | undefined,
  column: PageColumn,
): Values {
  if (encoding === 'RLE_DICTIONARY' || encoding === 'PLAIN_DICTIONARY') {
    if (!dictionary || page.length === 0) throw new Fault('SourceDamaged');
    const indexes = new Uint32Array(count);
    unpackHybrid(page.subarray(1), page.readUInt8(0), indexes);
    return (index) => dictionary[indexes[index] ?? 0] ?? damaged();
  }
  if (encoding === 'PLAIN') return plainValues(page, count, column);
  if (encoding === 'RLE' && column.type === 'BOOLEAN') return booleanRuns(page, count, column);
  const decoded = decode(page, count, encoding, column);
  return (index) => column.textOf(decoded[index]);
}

function damaged(): never {
  throw new Fault('SourceDamaged');
}

const widths: Readonly<Partial<Record<ParquetType, number>>> = {
  INT32: 4,
  INT64: 8,
  INT96: 12,
  FLOAT: 4,
  DOUBLE: 8,
};

function plainValues(page: Buffer, count: number, column: PageColumn): Values {
  const { type, typeLength, textOf } = column;
  if (type === 'BYTE_ARRAY') return plainBytes(page, count, column);
  if (type === 'BOOLEAN') {
    sound(count <= 8 * page.length);
    // A page of a megabyte holds eight million, for which there is no room elsewhere.
    return (index) => textOf(((page[index >>> 3] ?? 0) & (1 << (index & 7))) !== 0);
  }
  const width = type === 'FIXED_LEN_BYTE_ARRAY' ? (typeLength ?? 0) : (widths[type] ?? 0);
  sound(count * width <= page.length);
  const decoded = readPlain(readerOf(page), type, count, typeLength);
  return (index) => textOf(decoded[index]);
}

function booleanRuns(page: Buffer, count: number, { textOf }: PageColumn): Values {
  sound(page.length >= 4);
  const bits = new Uint8Array(count);
  unpackHybrid(page.subarray(4), 1, bits);
  return (index) => textOf(bits[index] === 1);
}

/** Bytes behind their lengths. Of most of them no text is ever made, and none needs an object of its own. */
function plainBytes(page: Buffer, count: number, { textOf }: PageColumn): Values {
  const starts = new Uint32Array(count);
  const ends = new Uint32Array(count);
  let at = 0;
  for (let index = 0; index < count; index++) {
    sound(at + 4 <= page.length);
    const start = at + 4;
    at = start + page.readUInt32LE(at);
    sound(at <= page.length);
    starts[index] = start;
    ends[index] = at;
  }
  return (index) => textOf(page.subarray(starts[index], ends[index]));
}

function decode(page: Buffer, count: number, encoding: Encoding, column: PageColumn): DecodedArray {
  const { type, typeLength } = column;
  // In memory of its own: lengths that are wrong must lead to its end, and not to what lies behind.
  const reader = readerOf(Buffer.from(new Uint8Array(page).buffer));
  if (encoding === 'BYTE_STREAM_SPLIT') return byteStreamSplit(reader, count, type, typeLength);
  if (encoding === 'DELTA_BINARY_PACKED') {
    const numbers = type === 'INT32' ? new Int32Array(count) : new BigInt64Array(count);
    deltaBinaryUnpack(reader, count, numbers);
    return numbers;
  }
  const texts = new Array<Uint8Array>(count);
  if (encoding === 'DELTA_LENGTH_BYTE_ARRAY') deltaLengthByteArray(reader, count, texts);
  else if (encoding === 'DELTA_BYTE_ARRAY') deltaByteArray(reader, count, texts);
  else throw new Fault('SourceNotParquet');
  return texts;
}

function readerOf(page: Buffer): DataReader {
  return { view: new DataView(page.buffer, page.byteOffset, page.byteLength), offset: 0 };
}
