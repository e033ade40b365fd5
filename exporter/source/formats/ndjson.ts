import { Fault } from '../../fault.ts';
import type { Row, SourceEvent } from '../source.ts';
import { arrange, missingColumn, type Wanted, wantedColumns } from './columns.ts';
import { LineScanner, LineTooLong } from './lines.ts';
import { maxBatch, rowMaker, type SegmentOf } from './rows.ts';
import { textFault } from './table.ts';
import { plainText } from './text.ts';

/**
 * A table of one JSON object a line, in one file or several. Strings, numbers and
 * booleans are text; a name that an object does not have is empty there, as null is:
 * writers leave nulls away. So only at its end is it known that a table has no such name.
 */
export class NdjsonTable {
  readonly #wanted: Wanted;
  readonly #segmentOf: SegmentOf;
  readonly #names: readonly string[];
  readonly #segmentAt: number | undefined;
  readonly #toRow: () => Row | undefined;
  /** The texts of the object that was read last, by name; undefined where it has none that can be read. */
  readonly #cells: (string | undefined)[];
  /** Whether any object had the name. */
  readonly #seen: boolean[];
  #objects = 0;
  /** Of the first line that is no object. */
  #wrongLine: number | undefined;

  constructor(wanted: Wanted, segmentOf: SegmentOf) {
    this.#wanted = wanted;
    this.#segmentOf = segmentOf;
    const names = wantedColumns(wanted).map(([name]) => name);
    const columns = arrange([...names.keys()], wanted, names.length);
    this.#names = names;
    this.#segmentAt = columns.segmentField;
    this.#cells = names.map(() => '');
    this.#seen = names.map(() => false);
    const cells = { cellCount: names.length, cell: (index: number) => this.#cells[index] ?? '' };
    this.#toRow = rowMaker(cells, columns, wanted, segmentOf);
  }

  /**
   * The rows of one file. Lines that are no object are counted.
   * @throws Fault SourceEmpty, SourceNotNdjson, SourceDamaged, the last two with the line.
   */
  async *read(chunks: AsyncIterable<Buffer>): AsyncGenerator<SourceEvent, void> {
    const scanner = new LineScanner();
    let isEmpty = true;
    const take = (): Row | 'Unknown' | undefined => {
      for (let line = scanner.next(); line !== undefined; line = scanner.next()) {
        if (line.trim() === '') continue;
        isEmpty = false;
        const row = this.#rowOf(line, scanner.line);
        if (row !== undefined) return row;
      }
      return undefined;
    };
    try {
      for await (const text of plainText(chunks)) {
        scanner.push(text);
        yield* inBatches(take);
      }
      scanner.end();
      yield* inBatches(take);
    } catch (error) {
      if (error instanceof LineTooLong) throw new Fault('SourceNotNdjson', { line: scanner.line });
      throw textFault(error, 'SourceNotNdjson', scanner.lastLine);
    }
    if (isEmpty) throw new Fault('SourceEmpty');
  }

  /**
   * All its files were read.
   * @throws Fault FieldNotFound, SegmentFieldNotFound, ConsentFieldNotFound; SourceNotNdjson where no line is an object.
   */
  end(): void {
    if (this.#objects === 0) {
      if (this.#wrongLine === undefined) return;
      throw new Fault('SourceNotNdjson', { line: this.#wrongLine });
    }
    for (const [index, [, faults]] of wantedColumns(this.#wanted).entries()) {
      if (!this.#seen[index]) throw missingColumn(faults);
    }
  }

  /** Undefined where it belongs to no segment. */
  #rowOf(line: string, number: number): Row | 'Unknown' | undefined {
    const object = objectOf(line);
    if (object === undefined) {
      this.#wrongLine ??= number;
      return this.#unreadable('');
    }
    this.#objects++;
    for (const [index, name] of this.#names.entries()) {
      // A name such as "constructor" is every object's, and no column.
      const has = Object.hasOwn(object, name);
      if (has) this.#seen[index] = true;
      this.#cells[index] = has ? textOf(object[name]) : '';
    }
    if (!this.#cells.includes(undefined)) return this.#toRow();
    return this.#unreadable(this.#segmentAt === undefined ? '' : this.#cells[this.#segmentAt]);
  }

  /** A row of which no cell may be used, but perhaps that of the segment. */
  #unreadable(segmentText: string | undefined): Row | 'Unknown' | undefined {
    if (this.#segmentAt !== undefined && (segmentText ?? '') === '') return 'Unknown';
    const segment = this.#segmentOf((segmentText ?? '').trim());
    return segment === undefined ? undefined : { segment, candidates: 'misshapen', hasConsent: false };
  }
}

function* inBatches(take: () => Row | 'Unknown' | undefined): Generator<SourceEvent, void> {
  let rows: Row[] = [];
  let malformed = 0;
  for (let row = take(); row !== undefined; row = take()) {
    if (row === 'Unknown') malformed++;
    else if (rows.push(row) === maxBatch) {
      yield { kind: 'rows', rows };
      rows = [];
    }
  }
  if (rows.length > 0) yield { kind: 'rows', rows };
  if (malformed > 0) yield { kind: 'malformed', count: malformed };
}

function objectOf(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined for what has no text. A number that was rounded is another one: two segments could become one. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (value === null) return '';
  if (typeof value === 'boolean') return String(value);
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : String(value);
}
