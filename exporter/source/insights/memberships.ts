import { Fault } from '../../fault.ts';
import type { Log } from '../../log.ts';
import { startProgress } from '../../progress.ts';
import { Cells } from './cells.ts';
import type { MemberSet } from './memberset.ts';
import type { Table } from './metadata.ts';
import { fullPage, isAccepted, type Page, type Query } from './pages.ts';
import { inParallel } from './parallel.ts';
import { both, rangeFilters } from './ranges.ts';
import { allPages } from './rowlimit.ts';
import { searchTexts, segmentNames } from './segmentnames.ts';
import { Refused, type WebApi } from './webapi.ts';

export const membershipTable = 'msdynci_segmentmembership';

const columns = {
  customer: 'msdynci_customerid',
  segments: 'msdynci_segments',
  type: 'msdynci_segmentmembershiptype',
  modified: 'modifiedon',
} as const;

export const membershipColumns: readonly string[] = [columns.customer, columns.segments, columns.type];

export interface MembershipsOptions {
  api: WebApi;
  table: Table;
  /** Names. */
  segments: readonly string[];
  membershipType: string;
  parallelScans: number;
  log: Log;
}

/** What the memberships tell of a segment. */
export interface Found {
  hasMembers: boolean;
  /** The latest modification of one of its memberships; milliseconds since the epoch. */
  writtenAt: number | undefined;
  /** Where it has no members: what has, nearly. */
  nearly: 'membership-type' | 'letter-case' | undefined;
}

export interface Memberships {
  found: readonly Found[];
  /** Customers whose segments cannot be read. */
  malformed: number;
}

/** Of more, each row counts as a customer of its own. */
const maxMalformedIds = 100_000;
/** Pages of rows with long lists of segments are made shorter, as there may be one a scan in memory. */
const aimedPageBytes = 4 * 1024 * 1024;
const shortestPage = 250;

/**
 * Puts the members of all segments into the set: one filtered scan a segment, of which every row is looked at again. A
 * scan of more than a page begins anew in `parallelScans` parts.
 * @throws Fault as WebApi.get does, and TooManyProfiles.
 */
export async function readMemberships(
  options: MembershipsOptions,
  members: MemberSet,
  signal: AbortSignal,
): Promise<Memberships> {
  const reader = new Reader(options, members, signal);
  using progress = startProgress(options.log, (rows) => `read ${rows} memberships`);
  reader.onRows = progress.advance;
  const unsearchable: number[] = [];
  for (const segment of options.segments.keys()) {
    if (!(await reader.search(segment))) unsearchable.push(segment);
  }
  if (unsearchable.length > 0) await reader.readAll(unsearchable);
  return { found: reader.found, malformed: reader.malformed };
}

class Reader {
  readonly found: Found[];
  onRows: (count: number) => void = () => undefined;
  readonly #options: MembershipsOptions;
  readonly #members: MemberSet;
  readonly #signal: AbortSignal;
  readonly #select: readonly string[];
  readonly #cells: Cells;
  /** Which of the search texts found the last segment: the others are likely to be found by the same. */
  #form = 0;
  #takesRanges: boolean | undefined;
  readonly #malformedIds = new Set<string>();
  #malformedBeyond = 0;
  /** The last text and what it names: many rows hold the same. */
  #last: { text: unknown; names: readonly string[] | undefined } = { text: undefined, names: [] };

  constructor(options: MembershipsOptions, members: MemberSet, signal: AbortSignal) {
    this.#options = options;
    this.#members = members;
    this.#signal = signal;
    const { customer, segments, type, modified } = columns;
    this.#select = [customer, segments, type, ...(options.table.columns.has(modified) ? [modified] : [])];
    this.#cells = new Cells(this.#select);
    this.found = options.segments.map(() => ({ hasMembers: false, writtenAt: undefined, nearly: undefined }));
  }

  get malformed(): number {
    return this.#malformedIds.size + this.#malformedBeyond;
  }

  /** Reads the rows that name the segment; false where the environment cannot search for it. */
  async search(segment: number): Promise<boolean> {
    const texts = searchTexts(this.#options.segments[segment] ?? '');
    const first = texts[this.#form];
    const inTurn = first === undefined ? texts : [first, ...texts.filter((text) => text !== first)];
    let isSearchable = false;
    for (const text of inTurn) {
      const filter = `contains(${columns.segments},'${text.replaceAll("'", "''")}')`;
      if (!(await this.#read(filter, [segment]))) continue;
      isSearchable = true;
      const { hasMembers, nearly } = this.found[segment] ?? {};
      if (hasMembers) this.#form = texts.indexOf(text);
      if (hasMembers || nearly !== undefined) break;
    }
    return isSearchable;
  }

  /** Reads the whole table for the segments. */
  async readAll(segments: readonly number[]): Promise<void> {
    this.#options.log.info('memberships cannot be searched, so all of them are read');
    await this.#read(undefined, segments);
  }

  /** False where the filter is refused. */
  async #read(filter: string | undefined, segments: readonly number[]): Promise<boolean> {
    const { api, table, parallelScans } = this.#options;
    const query: Query = { entitySet: table.entitySet, select: this.#select, filter, what: 'memberships' };
    try {
      for await (const page of allPages(api, table, query, columns.customer, this.#signal)) {
        this.#take(page, segments);
        // What was read is read once more: members who are in the set already stay in it.
        if (page.hasMore && parallelScans > 1 && (await this.#canSplit(query))) {
          await this.#readParts({ ...query, pageSize: pageSizeAfter(page) }, segments);
          return true;
        }
      }
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.status === 400 && filter !== undefined) return false;
      throw error.toFault(query.what);
    }
  }

  async #canSplit(query: Query): Promise<boolean> {
    const [, middle] = rangeFilters(columns.customer, 3);
    this.#takesRanges ??= await isAccepted(
      this.#options.api,
      { ...query, filter: both(query.filter, middle) },
      this.#signal,
    );
    return this.#takesRanges;
  }

  async #readParts(query: Query, segments: readonly number[]): Promise<void> {
    const { api, table, parallelScans } = this.#options;
    const parts = rangeFilters(columns.customer, parallelScans);
    const readPart = (range: string) =>
      allPages(api, table, { ...query, filter: both(query.filter, range) }, columns.customer, this.#signal);
    for await (const page of inParallel(parts, parallelScans, readPart)) this.#take(page, segments);
  }

  #take({ rows }: Page, segments: readonly number[]): void {
    for (let index = 0; index < rows.length; index++) this.#takeRow(rows.read(index, this.#cells), segments);
    this.onRows(rows.length);
  }

  #takeRow([id, text, type, modified]: readonly unknown[], segments: readonly number[]): void {
    // Null is a membership of nobody; without the property it is no row of this table.
    if (id === undefined) throw new Fault('SourceReplyInvalid', { status: 200 });
    const names = this.#namesIn(text);
    const isOfType = String(type ?? '').toLowerCase() === this.#options.membershipType.toLowerCase();
    const isReadable = names !== undefined && typeof id === 'string' && id !== '';
    if (!isReadable) {
      if (isOfType) this.#countMalformed(String(id ?? ''));
      return;
    }
    for (const segment of segments) {
      const name = this.#options.segments[segment] ?? '';
      const found = this.found[segment];
      if (found === undefined) continue;
      if (!names.includes(name)) {
        const isAlike = names.some((other) => other.toLowerCase() === name.toLowerCase());
        if (isAlike) found.nearly ??= 'letter-case';
      } else if (!isOfType) found.nearly ??= 'membership-type';
      else {
        this.#members.add(id, segment);
        found.hasMembers = true;
        found.writtenAt = later(found.writtenAt, modified);
      }
    }
  }

  #namesIn(text: unknown): readonly string[] | undefined {
    if (text !== this.#last.text) this.#last = { text, names: segmentNames(text) };
    return this.#last.names;
  }

  #countMalformed(id: string): void {
    if (this.#malformedIds.size < maxMalformedIds) this.#malformedIds.add(id);
    else this.#malformedBeyond++;
  }
}

function pageSizeAfter({ rows, bytes }: Page): number {
  const fitting = Math.floor((aimedPageBytes * rows.length) / Math.max(1, bytes));
  return Math.min(fullPage, Math.max(shortestPage, fitting));
}

/** The later of a time and a text of one; a text that is no time tells nothing. */
export function later(time: number | undefined, text: unknown): number | undefined {
  const other = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(other)) return time;
  return Math.max(time ?? other, other);
}
